#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands that read the guest tell of this machine what QEMU's own agent tells."""
import ctypes
import fcntl
import os
import pathlib
import platform
import socket
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import Agent, mount_tmpfs, own_mounts  # noqa: E402
from qga import Host, Oracle, Refused  # noqa: E402
from tap import case, equal, main, skip  # noqa: E402

MONOTONIC_CPU = ("user", "nice", "system", "irq", "softirq", "steal", "guest", "guestnice")
libc = ctypes.CDLL(None, use_errno=True)


class Both:
    """One host at each agent."""

    def __init__(self, **popen):
        if not Oracle.BINARY:
            raise AssertionError("no qemu-ga here; tools/install-needs build")
        self.agent = Agent(dialect="qga", **popen)
        self.oracle = Oracle(**popen)
        self.ours, self.theirs = Host(self.agent.path), Host(self.oracle.path)

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        self.ours.__exit__()
        self.theirs.__exit__()
        self.oracle.__exit__()
        self.agent.__exit__(kind, *rest)

    def same(self, command, arguments=None, order=None):
        """What both say is the same, after sorting by `order`."""
        said = []
        for host in (self.ours, self.theirs):
            try:
                value = host.call(command, arguments)
                said.append(sorted(value, key=order) if order else value)
            except Refused as refusal:
                said.append(str(refusal))
        equal(said[0], said[1], f"{command} {arguments or ''}")
        return said[0]

    def between(self, command):
        """Theirs, ours, theirs again: what grows in between is known."""
        return self.theirs.call(command), self.ours.call(command), self.theirs.call(command)


def grows(before, ours, after, members, what):
    for member in members:
        if not before[member] <= ours[member] <= after[member]:
            raise AssertionError(f"{what} {member}: {before[member]}, then ours {ours[member]}, then {after[member]}")


@case("names, system and time zone")
def _():
    with Both() as both:
        both.same("guest-get-host-name")
        both.same("guest-get-osinfo")
        both.same("guest-get-timezone")
    with Both(env={**os.environ, "TZ": "IST-5:30"}) as both:
        equal(both.same("guest-get-timezone"), {"zone": "IST", "offset": 19800})


@case("the system's names are those of the file in QGA_OS_RELEASE, whatever its quoting")
def _():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "release")
        pathlib.Path(path).write_text('ID=some-id;rest\nNAME="QEMU\'s"\nPRETTY_NAME="a \\" \\$ \\` \\\\ \\x b"\nVERSION="1 2" 3\n'
                                      'VERSION_ID=1 2\nVARIANT=""\n# ID=no\nVARIANT_ID="v\'\\\'"\n')
        with Both(env={"QGA_OS_RELEASE": path}) as both:
            equal(both.same("guest-get-osinfo")["pretty-name"], 'a " $ ` \\ \\x b')
        with Both(env={"QGA_OS_RELEASE": path + "-not"}) as both:
            equal(set(both.same("guest-get-osinfo")), {"kernel-release", "kernel-version", "machine"})


@case("who is logged in")
def _():
    with Both() as both:
        both.same("guest-get-users", order=lambda user: user["user"])
    if os.geteuid() != 0 or platform.machine() != "x86_64" or not own_mounts():
        skip("it takes root's own mounts, and x86_64's records, to log somebody in")
    mount_tmpfs("/run")
    with open("/run/utmp", "wb") as file:
        for kind, name, seconds, rest in ((2, b"reboot", 1, 0), (7, b"alice", 1700000005, 0), (7, b"bob", 1700000001, 70),
                                          (8, b"carol", 7, 0), (7, b"alice", 1700000000, 654321)):
            file.write(struct.pack("=hxxi32s4s32s256shhiii16s20x", kind, 1, b"tty1", b"1", name, b"", 0, 0, 0, seconds, rest, b""))
    with Both() as both:
        users = both.same("guest-get-users", order=lambda user: user["user"])
        equal(users, [{"user": "alice", "login-time": 1700000000.654321}, {"user": "bob", "login-time": 1700000001.00007}])


@case("processor times and disk counters, between two answers of theirs")
def _():
    with Both() as both:
        for before, ours, after in zip(*both.between("guest-get-cpustats")):
            equal(set(ours), set(before))
            equal((ours["cpu"], ours["type"]), (before["cpu"], before["type"]))
            grows(before, ours, after, MONOTONIC_CPU, f"cpu {ours['cpu']}")
        samples = both.between("guest-get-diskstats")
        equal([len(samples[1])] * 2, [len(samples[0]), len(samples[2])])
        for before, ours, after in zip(*samples):
            equal([ours[k] for k in ("name", "major", "minor")], [before[k] for k in ("name", "major", "minor")])
            equal(set(ours["stats"]), set(before["stats"]))
            grows(before["stats"], ours["stats"], after["stats"], set(ours["stats"]) - {"ios-pgr"}, ours["name"])


@case("load averages are the kernel's")
def _():
    with Agent(dialect="qga") as agent, Host(agent.path) as host:
        load = host.call("guest-get-load")    # theirs has it since QEMU 10.0
        equal(set(load), {"load1m", "load5m", "load15m"})
        assert all(abs(value - now) < 5 for value, now in zip((load["load1m"], load["load5m"], load["load15m"]), os.getloadavg()))


def same_interfaces(both):
    samples = both.between("guest-network-get-interfaces")
    equal([one["name"] for one in samples[1]], [one["name"] for one in samples[0]])
    for before, ours, after in zip(*samples):
        equal("statistics" in ours, "statistics" in before, ours["name"])
        if "statistics" in ours:
            equal(set(ours["statistics"]), set(before["statistics"]))
            grows(before["statistics"], ours["statistics"], after["statistics"], ours["statistics"], ours["name"])
        equal({**ours, "statistics": 0}, {**before, "statistics": 0})
    return samples[1]


@case("interfaces, their addresses and counters")
def _():
    with Both() as both:
        assert same_interfaces(both)


@case("interfaces: down, without an address, with an address that has a label of its own")
def _():
    if libc.unshare(0x40000000):    # CLONE_NEWNET: this process from now on, and its agents
        skip("it takes root to have a network of one's own")
    with Both() as both:
        equal(same_interfaces(both), [{"name": "lo", "hardware-address": "00:00:00:00:00:00"}])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        def order(number, name, value):
            fcntl.ioctl(control, number, struct.pack("16s16s8x", name, value))
        order(0x8914, b"lo", struct.pack("h", 1))    # SIOCSIFFLAGS: up
        for number, address in ((0x8916, "10.9.8.7"), (0x891c, "255.255.255.240")):    # SIOCSIFADDR, SIOCSIFNETMASK
            order(number, b"lo:7", struct.pack("hH4s", socket.AF_INET, 0, socket.inet_aton(address)))
    tap = None
    if os.path.exists("/dev/net/tun"):
        tap = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tap, 0x400454ca, struct.pack("16sh22x", b"tap0", 0x1002))    # TUNSETIFF: an Ethernet device
    with Both() as both:
        found = {one["name"]: one for one in same_interfaces(both)}
        equal(found["lo:7"]["ip-addresses"], [{"ip-address": "10.9.8.7", "ip-address-type": "ipv4", "prefix": 28}])
        assert {"ip-address": "::1", "ip-address-type": "ipv6", "prefix": 128} in found["lo"]["ip-addresses"] or not socket.has_ipv6
        if tap is not None:
            equal(set(found["tap0"]), {"name", "hardware-address"})
            os.close(tap)


@case("routes are those of /proc")
def _():
    with Agent(dialect="qga") as agent, Host(agent.path) as host:
        routes = host.call("guest-network-get-route")    # theirs has it since QEMU 9.1
        for version, path, heading in ((4, "/proc/net/route", 1), (6, "/proc/net/ipv6_route", 0)):
            lines = pathlib.Path(path).read_text().splitlines()[heading:] if os.path.exists(path) else []
            equal(len([route for route in routes if route["version"] == version]), len(lines), path)


@case("processors, and orders that change nothing or cannot be done")
def _():
    with Both() as both:
        cpus = both.same("guest-get-vcpus", order=lambda cpu: cpu["logical-id"])
        both.same("guest-set-vcpus", {"vcpus": []})
        both.same("guest-set-vcpus", {"vcpus": [{**cpu, "online": cpu["online"]} for cpu in cpus]})
        for fixed in [cpu for cpu in cpus if not cpu["can-offline"]][:1]:
            both.same("guest-set-vcpus", {"vcpus": [{"logical-id": fixed["logical-id"], "online": False}]})
            both.same("guest-set-vcpus", {"vcpus": [{"logical-id": fixed["logical-id"], "online": True},
                                                    {"logical-id": 99999, "online": True}]})
        for wrong in ({}, {"vcpus": 1}, {"vcpus": [1]}, {"vcpus": [{"logical-id": 0}]}, {"vcpus": [{"online": True}]},
                      {"vcpus": [{"logical-id": "0", "online": True}]}, {"vcpus": [], "more": 1}):
            both.same("guest-set-vcpus", wrong)
        try:
            both.ours.call("guest-set-vcpus", {"vcpus": [{"logical-id": 99999, "online": True}]})
            raise AssertionError("there is no such processor")
        except Refused as refusal:
            equal(refusal.desc, "Could not open '/sys/devices/system/cpu/cpu99999/': No such file or directory")


@case("blocks of memory, and orders that change nothing or cannot be done")
def _():
    with Both() as both:
        if os.path.isdir("/sys/devices/system/memory"):
            blocks = both.same("guest-get-memory-blocks", order=lambda block: block["phys-index"])
            both.same("guest-get-memory-block-info")
            both.same("guest-set-memory-blocks", {"mem-blks": blocks[:3]})
        else:
            equal(both.ours.call("guest-get-memory-blocks"), [])
        both.same("guest-set-memory-blocks", {"mem-blks": []})
        both.same("guest-set-memory-blocks", {"mem-blks": [{"phys-index": 99999999, "online": True}]})
        both.same("guest-set-memory-blocks", {"mem-blks": [{"phys-index": 99999999}]})


@case("file systems and their disks, each device once")
def _():
    with Both() as both:
        ours, theirs = both.ours.call("guest-get-fsinfo"), both.theirs.call("guest-get-fsinfo")
        first = {one["name"]: one for one in theirs}    # the last of a reversed list was mounted first
        equal({one["name"] for one in ours}, set(first))
        equal(len(ours), len(first), "a device comes once")
        for one in ours:
            other = first[one["name"]]
            sizes = ("used-bytes", "total-bytes", "total-bytes-privileged")
            equal({k: v for k, v in one.items() if k not in sizes}, {k: v for k, v in other.items() if k not in sizes})
            equal("total-bytes" in one, "total-bytes" in other)
            if "total-bytes" in one:
                assert one["used-bytes"] <= one["total-bytes"] <= one["total-bytes-privileged"], one
                assert abs(one["total-bytes"] - other["total-bytes"]) < other["total-bytes"] / 10, (one, other)


@case("disks and partitions")
def _():
    with Both() as both:
        def settled(disks):
            return sorted(({**disk, "dependencies": sorted(disk["dependencies"])} for disk in disks), key=lambda d: d["name"])
        equal(settled(both.ours.call("guest-get-disks")), settled(both.theirs.call("guest-get-disks")))


@case("nothing is left of all this")
def _():
    with Agent(dialect="qga") as agent:
        with Host(agent.path) as host:
            for command in ("guest-get-fsinfo", "guest-get-disks", "guest-network-get-interfaces", "guest-network-get-route",
                            "guest-get-memory-blocks", "guest-get-timezone"):
                host.call(command)
        agent.quiet()


main()

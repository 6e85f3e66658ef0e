#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""libvirt's own use of the agent: each virsh command that goes to it, and what that does in the guest.

    libvirt_test.py BELLHOP_AGENT BELLHOP CACHE [--only WORD]

BELLHOP_AGENT is a static amd64 binary, CACHE what fetch-guest has filled. The agent answers libvirt on its virtio port;
another agent, on another port, is how the test looks into the guest.
"""
import contextlib
import functools
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import furnished  # noqa: E402
from libvirt import Libvirt  # noqa: E402
from tap import args, case, equal, eventually, has, main  # noqa: E402

agent_binary, tool_binary = (pathlib.Path(path).resolve() for path in args[:2])
cache = pathlib.Path(args[2]).resolve() / "amd64"
guests = contextlib.ExitStack()

PORT, FRAMES = "org.qemu.guest_agent.0", "org.bellhop.frames"
DAY = 86400

setup = f"""
hostname test-guest
modprobe -a virtio_pci virtio_console virtio_net
{furnished.accounts}
{furnished.mount_disk}
ip link set lo up
ip link set eth0 up
ip address add 10.0.2.15/24 dev eth0
printf '#!/bin/sh\\necho "$1" >> /run/hook\\n' > /run/hook.sh
chmod 755 /run/hook.sh
cat > /etc/os-release <<X
ID=bellhop-test
NAME="A test"
X
{furnished.wait_for_ports(PORT, FRAMES)}
echo "::respawn:/bin/bellhop-agent --listen serial:{FRAMES}=frames" >> /etc/inittab
"""

agent = f"""
while [ -e /run/hold ]; do usleep 10000; done
echo $$ > /run/agent
exec /bin/bellhop-agent --listen serial:{PORT} --freeze-hook /run/hook.sh
"""


@functools.cache
def libvirt():
    scratch = guests.enter_context(tempfile.TemporaryDirectory(prefix="bellhop-libvirt-test."))
    files = furnished.busybox_init(pathlib.Path(scratch), setup, agent)
    one = guests.enter_context(Libvirt(cache, {"bin/bellhop-agent": agent_binary, **files}))
    furnished.ext4_disk(one.folder / "disk")
    one.own(one.folder / "disk")
    one.start()
    return one


def disk():
    return libvirt().folder / "disk"


def virsh(*words, **how):
    return libvirt().virsh(*words, **how)


def ask(command, **arguments):
    request = {"execute": command, "arguments": arguments} if arguments else {"execute": command}
    return json.loads(virsh("qemu-agent-command", json.dumps(request)))["return"]


def shell(line):
    command = [tool_binary, "--at", f"unix:{libvirt().folder}/frames", "run", "-c", line]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40)
    equal(done.returncode, 0, f"{line}: {done.stderr}")
    return done.stdout


# ---- reading

@case("qemu-agent-command: the agent answers")
def _():
    equal(ask("guest-ping"), {})
    equal(virsh("qemu-agent-command", '{"execute":"guest-get-host-name"}').strip(),
          '{"return":{"host-name":"test-guest"}}')


@case("guestinfo: all that it asks for is understood")
def _():
    found = dict(map(str.strip, line.split(":", 1)) for line in virsh("guestinfo").splitlines() if line)
    wanted = {"os.id": "bellhop-test", "os.name": "A test", "os.kernel-release": shell("uname -r").strip(),
              "os.machine": "x86_64", "timezone.name": "UTC", "timezone.offset": "0", "hostname": "test-guest",
              "user.count": "0", "fs.count": "1", "fs.0.mountpoint": "/mnt/data", "fs.0.fstype": "ext4",
              "fs.0.disk.count": "1", "fs.0.disk.0.alias": "vda", "disk.0.name": "/dev/vda"}
    equal({name: found.get(name) for name in wanted}, wanted, str(found))
    interfaces = {value: name for name, value in found.items() if name.startswith("if.") and name.endswith(".name")}
    equal(found[interfaces["eth0"].replace("name", "hwaddr")], "52:54:00:12:34:56")


@case("domifaddr --source agent: the addresses of the guest's interfaces")
def _():
    lines = [line.split() for line in virsh("domifaddr", "--source", "agent").splitlines()[2:] if line]
    has(lines, ["eth0", "52:54:00:12:34:56", "ipv4", "10.0.2.15/24"])
    assert any(line[0] == "lo" and line[2:] == ["ipv4", "127.0.0.1/8"] for line in lines), lines


@case("domhostname --source agent: the guest's name")
def _():
    equal(virsh("domhostname", "--source", "agent").strip(), "test-guest")


@case("domfsinfo: the mounted file system is found on libvirt's disk")
def _():
    lines = [line.split() for line in virsh("domfsinfo").splitlines()[2:] if line]
    equal(lines, [["/mnt/data", "vda", "ext4", "vda"]])


# ---- clock

def seconds_ahead():
    return int(shell("date +%s")) - time.time()


@case("domtime --now: the guest gets the host's time, its hardware clock too")
def _():
    shell(f"date -s @{int(time.time()) - DAY}; hwclock -w")
    assert seconds_ahead() < -DAY / 2
    virsh("domtime", "--now")
    assert abs(seconds_ahead()) < 600, seconds_ahead()
    assert abs(int(shell("cat /sys/class/rtc/rtc0/since_epoch")) - time.time()) < 600
    assert abs(int(virsh("domtime").split()[-1]) - time.time()) < 600


@case("domtime --sync: the guest takes its hardware clock's time")
def _():
    shell(f"date -s @{int(time.time()) + DAY}")
    assert seconds_ahead() > DAY / 2
    virsh("domtime", "--sync")
    assert abs(seconds_ahead()) < 600, seconds_ahead()


# ---- accounts

@case("set-user-password: the word, or its hash with --encrypted, is root's")
def _():
    virsh("set-user-password", "root", "a word: one")
    assert furnished.is_password(shell("cat /etc/shadow"), "a word: one"), shell("cat /etc/shadow")
    ready = furnished.crypted("a word: two", "somesalt")
    virsh("set-user-password", "root", ready, "--encrypted")
    equal(furnished.password_of(shell("cat /etc/shadow")), ready)


@case("set-user-sshkeys and get-user-sshkeys: keys are added, listed, replaced and removed")
def _():
    def keys(*wanted):
        equal(virsh("get-user-sshkeys", "root").replace("\n", ""), "".join(wanted))    # virsh 9 prints no line ends
        equal(shell("cat /root/.ssh/authorized_keys").splitlines(), list(wanted))

    first, second = "ssh-ed25519 AAAAfirst one@test", "ssh-ed25519 AAAAsecond two@test"
    file = libvirt().folder / "keys"
    for words, how, wanted in ((first, [], [first]), (second, [], [first, second]), (first, ["--remove"], [second]),
                               (first, ["--reset"], [first])):
        file.write_text(words + "\n")
        virsh("set-user-sshkeys", "root", "--file", file, *how)
        keys(*wanted)
    equal(shell("stat -c %a /root/.ssh /root/.ssh/authorized_keys"), "700\n600\n")


# ---- processors

@case("guestvcpus and setvcpus --guest: a processor goes and comes back")
def _():
    online = "cat /sys/devices/system/cpu/online"
    table = dict(map(str.strip, line.split(":")) for line in virsh("guestvcpus").splitlines() if line)
    equal(table, {"vcpus": "0-1", "online": "0-1", "offlinable": "1"})
    virsh("setvcpus", "1", "--guest")
    equal(shell(online), "0\n")
    virsh("setvcpus", "2", "--guest")
    equal(shell(online), "0-1\n")
    virsh("guestvcpus", "--cpulist", "1", "--disable")
    equal(shell(online), "0\n")
    virsh("guestvcpus", "--cpulist", "1", "--enable")
    equal(shell(online), "0-1\n")


# ---- file systems

@case("domfsfreeze and domfsthaw: who writes meanwhile waits, and the hook hears of both")
def _():
    shell("rm -f /mnt/data/file; sync")
    has(virsh("domfsfreeze"), "Froze 1 filesystem")
    shell("setsid sh -c 'echo $$ > /run/writer; echo kept > /mnt/data/file; rm /run/writer' > /dev/null 2>&1 &"
          " until [ -e /run/writer ]; do usleep 10000; done")
    eventually(lambda: shell("grep State /proc/$(cat /run/writer)/status").split()[1] == "D", seconds=20,
               what="the writer, as being held by the kernel,")
    equal(ask("guest-fsfreeze-status"), "frozen")
    has(virsh("qemu-agent-command", '{"execute":"guest-get-host-name"}', checked=False), "the agent is in frozen state")
    has(virsh("domfsthaw"), "Thawed 1 filesystem")
    eventually(lambda: shell("ls /run/writer 2>&1 || true").startswith("ls:"), seconds=20, what="the writer's end")
    equal(shell("cat /mnt/data/file"), "kept\n")
    equal(shell("cat /run/hook"), "freeze\nthaw\n")


@case("domfstrim: the host gets back what was freed")
def _():
    shell("head -c 24000000 /dev/urandom > /mnt/data/large; sync; rm /mnt/data/large; sync")
    before = furnished.allocated(disk())
    virsh("domfstrim")
    assert furnished.allocated(disk()) < before - 20_000_000, (before, furnished.allocated(disk()))


@case("snapshot-create-as --disk-only --quiesce: the disk is frozen for the snapshot and thawed after it")
def _():
    shell("rm -f /run/hook; echo before > /mnt/data/file")
    overlay = libvirt().folder / "overlay"
    virsh("snapshot-create-as", "--disk-only", "--quiesce", "--no-metadata", "--diskspec", f"vda,file={overlay}")
    has(virsh("domblklist"), str(overlay))
    equal(shell("cat /run/hook"), "freeze\nthaw\n")
    equal(ask("guest-fsfreeze-status"), "thawed")
    shell("echo after > /mnt/data/file; sync")
    # What was written before is on the disk as it was then: nothing is left to the journal but what was frozen.
    said = subprocess.run(["debugfs", "-R", "cat /file", disk()], capture_output=True, text=True, timeout=30)
    equal(said.stdout, "before\n", said.stderr)


# ---- the agent's and the guest's end

@case("an agent that ends and comes back is taken up again")
def _():
    shell("touch /run/hold; kill -TERM $(cat /run/agent)")
    libvirt().wait_for_agent(there=False)
    has(virsh("qemu-agent-command", '{"execute":"guest-ping"}', checked=False), "agent is not connected")
    shell("rm /run/hold")
    libvirt().wait_for_agent()
    equal(ask("guest-ping"), {})


@case("reboot --mode agent: the guest starts anew, and its agent answers")
def _():
    boot = "cat /proc/sys/kernel/random/boot_id"
    before = shell(boot)
    virsh("reboot", "--mode", "agent")
    eventually(lambda: libvirt().console().count("init: started") == 2, seconds=40, what="the second start")
    libvirt().wait_for_agent()
    equal(ask("guest-ping"), {})
    assert shell(boot) != before


@case("shutdown --mode agent: the guest powers off")
def _():
    virsh("shutdown", "--mode", "agent")
    eventually(lambda: virsh("domstate", "--reason").strip() == "shut off (shutdown)", seconds=40,
               what="shut off (shutdown)")
    has(libvirt().console(), "reboot: Power down")


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with guests:
    main()

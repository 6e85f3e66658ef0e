#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What QEMU's guest agent protocol changes in a guest: clock, accounts, file systems, processors, power.

    qga_changes_test.py BELLHOP_AGENT BELLHOP CACHE [--only WORD]

BELLHOP_AGENT is a static amd64 binary, CACHE what fetch-guest has filled. The agent answers on two virtio ports of a
guest with two processors and a disk; another agent, over vsock, is how the test looks into it. For power, each way to
end takes a guest of its own.
"""
import base64
import contextlib
import functools
import json
import pathlib
import signal
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import furnished  # noqa: E402
from guest import Guest  # noqa: E402
from qga import Host, Refused  # noqa: E402
from tap import args, case, equal, eventually, has, main  # noqa: E402

agent_binary, tool_binary = (pathlib.Path(path).resolve() for path in args[:2])
cache = pathlib.Path(args[2]).resolve() / "amd64"
guests = contextlib.ExitStack()

PORT, SECOND = "org.qemu.guest_agent.0", "org.bellhop.second"
DAY = 86400

(pam_unix,) = {path.resolve() for path in pathlib.Path("/").glob("lib/x86_64-linux-gnu/security/pam_unix.so")}

script = f"""
modprobe -a virtio_pci vmw_vsock_virtio_transport virtio_console
mkdir -p /etc/pam.d /run
{furnished.mount_disk}
{furnished.accounts}
echo "password required {pam_unix} sha512" > /etc/pam.d/chpasswd
mv /usr/sbin/chpasswd /root/
{furnished.wait_for_ports(PORT, SECOND)}
bellhop-agent --listen vsock:1024 &
while :; do
    bellhop-agent --listen serial:{PORT} --listen serial:{SECOND} &
    echo $! > /run/agent
    wait $!
    echo "agent ended with $?"
done
"""


@functools.cache
def disk():
    path = pathlib.Path(guests.enter_context(tempfile.TemporaryDirectory(prefix="bellhop-changes-test."))) / "disk"
    furnished.ext4_disk(path)
    return path


@functools.cache
def guest():
    files = {"bin/bellhop-agent": agent_binary, **furnished.with_libraries("/usr/sbin/chpasswd", pam_unix)}
    options = ["-smp", "2", "-drive", f"file={disk()},format=raw,if=none,id=disk,discard=unmap",
               "-device", "virtio-blk-pci,drive=disk"]
    one = guests.enter_context(Guest(cache, script, files, vsock=True, ports=(PORT, SECOND), options=options))
    subprocess.run([tool_binary, "--at", f"hybrid:{one.vsock}", "wait", "--timeout", "30"], check=True, timeout=40,
                   stdout=subprocess.DEVNULL)
    return one


def shell(line):
    command = [tool_binary, "--at", f"hybrid:{guest().vsock}", "run", "-c", line]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40)
    equal(done.returncode, 0, f"{line}: {done.stderr}")
    return done.stdout


@functools.cache
def host(name=PORT):
    """Stays connected, also while agents come and go."""
    return guests.enter_context(Host(guest().port(name), seconds=40))


def call(command, **arguments):
    return host().call(command, arguments)


# ---- clock

def clocks():
    """The system's and the hardware's, in seconds since 1970."""
    return [int(word) for word in shell("date +%s; cat /sys/class/rtc/rtc0/since_epoch").split()]


@case("guest-set-time sets the system's clock and the hardware's, a day ahead and a day back")
def _():
    real = clocks()[0]
    for wanted in (real + DAY, real - DAY, real):
        equal(call("guest-set-time", time=wanted * 10**9), {})
        for found in (*clocks(), call("guest-get-time") // 10**9):
            assert 0 <= found - wanted < 600, f"{found - wanted} s after what was set"


@case("guest-set-time without a time takes the hardware's")
def _():
    real = clocks()[1]
    shell(f"date -s @{real - DAY}")
    assert clocks()[0] < real - DAY / 2
    equal(call("guest-set-time"), {})
    assert 0 <= clocks()[0] - real < 600


# ---- accounts

def set_password(word, crypted=False):
    word = base64.b64encode(word.encode()).decode()
    return call("guest-set-user-password", username="root", password=word, crypted=crypted)


def check_passwords():
    equal(set_password("a word: one"), {})
    assert furnished.is_password(shell("cat /etc/shadow"), "a word: one"), shell("cat /etc/shadow")
    equal(set_password("a word: two"), {})
    assert furnished.is_password(shell("cat /etc/shadow"), "a word: two"), "the second one"
    ready = furnished.crypted("a word: three", "somesalt")
    equal(set_password(ready, crypted=True), {})
    equal(furnished.password_of(shell("cat /etc/shadow")), ready)
    equal(shell("stat -c '%a %u' /etc/shadow"), "600 0\n")


@case("guest-set-user-password writes crypt(5)'s SHA-512 in a guest without chpasswd")
def _():
    check_passwords()


@case("guest-set-user-password goes by chpasswd where there is one")
def _():
    # A word in between tells that chpasswd was asked, and with which options.
    shell("mv /root/chpasswd /root/chpasswd.real; printf '#!/bin/sh\\necho \"asked $*\" >> /run/asked\\n"
          "exec /root/chpasswd.real \"$@\"\\n' > /usr/sbin/chpasswd; chmod 755 /usr/sbin/chpasswd")
    try:
        check_passwords()
        equal(shell("cat /run/asked"), "asked \nasked \nasked -e\n")
    finally:
        shell("rm /usr/sbin/chpasswd")


# ---- file systems

def start_writer():
    """Somebody who writes to the disk; /run/writer is there until he is done."""
    shell("setsid sh -c 'echo $$ > /run/writer; echo kept > /mnt/data/file; rm /run/writer' > /dev/null 2>&1 &"
          " until [ -e /run/writer ]; do usleep 10000; done")


def writer_waits():
    eventually(lambda: shell("grep State /proc/$(cat /run/writer)/status").split()[1] == "D", seconds=20,
               what="the writer, as being held by the kernel,")


def writer_gets_done():
    eventually(lambda: shell("ls /run/writer 2>&1 || true").startswith("ls:"), seconds=20, what="the writer's end")
    equal(shell("cat /mnt/data/file"), "kept\n")


@case("a frozen file system holds its writers, pings are answered on another port, and a thaw lets them go on")
def _():
    shell("rm -f /mnt/data/file; sync")
    one, other = host(), host(SECOND)
    equal(one.call("guest-fsfreeze-freeze"), 1)
    start_writer()
    writer_waits()
    equal(other.call("guest-ping"), {})
    equal(other.call("guest-fsfreeze-status"), "frozen")
    try:
        other.call("guest-file-open", {"path": "/mnt/data/another", "mode": "w"})
        raise AssertionError("a file of a frozen file system was opened")
    except Refused as refused:
        has(refused.desc, "frozen state")
    writer_waits()
    equal(other.call("guest-fsfreeze-thaw"), 1)
    equal(one.call("guest-fsfreeze-status"), "thawed")
    writer_gets_done()


@case("guest-fstrim gives the host back what was freed")
def _():
    shell("head -c 24000000 /dev/urandom > /mnt/data/large; sync; rm /mnt/data/large; sync")
    before = furnished.allocated(disk())
    (one,) = call("guest-fstrim")["paths"]
    equal(one["path"], "/mnt/data")
    assert one["trimmed"] > 20_000_000, one
    assert furnished.allocated(disk()) < before - 20_000_000, (before, furnished.allocated(disk()))


@case("an agent that is asked to end while it has frozen thaws first")
def _():
    shell("rm -f /mnt/data/file; sync")
    equal(call("guest-fsfreeze-freeze"), 1)
    start_writer()
    writer_waits()
    shell("kill -TERM $(cat /run/agent)")
    writer_gets_done()
    guest().wait_for(r"^agent ended with 0")
    equal(call("guest-fsfreeze-status"), "thawed")


# ---- processors

@case("guest-set-vcpus takes a processor away and brings it back")
def _():
    online = "cat /sys/devices/system/cpu/online"
    equal(sorted(one["logical-id"] for one in call("guest-get-vcpus") if one["online"]), [0, 1])
    for wanted, words in ((False, "0\n"), (True, "0-1\n")):
        equal(call("guest-set-vcpus", vcpus=[{"logical-id": 1, "online": wanted}]), 1)
        equal(shell(online), words)
        (second,) = (one for one in call("guest-get-vcpus") if one["logical-id"] == 1)
        equal(second, {"logical-id": 1, "online": wanted, "can-offline": True})


# ---- power

@contextlib.contextmanager
def booted(agent_is_init):
    setup = "modprobe -a virtio_pci virtio_console\n" + furnished.wait_for_ports(PORT)
    agent = f"exec /bin/bellhop-agent --listen serial:{PORT}"
    if agent_is_init:
        setup += f"echo 'init: started'\n{agent}"
    with tempfile.TemporaryDirectory(prefix="bellhop-changes-test.") as scratch:
        files = furnished.busybox_init(pathlib.Path(scratch), setup, agent)
        with Guest(cache, "", {"bin/bellhop-agent": agent_binary, **files}, ports=(PORT,)) as one:
            yield one


def check_shutdown(agent_is_init, arguments, words):
    with booted(agent_is_init) as one, Host(one.port(PORT), seconds=40) as connected:
        equal(connected.call("guest-ping"), {})
        connected.send(json.dumps({"execute": "guest-shutdown", "arguments": arguments}).encode() + b"\n")
        one.wait_for(rf"reboot: {words}")
        equal("panic" in one.log, False, one.log)


for who in ("the agent", "BusyBox"):
    for arguments, words in (({}, "Power down"), ({"mode": "halt"}, "System halted"), ({"mode": "reboot"}, "Restarting")):
        case(f"guest-shutdown {arguments.get('mode', 'without a mode')}: {words.lower()}, with {who} as process 1")(
            functools.partial(check_shutdown, who == "the agent", arguments, words))


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with guests:
    main()

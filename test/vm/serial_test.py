#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""QEMU's guest agent protocol over real virtio ports and a serial line, with hosts that come and go.

    serial_test.py BELLHOP_AGENT BELLHOP CACHE [--only WORD]

BELLHOP_AGENT is a static amd64 binary, CACHE what fetch-guest has filled. One guest is booted. Its agents answer on
a virtio port and on a line; another agent, over vsock, is how the test looks into the guest.
"""
import contextlib
import functools
import json
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
from guest import Guest  # noqa: E402
from qga import Host  # noqa: E402
from tap import args, case, equal, eventually, has, main  # noqa: E402

agent_binary, tool_binary = (pathlib.Path(path).resolve() for path in args[:2])
cache = pathlib.Path(args[2]).resolve() / "amd64"
guests = contextlib.ExitStack()

PORT, FRAMES = "org.qemu.guest_agent.0", "org.bellhop.frames"

script = f"""
modprobe -a virtio_pci vmw_vsock_virtio_transport virtio_console
mount -t debugfs debug /sys/kernel/debug
for name in {PORT} {FRAMES}; do
    until grep -qs $name /sys/class/virtio-ports/*/name; do usleep 10000; done
done
bellhop-agent --listen vsock:1024 &
bellhop-agent --listen serial:/dev/ttyS1=qga --listen serial:{FRAMES}=frames &
bellhop-agent --listen serial:{PORT} &
echo "agent is $!"
wait $!
echo "agent ended with $?"
bellhop-agent --listen serial:{PORT} &
second=$!
until ls -l /proc/$second/fd | grep -q vport; do usleep 10000; done
bellhop-agent --listen serial:{PORT},wait &
third=$!
echo "agents are $second and $third"
wait $second
echo "second ended with $?"
wait $third
echo "third ended with $?"
sleep 1000
"""


@functools.cache
def guest():
    files = {"bin/bellhop-agent": agent_binary}
    one = guests.enter_context(Guest(cache, script, files, vsock=True, ports=(PORT, FRAMES), lines=1))
    bellhop("wait", "--timeout", "30", on=one)
    one.wait_for(r"^agent is (\d+)")
    return one


def bellhop(*words, on=None):
    command = [tool_binary, "--at", f"hybrid:{(on or guest()).vsock}", *words]
    done = subprocess.run(command, capture_output=True, timeout=40)
    equal(done.returncode, 0, f"bellhop {' '.join(map(str, words))}: {done.stderr.decode()}")
    return done.stdout.decode()


def shell(line):
    return bellhop("run", "-c", line)


def agent_pid():
    return int(guest().wait_for(r"^agent is (\d+)").group(1))


def host(name=PORT):
    return Host(guest().port(name), seconds=20)


def sync(number):
    return json.dumps({"execute": "guest-sync", "arguments": {"id": number}}).encode() + b"\n"


def switches():
    """How often the agent has been put to sleep, or been interrupted."""
    return sum(int(line.split()[1]) for line in shell(f"grep ctxt /proc/{agent_pid()}/status").splitlines())


def processor_ticks():
    return sum(map(int, shell(f"cat /proc/{agent_pid()}/stat").rpartition(")")[2].split()[11:13]))


def host_is_gone():
    """Waits until the guest's kernel knows, and the agent has done what there was to do and sleeps."""
    device = shell(f"cd /sys/class/virtio-ports; grep -l {PORT} */name").split("/")[0]
    eventually(lambda: "host_connected: 0" in shell(f"cat /sys/kernel/debug/virtio-ports/{device}"), seconds=30)
    shell("usleep 500000")    # so long its last words may be the next one's, of whom the kernel has not told yet

    def settled():
        first = switches()
        return switches() == first
    eventually(settled, seconds=30, what="the agent, as having done its work,")


def openings():
    """What QEMU saw of the guest's opening and closing the port."""
    guest().qmp.do("query-status")
    mine = f"port{(PORT, FRAMES).index(PORT)}"
    return [event["data"]["open"] for event in guest().qmp.events
            if event["event"] == "VSERPORT_CHANGE" and event["data"]["id"] == mine]


@case("a port is found by its name, without udev, and its first host is answered")
def _():
    with host() as one:
        one.send(sync(1 << 40))
        equal(one.line(), b'{"return": %d}\n' % (1 << 40))
        equal(one.call("guest-ping"), {})


@case("two hundred hosts that connect, ask and go are each given their own answer, in milliseconds")
def _():
    took = []
    for number in range(200):
        began = time.monotonic()
        with host() as one:
            one.send(sync(number).replace(b"sync", b"sync-delimited") + b'{"execute":"guest-ping","arguments":{}}\n')
            equal(one.line(), b'\xff{"return": %d}\n' % number)
            equal(one.line(), b'{"return": {}}\n')
        took.append((time.monotonic() - began) * 1000)
    took.sort()
    print(f"# connect, ask, answer: p50 {statistics.median(took):.1f} ms, p90 {took[180]:.1f} ms, "
          f"longest {took[-1]:.1f} ms")


@case("an answer that its host did not wait for is neither kept for the next one nor worth a busy loop")
def _():
    for number in range(5):
        ticks = processor_ticks()
        with host() as one:
            one.send(sync(1))
            one.line()
            one.send(sync(666) * 20)
        host_is_gone()
        with host() as other:
            other.send(sync(number))
            equal(other.line(), b'{"return": %d}\n' % number)
        assert processor_ticks() - ticks < 20, "a fifth of a second for nothing"


@case("what a host asked that was gone at once is heard by nobody")
def _():
    with host() as one:
        one.send(sync(666))
    host_is_gone()

    with host() as other:
        other.send(sync(2))
        equal(other.line(), b'{"return": 2}\n')


@case("half a request does not reach into the next host's first")
def _():
    for half in (b'{"execute":"guest-pi', b"[" * 1025, b'{"execute":\n'):
        with host() as one:
            one.send(sync(1))
            one.line()
            one.send(half)
        host_is_gone()
        with host() as other:
            other.send(sync(3))
            equal(other.line(), b'{"return": 3}\n')


@case("a long request and a long answer pass whole")
def _():
    text = "x" * 700_000
    with host() as one:
        one.send(b'{"execute":"guest-ping","id":"' + text.encode() + b'"}\n')
        equal(json.loads(one.line()), {"return": {}, "id": text})


@case("a host that takes nothing for a while gets all of its answers")
def _():
    text = "x" * 300_000
    requests = [json.dumps({"execute": "guest-ping", "id": [number, text]}).encode() + b"\n" for number in range(30)]
    with host() as one:
        sender = threading.Thread(target=one.send, args=(b"".join(requests),))
        sender.start()
        sender.join(2)
        equal(sender.is_alive(), True, "more than the port, its socket and the agent hold")
        for number in range(30):
            equal(json.loads(one.line()), {"return": {}, "id": [number, text]})
        sender.join()


@case("without a host, and with one that says nothing, the agent never wakes")
def _():
    host_is_gone()
    look = f"grep ctxt /proc/{agent_pid()}/status"
    first, then = shell(f"sleep 2; {look}; sleep 5; echo; {look}").split("\n\n")    # in the first second it comes to rest
    equal(then.strip(), first.strip(), "no host")
    with host() as one:
        equal(one.call("guest-ping"), {})
        first, then = shell(f"{look}; sleep 5; echo; {look}").split("\n\n")
        equal(then.strip(), first.strip(), "a silent host")


@case("the port was held all the time")
def _():
    equal(openings(), [True])


@case("a port that is unplugged and plugged in again is served at once")
def _():
    for number in (1, 2):
        guest().unplug(PORT)
        eventually(lambda: guest().console().count("no virtio port of that name") == number, seconds=20,
                   what="the agent's warning")
        guest().plug(PORT)
        began = time.monotonic()
        with host() as one:
            one.send(sync(4))
            equal(one.line(), b'{"return": 4}\n')
        took = time.monotonic() - began
        print(f"# served {took * 1000:.0f} ms after it was plugged in")
        assert took < 4, "the agent did not hear of it from the kernel, and looked by itself after five seconds"


@case("a second agent is told who holds the port")
def _():
    said = shell(f"bellhop-agent --listen serial:{PORT}=qga 2>&1; echo $?")

    has(said, f"is held by bellhop-agent (pid {agent_pid()})")
    equal(said.splitlines()[-1], "1")


@case("the host tool's own protocol passes over a virtio port too")
def _():
    done = subprocess.run([tool_binary, "--at", f"unix:{guest().port(FRAMES)}", "run", "-c", "echo hello; exit 7"],
                          capture_output=True, timeout=40)
    equal((done.stdout, done.returncode), (b"hello\n", 7), done.stderr.decode())


@case("over a serial line 0xFF ends what somebody else has left there")
def _():
    with host("ttyS1") as one:
        one.send(b'\xff{"execute":"guest-sync-delimited","arguments":{"id":5}}\n')
        equal(one.line(), b'\xff{"return": 5}\n')
        one.send(b'{"execute":"guest-pi')
    with host("ttyS1") as other:
        other.send(b'\xff{"execute":"guest-sync-delimited","arguments":{"id":6}}\n')
        equal(other.line(), b'\xff{"return": 6}\n')


@case("SIGTERM ends the agent with 0 while a host is connected")
def _():
    with host() as one:
        equal(one.call("guest-ping"), {})
        shell(f"kill -TERM {agent_pid()}")
        equal(guest().wait_for(r"^agent ended with (\d+)").group(1), "0")


@case("an agent that may wait gets the port when another lets go of it")
def _():
    found = guest().wait_for(r"^agents are (\d+) and (\d+)")
    with host() as one:
        one.send(sync(7))
        equal(one.line(), b'{"return": 7}\n')
    holder = f"bellhop-agent (pid {found.group(1)})"
    eventually(lambda: f"is held by {holder}" in guest().console(), what="the third agent's warning")

    shell(f"kill -TERM {found.group(1)}")
    equal(guest().wait_for(r"^second ended with (\d+)").group(1), "0")
    with host() as one:
        one.send(sync(8))
        equal(one.line(), b'{"return": 8}\n')

    shell(f"kill -TERM {found.group(2)}")
    equal(guest().wait_for(r"^third ended with (\d+)").group(1), "0")


@case("with two processors, too, each of five hundred hosts in a row hears its own answer")
def _():
    small = f"""
modprobe -a virtio_pci virtio_console
until grep -qs {PORT} /sys/class/virtio-ports/*/name; do usleep 10000; done
bellhop-agent --listen serial:{PORT}
"""
    # A host's bytes overtake the words of its coming and of the last one's going, which another processor handles.
    files = {"bin/bellhop-agent": agent_binary}
    with Guest(cache, small, files, ports=(PORT,), options=("-smp", "2")) as one:
        for number in range(500):
            with Host(one.port(PORT), seconds=20) as connected:
                connected.send(sync(number))
                equal(connected.line(), b'{"return": %d}\n' % number)


@case("in a guest that was saved and goes on, twice, the agent answers its first host")
def _():
    small = f"""
modprobe -a virtio_pci virtio_console
mount -t debugfs debug /sys/kernel/debug
until grep -qs {PORT} /sys/class/virtio-ports/*/name; do usleep 10000; done
bellhop-agent --listen serial:{PORT} &
for state in 1 0; do
    until grep -q "host_connected: $state" /sys/kernel/debug/virtio-ports/*; do usleep 10000; done
done
echo "the host has gone"
wait
"""
    what = (cache, small, {"bin/bellhop-agent": agent_binary})
    with tempfile.TemporaryDirectory(prefix="bellhop-serial-test.") as directory:
        state = pathlib.Path(directory) / "state"
        with Guest(*what, ports=(PORT,)) as one:
            with Host(one.port(PORT)) as before:
                before.send(sync(1))
                before.line()
                before.send(b'{"execute":"guest-pi')
            one.wait_for("^the host has gone")
            one.save(state)
        for number in (2, 3):
            began = time.monotonic()
            with Guest(*what, ports=(PORT,), saved=state) as again, Host(again.port(PORT)) as after:
                after.send(sync(number))
                equal(after.line(), b'{"return": %d}\n' % number)
                print(f"# {time.monotonic() - began:.2f} s from the start of QEMU to the answer")


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with guests:
    main()

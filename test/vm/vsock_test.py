#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The agent in a real guest, driven by the host tool over real vsock.

    vsock_test.py BELLHOP_AGENT BELLHOP CACHE [--only WORD]

BELLHOP_AGENT is a static amd64 binary, CACHE what fetch-guest has filled. Two guests are booted, each when
the first case asks for it: one with everything in place, one in which vsock arrives bit by bit.
"""
import concurrent.futures
import contextlib
import functools
import hashlib
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
from guest import Guest  # noqa: E402
from tap import args, case, equal, eventually, has, main  # noqa: E402

agent_binary, tool_binary = (pathlib.Path(path).resolve() for path in args[:2])
cache = pathlib.Path(args[2]).resolve() / "amd64"
guests = contextlib.ExitStack()
scratch = pathlib.Path(guests.enter_context(tempfile.TemporaryDirectory(prefix="bellhop-vsock-test.")))

complete_guest = """
modprobe -a virtio_pci vmw_vsock_virtio_transport
bellhop-agent &
echo "agent is $!"
wait $!
echo "agent ended with $?"
"""

growing_guest = """
bellhop-agent
echo "without vsock: $?"

bellhop-agent --listen vsock:1024 --listen unix:/tmp/agent &
until [ -S /tmp/agent ]; do usleep 10000; done
kill -TERM $!
wait $!
echo "with a second endpoint: $?"

modprobe vsock
bellhop-agent --log-level info 2>/tmp/log &
until grep -q listening /tmp/log; do usleep 10000; done
echo "transports: $(lsmod | grep -c transport)"
modprobe -a virtio_pci vmw_vsock_virtio_transport
wait $!
"""


def boot(script):
    return guests.enter_context(Guest(cache, script, {"bin/bellhop-agent": agent_binary}, vsock=True))


@functools.cache
def complete():
    guest = boot(complete_guest)
    tool(guest, "wait", "--timeout", "30")
    return guest


@functools.cache
def growing():
    return boot(growing_guest)


@functools.cache
def agent_pid():
    return int(complete().wait_for(r"^agent is (\d+)").group(1))


def command(guest, *words):
    return [tool_binary, "--at", f"hybrid:{guest.vsock}", *words]


def tool(guest, *words, code=0):
    done = subprocess.run(command(guest, *words), capture_output=True, timeout=40)
    equal(done.returncode, code, f"bellhop {' '.join(map(str, words))}: {done.stderr.decode()}")
    return done


def shell(line):
    return tool(complete(), "run", "-c", line).stdout.decode()


def processes():
    """What runs in the guest: lists of parent's pid, state and words."""
    return [line.split(maxsplit=2) for line in shell("ps -o ppid,stat,args").splitlines()[1:]]


def runs(words):
    return any(row[2:] == [words] for row in processes())


def descriptors():
    """What the agent holds open while it serves one run, sockets and pipes without their numbers."""
    each = f"for each in /proc/{agent_pid()}/fd/*; do readlink $each; done"
    return sorted(line.partition(":")[0] for line in shell(each).splitlines())


def temporary_files():
    return shell("find / -xdev -name '.bellhop-*'").split()


def connect(guest):
    """A connection to the agent, past the greeting."""
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(20)
    link.connect(str(guest.vsock))
    link.sendall(b"CONNECT 1024\n")
    greeting = b""
    while not greeting.endswith(b"\n"):
        greeting += link.recv(1) or b"hung up\n"
    has(greeting, b"OK ")
    return link


def frame(tag, payload):
    return struct.pack(">BI", tag, len(payload)) + payload


def request(**members):
    return frame(1, json.dumps(members).encode())


def everything(link):
    """All that the agent still sends, to its end."""
    with link, link.makefile("rb") as stream:
        return stream.read()


@case("ping answers with the agent's version and the protocol's")
def _():
    answer = json.loads(tool(complete(), "ping", "--json").stdout)

    equal(answer["ok"], True)
    has(answer, "agent_version")
    equal(answer["proto"], 1)


@case("info knows the guest's kernel and machine")
def _():
    answer = json.loads(tool(complete(), "info", "--json").stdout)

    release = shell("uname -r").strip()
    has(answer["os"]["kernel"], release)
    equal(answer["os"]["machine"], "x86_64")
    has(answer["dialects"], "frames")


@case("run brings back stdout, stderr and the exit code, each in its place")
def _():
    done = tool(complete(), "run", "-c", "echo out; echo err >&2; exit 3", code=3)

    equal((done.stdout, done.stderr), (b"out\n", b"err\n"))


@case("run hands arguments and environment over as they are")
def _():
    words = ["sh", "-c", 'echo "$COLOUR|$1|$2"', "sh", "a  b", "$HOME"]

    done = tool(complete(), "run", "--env", "COLOUR=dark blue", "--", *words)

    equal(done.stdout, b"dark blue|a  b|$HOME\n")


@case("the agent is the last to be killed for memory, its commands are not")
def _():
    equal(shell(f"cat /proc/{agent_pid()}/oom_score_adj /proc/self/oom_score_adj").split(), ["-1000", "0"])


@case("three megabytes of output arrive whole")
def _():
    done = tool(complete(), "run", "-c", "seq 1 450000")

    equal(done.stdout, b"".join(b"%d\n" % number for number in range(1, 450001)))


@case("a file of some megabytes goes in and out unchanged, with its mode")
def _():
    original, copy = scratch / "original", scratch / "copy"
    original.write_bytes(os.urandom((6 << 20) + 12345))

    tool(complete(), "put", original, "/root/file", "--mode", "0640")
    tool(complete(), "get", "/root/file", copy)

    sum_there = shell("sha256sum < /root/file").split()[0]
    equal(sum_there, hashlib.sha256(original.read_bytes()).hexdigest())
    equal(shell("stat -c %a /root/file"), "640\n")
    equal(copy.read_bytes() == original.read_bytes(), True, "the copy equals the original")


@case("the time limit kills the whole group")
def _():
    tool(complete(), "run", "--timeout", "1", "-c", "sleep 4711 & sleep 4712", code=124)

    equal([runs("sleep 4711"), runs("sleep 4712")], [False, False])


@case("a host that hangs up takes its command with it")
def _():
    host = subprocess.Popen(command(complete(), "run", "--", "sleep", "4713"))
    eventually(lambda: runs("sleep 4713"), what="the sleep in the guest")

    host.kill()
    host.wait()

    eventually(lambda: not runs("sleep 4713"), seconds=3, what="the end of the sleep")


@case("a host that only ends its input still gets its answer")
def _():
    link = connect(complete())
    link.sendall(request(op="run", cmd="usleep 300000; echo late", shell="raw"))
    link.shutdown(socket.SHUT_WR)

    has(everything(link), frame(2, b"late\n"))


@case("a host that leaves in the middle of a put leaves no file behind")
def _():
    link = connect(complete())
    link.sendall(request(op="put_file", path="/root/half", mode=None, size=1 << 20) + frame(4, b"x" * 65536))
    eventually(temporary_files, what="the temporary file")

    link.close()

    eventually(lambda: not temporary_files(), seconds=3, what="the end of the temporary file")
    equal(shell("ls /root/half 2>&1 || true").endswith("No such file or directory\n"), True)


@case("fifty connections at once are all served")
def _():
    links = [connect(complete()) for _ in range(50)]
    for number, link in enumerate(links):
        link.sendall(request(op="run", cmd=f"echo {number}", shell="raw"))

    with concurrent.futures.ThreadPoolExecutor(len(links)) as threads:
        answers = list(threads.map(everything, links))

    for number, answer in enumerate(answers):
        has(answer, frame(2, b"%d\n" % number))


@case("after a mixed crowd the agent has no zombie, no lost descriptor and no leftover file")
def _():
    before = descriptors()

    hosts = [subprocess.Popen(command(complete(), "run", "--", "sleep", "4714")) for _ in range(10)]
    eventually(lambda: sum(row[2] == "sleep 4714" for row in processes()) == 10, what="ten sleeps")
    half = [connect(complete()) for _ in range(10)]
    for link in half:
        link.sendall(request(op="put_file", path="/root/half", mode=None, size=1 << 20) + frame(4, b"x"))
    for host in hosts:
        host.kill()
        host.wait()
    for link in half:
        link.close()

    eventually(lambda: descriptors() == before, what=f"the descriptors of before, {before},")
    zombies = [row for row in processes() if int(row[0]) == agent_pid() and row[1].startswith("Z")]
    equal(zombies, [])
    equal(temporary_files(), [])


@case("SIGTERM ends the agent with 0, though a command runs")
def _():
    host = subprocess.Popen(command(complete(), "run", "--", "sleep", "4715"), stderr=subprocess.DEVNULL)
    eventually(lambda: runs("sleep 4715"), what="the sleep in the guest")

    kill = command(complete(), "run", "-c", f"kill -TERM {agent_pid()}")
    subprocess.run(kill, capture_output=True, timeout=20)

    equal(complete().wait_for(r"^agent ended with (\d+)").group(1), "0")
    equal(host.wait(10), 128 + signal.SIGTERM)    # the command has heard it, and the host its end


@case("without AF_VSOCK the agent says so and ends")
def _():
    failed = growing().wait_for(r"^without vsock: (\d+)")

    has(growing().log[:failed.start()], "AF_VSOCK")
    equal(failed.group(1), "3")


@case("without AF_VSOCK a second endpoint is served all the same")
def _():
    ended = growing().wait_for(r"^with a second endpoint: (\d+)")

    warning = growing().log[growing().wait_for(r"^without vsock: .*").end():ended.start()]
    has(warning, "AF_VSOCK")
    equal(ended.group(1), "0")


@case("an agent that was there before any vsock transport is reached once there is one")
def _():
    equal(growing().wait_for(r"^transports: (\d+)").group(1), "0")

    tool(growing(), "wait", "--timeout", "20")

    equal(tool(growing(), "run", "--", "echo", "hello").stdout, b"hello\n")


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with guests:
    main()

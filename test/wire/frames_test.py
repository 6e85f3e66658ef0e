#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every sentence of docs/dialects/frames.md, over a real socket. usage: frames_test.py BELLHOP-AGENT [--only WORD]"""
import atexit
import json
import os
import platform
import signal
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from agent import SANITIZED, Agent, alive, bound_at_start, dies, fresh_signals  # noqa: E402
from frames import (DATA, EOF, ERR, JSON, OUT, Host, data_frames, file_frames, frame, listens, read, request, request_of_put,  # noqa: E402
                    write)
from tap import case, equal, eventually, has, main, skip  # noqa: E402

agent = Agent("--log-level", "debug")
atexit.register(agent.kill)
BLOB = bytes(range(256)) * 782 + b"\0tail"    # a little over 200 000 bytes, in no power of two


def error_of(answer):
    equal(answer.get("ok"), False, f"ok in {answer}")
    return answer["error"]


def run_error(**members):
    with agent.connect(request(op="run", **members)) as host:
        answer = host.answer()
    equal((answer.get("ok"), answer.get("op")), (False, "error"))
    return answer["error"]


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def folder(name):
    os.makedirs(agent.at(name), exist_ok=True)
    return agent.at(name)


def closes_silently(*pieces):
    with agent.connect() as host:
        for piece in pieces:
            host.send(piece)
        equal(host.closed(), True, f"an answer to {pieces!r:.200}")


# ---- a request and its answer

@case("ping gives ok, op, proto and agent_version")
def _():
    answer = agent.ask("ping")
    equal((answer["ok"], answer["op"], answer["proto"]), (True, "pong", 1))
    equal(type(answer["agent_version"]), str)


@case("an unknown op is told by its name")
def _():
    equal(agent.ask("zzz"), {"ok": False, "error": "unknown op 'zzz'"})
    has(error_of(agent.ask("ping\0")), "unknown op")
    has(error_of(agent.ask(7)), "unknown op")
    has(error_of(agent.ask(None)), "unknown op")


@case("only protocol version 1 is spoken, and absent is 1")
def _():
    equal(agent.ask("ping", v=1)["ok"], True)
    equal(agent.ask("ping", v=2), {"ok": False, "error": "unsupported protocol version 2"})
    equal(agent.ask("ping", v=999), {"ok": False, "error": "unsupported protocol version 999"})
    has(error_of(agent.ask("ping", v="1")), "unsupported protocol version")
    has(error_of(agent.ask("ping", v=0)), "unsupported protocol version")
    equal(agent.put(agent.at("never"), b"abc", v=2), {"ok": False, "error": "unsupported protocol version 2"})
    equal(os.path.exists(agent.at("never")), False)


@case("an answer tells what it must and an unknown member of a request is ignored")
def _():
    equal(agent.ask("ping", colour="green", nested={"a": [1, {"b": None}]})["op"], "pong")


@case("info has every member that the protocol names")
def _():
    info = agent.ask("info")
    equal((info["ok"], info["op"], info["agent"]), (True, "info", "bellhop"))
    equal(info["agent_version"], agent.ask("ping")["agent_version"])
    has(info["dialects"], "frames")
    operations = {one["name"]: one["enabled"] for one in info["operations"]}
    equal({name for name in operations if operations[name]} >= {"run", "put_file", "get_file", "info"}, True, str(operations))
    equal((info["os"]["kernel"], info["os"]["machine"]), (platform.release(), platform.machine()))
    try:
        released = platform.freedesktop_os_release()
        equal({name: info["os"].get(name) for name in released if name != "ID_LIKE"}, {n: v for n, v in released.items() if n != "ID_LIKE"})
    except OSError:
        pass
    equal(type(info["limits"]), dict)
    equal(type(info["uptime_ms"]), int)
    equal(info["memory_kib"] > 100, True, "memory_kib")
    time.sleep(0.002)    # time itself
    equal(agent.ask("info")["uptime_ms"] > info["uptime_ms"], True, "the agent's age grows")


@case("what cannot be a request ends the connection without an answer")
def _():
    for bad in (b"", b"{", b"[]", b"1", b"null", b'"ping"', b'{"op":"ping"} x', b"\xff\xfe", b'{"op":"\xff"}', b'{"op":"ping"',
                b"[" * 5000, b'{"a":' * 5000):
        closes_silently(frame(JSON, bad))
    for tag in (0, OUT, ERR, DATA, EOF, 6, 127, 255):
        closes_silently(frame(tag, b'{"op":"ping"}'))
    closes_silently(b"\x01\x01\x00\x00\x01")
    closes_silently(b"\x01\xff\xff\xff\xff")
    agent.turn()


@case("a frame of exactly the cap is read")
def _():
    start = b'{"op":"ping","pad":"'
    with agent.connect(frame(JSON, start + b"x" * ((16 << 20) - len(start) - 2) + b'"}')) as host:
        equal(host.answer()["op"], "pong")


@case("a second request on a connection is not answered")
def _():
    with agent.connect(request(op="ping") + request(op="ping")) as host:
        equal(host.answer()["op"], "pong")
    with agent.connect(request(op="run", cmd="echo one", shell="raw") + request(op="run", cmd="echo two", shell="raw")) as host:
        equal(host.ran().out, b"one\n")


@case("a half-close in the middle of a request ends the connection")
def _():
    for piece in (b"", b"\x01", b"\x01\0\0\0\x0d", b'\x01\0\0\0\x0d{"op"', request_of_put(agent.at("half"), b"abcdef"),
                  request_of_put(agent.at("half"), b"abcdef") + frame(DATA, b"abc")):
        with agent.connect(piece, seconds=5) as host:
            host.half_close()
            equal(host.closed(), True, f"an answer after {piece!r}")
    agent.quiet()


@case("a half-close behind a request is not a hang-up")
def _():
    with agent.start("read x; sleep 0.2; echo late") as host:
        host.half_close()
        equal(host.ran().out, b"late\n")
    with agent.connect(request_of_put(agent.at("piped"), BLOB), file_frames(BLOB)) as host:
        host.half_close()
        equal(host.answer(), {"ok": True})
    with agent.connect(request(op="get_file", path=agent.at("piped"))) as host:
        host.half_close()
        equal(host.got().data, BLOB)


# ---- the greeting of a hybrid vsock host

@case("CONNECT PORT is answered with OK PORT, and the request follows")
def _():
    with agent.connect(b"CONNECT 1024\n") as host:
        equal(host.read(8), b"OK 1024\n")
        host.send(request(op="ping"))
        equal(host.answer()["op"], "pong")
    with agent.connect(b"CONNECT 52\n" + request(op="ping")) as host:
        equal(host.read(6), b"OK 52\n")
        equal(host.answer()["op"], "pong")


@case("a greeting in any fragmentation is a greeting")
def _():
    with agent.connect() as host:
        host.send_bytewise(b"CONNECT 1024\n" + request(op="ping"))
        equal(host.read(8), b"OK 1024\n")
        equal(host.answer()["op"], "pong")


@case("a line that is no greeting ends the connection")
def _():
    for line in (b"CONNECT\n", b"CONNECT x\n", b"CONNECT 99999999999999999999\n", b"CONNECT " + b"1" * 100, b"CLOSE 1\n", b"C\n", b"CONNECT -1\n"):
        closes_silently(line)


# ---- run

@case("a raw run captures stdout and exit 0")
def _():
    out, err, end = agent.run("echo hello")
    equal((out, err), (b"hello\n", b""))
    equal({name: end[name] for name in ("ok", "op", "exit_code")}, {"ok": True, "op": "exit", "exit_code": 0})


@case("stderr and exit status come as they are")
def _():
    out, err, end = agent.run("echo out; echo err >&2; exit 3")
    equal((out, err, end["exit_code"]), (b"out\n", b"err\n", 3))
    equal(agent.run("exit 255").end["exit_code"], 255)
    equal(agent.run("/no/such/thing 2>&-").end["exit_code"], 127)


@case("an exit says more: core, oom, pipes_open, duration, and the 16 members of rusage")
def _():
    end = agent.run("sleep 0.1").end
    equal((end["core"], end["oom"], end["pipes_open"], "signal" in end), (False, False, False, False))
    equal(100 <= end["duration_ms"] < 5000, True, f"duration_ms {end['duration_ms']}")
    names = "utime stime maxrss ixrss idrss isrss minflt majflt nswap inblock oublock msgsnd msgrcv nsignals nvcsw nivcsw"
    equal(set(end["rusage"]), {"ru_" + name for name in names.split()})
    equal(end["rusage"]["ru_maxrss"] > 0, True)
    busy = agent.run("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done").end
    equal(busy["rusage"]["ru_utime"] > 0, True, "user time")


@case("an exit by signal N is exit_code -N")
def _():
    for name, number in (("KILL", 9), ("TERM", 15), ("HUP", 1), ("USR1", 10)):
        end = agent.run(f"kill -{name} $$").end
        equal((end["exit_code"], end["signal"]), (-number, number), name)


@case("the login shell is $SHELL -lc, or /bin/sh when there is none")
def _():
    shell = write(agent.at("fake-shell"), b'#!/bin/sh\nfor word; do echo "<$word>"; done\n', 0o755)
    with Agent(env={"SHELL": shell, "PATH": os.environ["PATH"]}) as other:
        equal(other.run("a  b", shell="login").out, b"<-lc>\n<a  b>\n")
        with other.connect(request(op="run", cmd="c d")) as host:
            equal(host.ran().out, b"<-lc>\n<c d>\n", "the default")
        equal(other.run("echo $0", shell="raw").out, b"/bin/sh\n")
    with Agent(env={"PATH": os.environ["PATH"]}) as other:
        equal(other.run("echo $0", shell="login").out.strip().lstrip(b"-"), b"/bin/sh")
    with Agent(env={"SHELL": "/no/such/shell", "PATH": os.environ["PATH"]}) as other:
        with other.connect(request(op="run", cmd="true")) as host:
            answer = host.answer()
        equal((answer["ok"], answer["op"]), (False, "error"))
        equal(answer["error"].startswith("spawn failed: "), True, answer["error"])
        equal(other.run("echo well", shell="raw").out, b"well\n")


@case("the agent's environment is inherited and env overrides it, values as text")
def _():
    env = {"PATH": os.environ["PATH"], "KEPT": "kept", "CHANGED": "before"}
    with Agent(env=env) as other:
        given = {"CHANGED": "after a b", "EMPTY": "", "INT": 7, "FLOAT": 1.5, "TRUE": True, "NULL": None, "LIST": [1, "a"], "UTF": "\u00fc\U0001f600"}
        out = other.run("env", env=given).out.decode().splitlines()
        for line in ("KEPT=kept", "CHANGED=after a b", "EMPTY=", "INT=7", "FLOAT=1.5", "TRUE=true", "NULL=null", 'LIST=[1,"a"]', "UTF=\u00fc\U0001f600"):
            has(out, line)
        equal([line for line in out if line.startswith("CHANGED=")], ["CHANGED=after a b"])
        equal(other.run("echo $CHANGED").out, b"before\n", "the next command")
        equal(other.run("echo $CHANGED", env=None).out, b"before\n", "null")


@case("a secret that a command was given is nowhere in the agent's memory when it is over")
def _():
    if SANITIZED:
        skip("a sanitizer keeps what was freed")
    with bound_at_start(), Agent() as one:
        secret = "correct horse battery staple and so on"
        equal(one.run("test -n \"$SECRET\"", env={"SECRET": secret}).end["exit_code"], 0)
        one.ask("ping")
        if one.memory_holds(b"/agent") is None:
            skip("memory may not be looked at")
        pieces = [secret[at:at + 12].encode() for at in range(0, len(secret) - 12, 4)]
        equal([piece for piece in pieces if one.memory_holds(piece)], [])


@case("an environment that cannot be is refused")
def _():
    for bad in ([], "A=1", 3, {"": "x"}, {"A=B": "x"}, {"A\0": "x"}, {"A": "x\0y"}):
        has(run_error(cmd="true", env=bad), "bad 'env'")


@case("a missing, empty or non-text cmd is told")
def _():
    for members in ({}, {"cmd": ""}, {"cmd": None}, {"cmd": 3}, {"cmd": ["ls"]}):
        equal(run_error(**members), "missing 'cmd'", str(members))


@case("what the system does not start is told: spawn failed")
def _():
    has(run_error(cmd="true " + "x" * 200_000, shell="raw"), "spawn failed: [Errno 7] Argument list too long")
    has(run_error(cmd="echo a\0b", shell="raw"), "spawn failed: ")


@case("a command longer than 64 KiB arrives whole")
def _():
    words = "x" * 100_000
    equal(agent.run(f"echo {words}").out, words.encode() + b"\n")


@case("a time limit ends the command with a timeout answer")
def _():
    before = time.monotonic()
    for limit in (1, 0.2, 1e-9):
        out, err, end = agent.run("echo first; sleep 10", timeout=limit)
        equal(end, {"ok": True, "op": "timeout", "timeout": float(limit)})
        equal(isinstance(end["timeout"], float), True, "a float")
    took = time.monotonic() - before
    equal(1.2 <= took < 5, True, f"took {took} s")
    with agent.start("sleep 10", timeout=1) as host:
        has(host.next_frame()[1], b'"timeout":1.0')


@case("no time limit: null, absent, 0; one of years is taken too")
def _():
    for limit in (None, 0, 0.0, 1e300, 2 ** 63, 31_536_001):
        equal(agent.run("sleep 0.01", timeout=limit).end["op"], "exit", str(limit))


@case("a time limit that is none is told: bad 'timeout'")
def _():
    for limit in (-1, -0.001, "3", "", True, [], {}):
        equal(run_error(cmd="true", timeout=limit), "bad 'timeout'", str(limit))


@case("a time limit takes the whole group, and what escaped the group cannot hold the answer back")
def _():
    with agent.start("echo $$; sleep 300 & echo $!; wait", timeout=0.3) as host:
        pids = host.first_output()
        while pids.count(b"\n") < 2:
            pids += host.first_output()
        equal(host.ran().end["op"], "timeout")
    for pid in pids.split():
        dies(int(pid))
    before = time.monotonic()
    out, _, end = agent.run("setsid sleep 30 & echo $!; sleep 300", timeout=0.2)
    os.kill(int(out), signal.SIGKILL)
    equal(end["op"], "timeout")
    equal(time.monotonic() - before < 5, True, "the wait for the answer")


@case("a grandchild that keeps the output open neither holds the answer back nor dies of it")
def _():
    before = time.monotonic()
    with agent.start("sleep 300 & echo $!", timeout=20) as host:
        out, _, end = host.ran()
    took = time.monotonic() - before
    try:
        equal((end["op"], end["exit_code"], end["pipes_open"]), ("exit", 0, True))
        equal(0.19 <= took < 5, True, f"the grace is 0.2 s, the answer took {took}")
        agent.turn()    # the hang-up is behind us
        equal(alive(int(out)), True, "the grandchild lives on")
    finally:
        os.kill(int(out), signal.SIGKILL)


@case("output of a grandchild within the grace is forwarded")
def _():
    with Agent("--grace", "5") as patient:
        out, _, end = patient.run("(sleep 0.3; echo late) & echo early")
        equal((out, end["pipes_open"]), (b"early\nlate\n", False))


@case("a grandchild's late output never follows the answer")
def _():
    with Agent("--grace", "0.02") as hasty:
        for _ in range(10):
            with hasty.start("(exec 2>&1; while echo xxxxxxxxxxxxxxxx; do :; done) & echo $!") as host:
                ran = host.ran()    # raises when anything follows
            equal(ran.end["pipes_open"], True)
            dies(int(ran.out.replace(b"xxxxxxxxxxxxxxxx\n", b"").split()[0]))    # of SIGPIPE: nobody reads it any more


@case("all that the leader wrote comes before the answer, however slowly it is read")
def _():
    with agent.start("head -c 3000000 /dev/zero; head -c 300000 /dev/zero >&2") as host:
        agent.turn()
        out, err, end = host.ran()
    equal((len(out), len(err), end["exit_code"]), (3_000_000, 300_000, 0))


@case("output comes as it is written, in chunks of at most 64 KiB, whatever its bytes")
def _():
    with agent.start("echo first; mkfifo gate; read x < gate") as host:
        equal(host.first_output(), b"first\n")
        eventually(lambda: os.path.exists(agent.at("gate")))
        open(agent.at("gate"), "w").close()
        host.ran()
    write(agent.at("blob"), BLOB)
    with agent.start(f"cat {agent.at('blob')} {agent.at('blob')}") as host:
        chunks = [payload for tag, payload in host.frames() if tag == OUT]
    equal(b"".join(chunks), BLOB * 2)
    equal(max(map(len, chunks)) <= 65536, True, "the largest chunk")
    equal(min(map(len, chunks)) > 0, True, "the smallest chunk")


@case("stdin is /dev/null")
def _():
    equal(agent.run("readlink /proc/self/fd/0; cat").out, b"/dev/null\n")


@case("a command leads a session and group of its own, without a terminal")
def _():
    pid, status = agent.run("echo $$; cat /proc/$$/stat").out.split(b"\n", 1)
    state, parent, group, session, terminal = status.rsplit(b")", 1)[1].split()[:5]
    equal((int(parent), group, session, terminal), (agent.pid, pid, pid, b"0"))


@case("a command has no blocked and no ignored signals, whatever the agent was started with")
def _():
    with Agent(preexec_fn=fresh_signals(block=(signal.SIGUSR1, signal.SIGALRM, signal.SIGCHLD), ignore=(signal.SIGHUP, signal.SIGQUIT))) as careless:
        status = dict(line.split(":", 1) for line in careless.run("exec cat /proc/self/status").out.decode().splitlines())
    equal({name: int(status[name], 16) for name in ("SigBlk", "SigIgn")}, {"SigBlk": 0, "SigIgn": 0})


@case("an agent that was started with SIGCHLD ignored still learns how its commands end")
def _():
    with Agent(preexec_fn=fresh_signals(ignore=(signal.SIGCHLD,))) as careless:
        equal(careless.run("exit 7").end["exit_code"], 7)
        equal(careless.run("kill -9 $$").end["exit_code"], -9)


@case("a command has the descriptors 0 to 2 and no others")
def _():
    leaked = [os.open("/dev/null", os.O_RDONLY) for _ in range(5)]
    try:
        with Agent(pass_fds=leaked) as other, other.connect() as idle:    # a peer's socket is open meanwhile
            idle.send(b"\x01")
            other.turn()
            out = other.run("i=0; while [ $i -lt 100 ]; do [ ! -e /proc/$$/fd/$i ] || echo $i; i=$((i+1)); done").out
            equal(out, b"0\n1\n2\n")
    finally:
        for number in leaked:
            os.close(number)


@case("an agent that was started without descriptors 0 to 2 works, and its log goes nowhere it should not")
def _():
    path = agent.at("bare")
    process = subprocess.Popen(["/bin/sh", "-c", 'exec "$0" "$@" 0<&- 1>&- 2>&-', os.path.abspath(sys.argv[1]), "--log-level", "debug", "--listen", "unix:" + path])
    try:
        eventually(lambda: listens(path), what="the socket")
        for _ in range(20):
            with Host(path, b"\x02\0\0\0\x01x") as host:    # each is worth a line in the log
                equal(host.closed(), True)
        with Host(path, request(op="run", cmd="echo out; echo err >&2; readlink /proc/self/fd/0", shell="raw")) as host:
            ran = host.ran()
        equal((ran.out, ran.err), (b"out\n/dev/null\n", b"err\n"))
        links = {os.readlink(f"/proc/{process.pid}/fd/{n}") for n in (0, 1, 2)}
        equal(links, {"/dev/null"}, "descriptors 0 to 2")
    finally:
        process.terminate()
        equal(process.wait(20), 0)


@case("a peer that hangs up takes its silent command with it, group and all")
def _():
    with agent.start("echo $$; sleep 300 & echo $!; wait") as host:
        pids = host.first_output()
        while pids.count(b"\n") < 2:
            pids += host.first_output()
    for pid in pids.split():
        dies(int(pid))


@case("a peer that hangs up in the middle of output takes its command with it")
def _():
    with agent.start("echo $$; exec yes") as host:
        pid = int(host.first_output().split()[0])
        for _ in range(10):
            host.next_frame()
    dies(pid)
    with agent.start("echo $$; exec yes") as host:
        pid = int(host.first_output().split()[0])
        agent.turn()    # it is held by now: we read nothing
    dies(pid)


@case("a peer that hangs up after a half-close takes its command with it")
def _():
    with agent.start("echo $$; exec sleep 300") as host:
        pid = int(host.first_output())
        host.half_close()
        agent.turn()
        equal(alive(pid), True, "the command after the half-close")
    dies(pid)


@case("a time limit holds for a command that nobody reads, and for one that has stopped itself")
def _():
    with agent.start("echo $$; exec yes", timeout=0.3) as host:
        pid = int(host.first_output().split()[0])
        dies(pid)
        equal(host.ran().end["op"], "timeout")
    equal(agent.run("kill -STOP $$", timeout=0.2).end["op"], "timeout")


@case("a command that closes its outputs is waited for all the same")
def _():
    out, err, end = agent.run("echo before; exec >&- 2>&-; sleep 0.3; exit 4")
    equal((out, err, end["exit_code"], end["pipes_open"], end["duration_ms"] >= 300), (b"before\n", b"", 4, False, True))


@case("waiting costs no time: for a silent command, one without outputs, one whose host has half-closed or does not read")
def _():
    hosts = [agent.start(cmd) for cmd in ("sleep 60", "exec >&- 2>&-; exec sleep 60", "echo; exec sleep 60", "exec yes", "(sleep 60 >&2 &) ; echo; exec sleep 60")]
    hosts[2].half_close()
    agent.turn()
    equal(hosts[2].first_output(), b"\n")
    eventually(lambda: len(agent.children()) == 5)
    before = agent.cpu_seconds()
    time.sleep(0.7)    # time itself
    spent = agent.cpu_seconds() - before
    for host in hosts:
        host.close()
    equal(spent <= 0.05, True, f"{spent} s of processor time in 0.7 s of silence")
    agent.quiet()


@case("a peer that talks during its command is not listened to, and gets its answer")
def _():
    os.mkfifo(agent.at("talk"))
    with agent.start("read x < talk; echo done") as host:
        host.send(frame(DATA, b"x" * 1_000_000) + frame(99, b"y" * 1_000_000) + frame(EOF))
        open(agent.at("talk"), "w").close()
        equal(host.ran().out, b"done\n")


@case("a peer that stops listening, but does not hang up, loses its command")
def _():
    with agent.start("echo $$; exec yes") as host:
        pid = int(host.first_output().split()[0])
        host.socket.shutdown(socket.SHUT_RD)
        dies(pid)
    agent.quiet()


# ---- put_file

@case("put keeps the bytes and the mode")
def _():
    for mode in (0o600, 0o755, 0o640, 0o400, 0o000, 0o1777):
        target = agent.at(f"mode-{mode:o}")
        equal(agent.put(target, BLOB, mode=mode), {"ok": True})
        equal(mode_of(target), mode)
        os.chmod(target, 0o600)    # who is not root could not read it
        equal(read(target), BLOB)


@case("put without a mode, or with null, makes a file of 0600")
def _():
    for members in ({}, {"mode": None}):
        equal(agent.put(agent.at("plain"), b"x", **members), {"ok": True})
        equal(mode_of(agent.at("plain")), 0o600)


@case("a mode that is none is told, and the target untouched")
def _():
    target = write(agent.at("mode-target"), b"before")
    for mode in ("0644", -1, 1.5, 0o1000000, True, []):
        has(error_of(agent.put(target, b"after", mode=mode)), "mode")
    equal(read(target), b"before")


@case("put replaces a file at once, and a symbolic link by the file")
def _():
    target = write(agent.at("replaced"), b"old")
    before = os.stat(target).st_ino
    with open(target, "rb") as reader:
        equal(agent.put(target, b"new"), {"ok": True})
        equal((reader.read(), read(target)), (b"old", b"new"))
    equal(os.stat(target).st_ino != before, True, "a new file")
    os.symlink(target, agent.at("link"))
    equal(agent.put(agent.at("link"), b"mine"), {"ok": True})
    equal((os.path.islink(agent.at("link")), read(agent.at("link")), read(target)), (False, b"mine", b"new"))


@case("put of size 0 makes an empty file")
def _():
    equal(agent.put(agent.at("empty"), b""), {"ok": True})
    equal(read(agent.at("empty")), b"")
    with agent.connect(request_of_put(agent.at("empty2"), b"")) as host:
        equal(host.answer(), {"ok": True}, "without the EOF frame")


@case("put is answered without waiting for the EOF frame, and what follows the bytes is ignored")
def _():
    with agent.connect(request_of_put(agent.at("eager"), b"abc"), frame(DATA, b"abc")) as host:
        equal(host.answer(), {"ok": True})
    with agent.connect(request_of_put(agent.at("eager"), b"abc"), frame(DATA, b"abc") + frame(DATA, b"more") + frame(7, b"x" * 1000)) as host:
        equal(host.answer(), {"ok": True})
    equal(read(agent.at("eager")), b"abc")


@case("put takes data in frames of any length, empty ones included")
def _():
    for chunk in (1, 7, 65536, 100_000, 1 << 20):
        data = BLOB[:300] if chunk < 100 else BLOB
        with agent.connect(request_of_put(agent.at("chunks"), data), frame(DATA), data_frames(data, chunk), frame(EOF)) as host:
            equal(host.answer(), {"ok": True})
        equal(read(agent.at("chunks")), data, f"in chunks of {chunk}")


@case("a relative path is meant from the agent's working directory, lexically")
def _():
    equal(agent.put("relative", b"r"), {"ok": True})
    equal(read(agent.at("relative")), b"r")
    folder("real/deep")
    os.symlink(agent.at("real/deep"), agent.at("elsewhere"))
    equal(agent.put("elsewhere/../lexical//./x/..", b"l"), {"ok": True})
    equal(read(agent.at("lexical")), b"l")
    equal(agent.put("./../root/dotted", b"d"), {"ok": True})
    equal(read(agent.at("dotted")), b"d")


@case("put lands inside a directory under name")
def _():
    where = folder("inside")
    for path in (where, where + "/", "inside"):
        equal(agent.put(path, b"abc", name="file.txt"), {"ok": True})
        equal(read(where + "/file.txt"), b"abc")
        os.unlink(where + "/file.txt")
    equal(agent.put(where, b"abc", name="dir/sub/last"), {"ok": True})
    equal(read(where + "/last"), b"abc")


@case("../escape cannot escape")
def _():
    where = folder("cage")
    equal(agent.put(where, b"abc", name="../escape"), {"ok": True})
    equal((os.listdir(where), os.path.exists(agent.at("escape"))), (["escape"], False))
    equal(agent.put(where, b"abc", name="/etc/escape"), {"ok": True})
    equal(os.path.exists("/etc/escape"), False)


@case(". and .. are refused with 'invalid' and the name in the text")
def _():
    where = folder("dots")
    for name in (".", "..", "a/.", "../.."):
        last = name.rsplit("/")[-1]
        equal(error_of(agent.put(where, b"abc", name=name)), f"destination filename is invalid: {last} (cannot be '.' or '..')")
    equal(os.listdir(where), [])


@case("no name for a directory is refused with 'directory' in the text")
def _():
    where = folder("nameless")
    for members in ({}, {"name": ""}, {"name": None}, {"name": "x/"}):
        equal(error_of(agent.put(where, b"abc", **members)), f"destination is a directory and no filename was provided: {where}")
    equal(os.listdir(where), [])


@case("put into a missing directory takes all the bytes and then says so")
def _():
    target = agent.at("no/such/place")
    with agent.connect(request_of_put(target, BLOB), data_frames(BLOB[:-1])) as host:
        agent.turn()
        equal(host.silent(), True, "an answer before the last byte")
        host.send(frame(DATA, BLOB[-1:]) + frame(EOF))
        has(error_of(host.answer()), "No such file or directory")
    equal(error_of(agent.put(target, b"abc")).startswith("cannot create file: [Errno 2]"), True, error_of(agent.put(target, b"abc")))


@case("put where no file can be is told with the system's reason")
def _():
    file = write(agent.at("a-file"), b"")
    has(error_of(agent.put(file + "/below", b"abc")), "Not a directory")
    has(error_of(agent.put(agent.at("n" * 300), b"abc")), "File name too long")
    has(error_of(agent.put(agent.at("nul\0"), b"abc")), "null byte")
    equal(agent.leftovers(), [])


@case("put without a path is told, after the bytes")
def _():
    for path in ("", None, 3, []):
        with agent.connect(request(op="put_file", path=path, size=3), frame(DATA, b"abc")) as host:
            equal(error_of(host.answer()), "missing 'path'")


@case("put with a bad size is told")
def _():
    for members in ({}, {"size": -1}, {"size": 1.5}, {"size": 3.0}, {"size": "3"}, {"size": None}, {"size": True}, {"size": 2 ** 63}, {"size": 2 ** 64 - 1}):
        with agent.connect(request(op="put_file", path=agent.at("sized"), **members)) as host:
            equal(error_of(host.answer()), "bad 'size'", str(members))
    equal(os.path.exists(agent.at("sized")), False)


@case("an early EOF is a size mismatch, and the target is untouched")
def _():
    target = write(agent.at("short"), b"before", 0o604)
    with agent.connect(request(op="put_file", path=target, size=10, mode=0o600), frame(DATA, b"abc") + frame(EOF)) as host:
        equal(error_of(host.answer()), "size mismatch: 3 of 10 bytes")
    with agent.connect(request(op="put_file", path=target, size=10), frame(EOF)) as host:
        equal(error_of(host.answer()), "size mismatch: 0 of 10 bytes")
    equal((read(target), mode_of(target), agent.leftovers()), (b"before", 0o604, []))


@case("a frame that crosses the size is a size mismatch, and the target is untouched")
def _():
    target = write(agent.at("crossed"), b"before")
    with agent.connect(request(op="put_file", path=target, size=5), frame(DATA, b"abc") + frame(DATA, b"defg")) as host:
        equal(error_of(host.answer()), "size mismatch: 7 of 5 bytes")
    with agent.connect(request(op="put_file", path=target, size=5), frame(DATA, b"x" * 100_000)) as host:
        has(error_of(host.answer()), "size mismatch")
    equal((read(target), agent.leftovers()), (b"before", []))


@case("a frame of another kind in the middle of an upload is told by its number")
def _():
    target = write(agent.at("mixed"), b"before")
    for tag in (JSON, OUT, ERR, 6, 255):
        with agent.connect(request(op="put_file", path=target, size=5), frame(DATA, b"abc") + frame(tag, b"de")) as host:
            equal(error_of(host.answer()), f"unexpected frame type {tag} during upload")
    with agent.connect(request(op="put_file", path=target, size=5), frame(OUT)) as host:
        equal(error_of(host.answer()), "unexpected frame type 2 during upload", "an empty one")
    equal((read(target), agent.leftovers()), (b"before", []))


@case("a frame over the cap in the middle of an upload ends it without an answer")
def _():
    with agent.connect(request(op="put_file", path=agent.at("capped"), size=1 << 40), b"\x04\x01\x00\x00\x01") as host:
        equal(host.closed(), True)
    agent.quiet()


@case("a peer that hangs up in an upload leaves no temporary file, at whichever byte")
def _():
    target = write(agent.at("hung"), b"before")
    whole = request_of_put(target, b"abcdefgh") + frame(DATA, b"abcd") + frame(DATA, b"efgh")
    for count in range(len(whole) - 1):
        with agent.connect(whole[:count]):
            pass
    agent.quiet()
    equal((read(target), agent.leftovers()), (b"before", []))
    with agent.connect(request(op="put_file", path=target, size=1 << 50), data_frames(BLOB)) as host:
        eventually(agent.leftovers, what="the temporary file")
        equal(os.path.basename(agent.leftovers()[0]).startswith(".bellhop-put-"), True)
        equal(mode_of(agent.leftovers()[0]), 0o600)
    agent.quiet()
    equal(read(target), b"before")


@case("an upload that appears whole counts although its sender is gone")
def _():
    for number in range(20):
        target = agent.at(f"left-{number}")
        with agent.connect(request_of_put(target, b"abc") + file_frames(b"abc")):
            pass
        eventually(lambda: os.path.exists(target), what=f"upload {number}")
        equal(read(target), b"abc")


# ---- get_file

@case("get of 200 000 bytes gives size, mode 0640 and the bytes")
def _():
    data = BLOB[:200_000]
    got = agent.get(write(agent.at("got"), data, 0o640))
    equal((got.header, got.data, got.whole), ({"ok": True, "mode": 0o640, "size": 200_000}, data, True))


@case("get of a relative path is meant from the agent's working directory")
def _():
    write(agent.at("near"), b"near")
    equal(agent.get("near").data, b"near")


@case("get of an empty file gives the header and EOF")
def _():
    got = agent.get(write(agent.at("nothing"), b"", 0o600))
    equal((got.header["size"], got.data, got.whole), (0, b"", True))


@case("get of a large sparse file gives all of it, in chunks of at most 64 KiB")
def _():
    with open(agent.at("sparse"), "wb") as file:
        file.truncate(20_000_000)
    with agent.connect(request(op="get_file", path=agent.at("sparse"))) as host:
        equal(json.loads(host.next_frame()[1])["size"], 20_000_000)
        lengths = [(tag, len(payload)) for tag, payload in host.frames()]
    equal(lengths.pop(), (EOF, 0))
    equal((sum(length for _, length in lengths), max(lengths)), (20_000_000, (DATA, 65536)))


@case("get of what is no file is told in one word")
def _():
    os.mkfifo(agent.at("fifo"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(agent.at("a-socket"))
        for path in (folder("dir"), agent.at("fifo"), "/dev/null", "/", agent.at("a-socket")):
            equal(agent.ask("get_file", path=path), {"ok": False, "error": "not a regular file"}, path)


@case("get of what cannot be opened gives the errno and the path")
def _():
    equal(agent.ask("get_file", path="/nope"), {"ok": False, "error": "[Errno 2] No such file or directory: '/nope'"})
    equal(error_of(agent.ask("get_file", path="/etc/passwd/x")), "[Errno 20] Not a directory: '/etc/passwd/x'")
    os.symlink("loop", agent.at("loop"))
    equal(error_of(agent.ask("get_file", path="loop")), "[Errno 40] Too many levels of symbolic links: 'loop'")


@case("get without a path is told")
def _():
    for members in ({}, {"path": ""}, {"path": None}, {"path": 1}):
        equal(agent.ask("get_file", **members), {"ok": False, "error": "missing 'path'"})
    has(error_of(agent.ask("get_file", path="/etc/passwd\0")), "null byte")


@case("files of /proc and /sys are read although they do not know their size")
def _():
    for path in ("/proc/cpuinfo", "/proc/version", "/sys/kernel/mm/transparent_hugepage/enabled"):
        if not os.path.exists(path):
            continue
        got = agent.get(path)
        equal((got.whole, len(got.data) > 0, got.header["size"]), (True, True, len(got.data)), path)
    equal(agent.get("/proc/version").data, read("/proc/version"))


@case("a file that shrinks during a get ends without EOF, and only that connection")
def _():
    path = agent.at("shrinks")
    with open(path, "wb") as file:
        file.truncate(64 << 20)
    with agent.connect(request(op="get_file", path=path)) as host:
        equal(json.loads(host.next_frame()[1])["size"], 64 << 20)
        agent.turn()
        os.truncate(path, 100)
        tags = []
        try:
            tags = [tag for tag, _ in host.frames()]
        except Exception as torn:
            equal(type(torn).__name__ in ("Torn", "ConnectionResetError"), True, repr(torn))
        equal(EOF in tags, False, "an EOF frame")
    agent.turn()


@case("a file that grows during a get gives what its header said")
def _():
    path = agent.at("grows")
    with open(path, "wb") as file:
        file.truncate(8 << 20)
    with agent.connect(request(op="get_file", path=path)) as host:
        agent.turn()
        os.truncate(path, 9 << 20)
        got = host.got()
    equal((got.header["size"], len(got.data), got.whole), (8 << 20, 8 << 20, True))


# ---- any fragmentation

def conversations():
    put = request_of_put(agent.at("bytewise"), b"0123456789") + data_frames(b"0123456789", 3) + frame(EOF)
    return {
        "ping": (request(op="ping"), lambda host: equal(host.answer()["op"], "pong")),
        "put_file": (put, lambda host: equal(host.answer(), {"ok": True})),
        "get_file": (request(op="get_file", path=write(agent.at("bw"), b"bytes")), lambda host: equal(host.got().data, b"bytes")),
        "run": (request(op="run", cmd="echo bytes", shell="raw"), lambda host: equal(host.ran().out, b"bytes\n")),
        "greeted": (b"CONNECT 1\n" + request(op="ping"), lambda host: (equal(host.read(5), b"OK 1\n"), equal(host.answer()["op"], "pong"))),
    }


@case("a conversation that comes byte by byte is the same conversation")
def _():
    for name, (said, check) in conversations().items():
        with agent.connect() as host:
            for at in range(len(said)):
                host.send(said[at:at + 1])
                if at % 5 == 0:
                    agent.ask("ping")    # it has been read alone
            check(host)
    equal(read(agent.at("bytewise")), b"0123456789")


@case("a conversation split in two at each byte is the same conversation")
def _():
    for name, (said, check) in conversations().items():
        for at in range(1, len(said), 1 if name != "run" else 7):
            with agent.connect(said[:at]) as host:
                agent.ask("ping")
                host.send(said[at:])
                check(host)


@case("a hang-up at each byte of each request leaves nothing behind")
def _():
    for said, _ in conversations().values():
        for count in range(len(said)):
            with agent.connect(said[:count]):
                pass
    agent.quiet()


@case("what the agent is asked to do twice at once it does twice")
def _():
    hosts = [agent.start(f"sleep 0.2; echo {n}") for n in range(20)]
    for number, host in enumerate(hosts):
        equal(host.ran().out, f"{number}\n".encode())
        host.close()


@case("after all of this nothing is left, and the agent ends with 0 at SIGTERM")
def _():
    agent.quiet()
    agent.stop()


main()

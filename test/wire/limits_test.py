#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a peer can make the agent keep has an end. usage: limits_test.py BELLHOP-AGENT [--only WORD]"""
import contextlib
import json
import os
import resource
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from agent import SANITIZED, Agent, alive, bind_mount, dies, mount_tmpfs, own_mounts, remount_read_only, unmount  # noqa: E402
from frames import DATA, EOF, JSON, data_frames, file_frames, frame, read, request, request_of_put, write  # noqa: E402
from tap import case, equal, eventually, has, main, skip  # noqa: E402


@contextlib.contextmanager
def many(hosts):
    try:
        yield hosts
    finally:
        for host in hosts:
            host.close()


def ends(host, at_least, at_most=5.0, since=None):
    """The agent ends this conversation without a word, within these seconds (time itself is what is tested)."""
    since = since or time.monotonic()
    equal(host.closed(), True)
    took = time.monotonic() - since
    equal(at_least <= took <= at_most, True, f"ended after {took:.2f} s, wanted {at_least} to {at_most}")


def bounded(agent, before, kib):
    """Memory since `before`; a sanitizer's own says nothing."""
    grown = agent.rss_anon_kib() - before
    if not SANITIZED:
        equal(grown <= kib, True, f"grown by {grown} KiB, wanted at most {kib}")
    return grown


# ---- --max-connections

@case("one connection too many hears why, and the next one after a hang-up is served")
def _():
    with Agent("--max-connections", "3") as agent, many([agent.connect() for _ in range(3)]) as held:
        answer = agent.ask("ping")
        equal(answer["ok"], False)
        has(answer["error"], "3 connections")
        with many([agent.connect() for _ in range(30)]) as flood:    # too many even to be told
            for host in flood:
                try:
                    host.send(request(op="ping"))
                    equal([json.loads(payload)["ok"] for _, payload in host.frames()] in ([], [False]), True)
                except (BrokenPipeError, ConnectionResetError):
                    pass
        held.pop().close()
        eventually(lambda: agent.ask("ping")["ok"], what="an answer to ping")
        held.append(agent.connect())
        equal(agent.ask("ping")["ok"], False)


@case("several hundred connections at once are all served")
def _():
    with Agent("--max-connections", "1000") as agent:
        data = os.urandom(10_000)
        write(agent.at("file"), data)
        before = agent.rss_anon_kib()
        with many([agent.connect(request(op="ping")[:7]) for _ in range(600)]) as hosts:
            eventually(lambda: agent.descriptors() == agent.descriptors_at_start + 600, what="600 descriptors")
            each = bounded(agent, before, 600 * 8) / 600
            print(f"# {each:.1f} KiB of memory for each waiting connection")
            for number, host in enumerate(hosts):
                host.send(request(op="ping")[7:] if number % 2 else request(op="ping")[7:-1])
            for host in hosts[1::2]:
                equal(host.answer()["op"], "pong")
            for host in hosts[0::2]:
                host.send(b"}")
                equal(host.answer()["op"], "pong")
        agent.quiet()
        with many([agent.connect(request(op="get_file", path="file")) for _ in range(300)]) as hosts:
            for host in hosts:
                equal(host.got().data, data)
        agent.quiet()


@case("by default 256 connections are served, and readiness probes that come and go hold no place")
def _():
    with Agent() as agent:
        for _ in range(1000):
            agent.connect().close()
        with many([agent.connect(b"\x01") for _ in range(255)]):
            equal(agent.ask("ping")["ok"], True)


# ---- --max-runs

@case("commands over the limit wait in order; one that hangs up while it waits never runs; the rest goes on")
def _():
    with Agent("--max-runs", "2") as agent:
        for n in range(6):
            os.mkfifo(agent.at(f"gate{n}"))
        with many([agent.start(f"echo ran{n} >> log; echo {n}; cat gate{n}") for n in range(6)]) as hosts:
            equal([hosts[n].first_output() for n in (0, 1)], [b"0\n", b"1\n"])
            agent.turn()
            equal([hosts[n].silent() for n in (2, 3, 4, 5)], [True] * 4)
            equal(agent.put("other", b"data"), {"ok": True})
            equal(agent.get("other").data, b"data")
            equal(agent.ask("info")["limits"]["runs"], 2)
            hosts[3].close()
            agent.turn()
            for done, follows in ((1, 2), (0, 4), (2, 5)):
                open(agent.at(f"gate{done}"), "w").close()
                equal(hosts[done].ran().end["exit_code"], 0)
                equal(hosts[follows].first_output(), f"{follows}\n".encode())
            hosts[4].close()    # a hang-up gives its place on, too
            hosts[4] = agent.start("echo last")
            equal(hosts[4].ran().out, b"last\n")
            open(agent.at("gate5"), "w").close()
            equal(hosts[5].ran().end["exit_code"], 0)
        ran = read(agent.at("log")).split()
        equal(sorted(ran[:2]) + ran[2:], [b"ran0", b"ran1", b"ran2", b"ran4", b"ran5"])
        agent.quiet()


@case("64 silent commands cost little, and all of them go with their hosts")
def _():
    with Agent() as agent:
        before, descriptors = agent.rss_anon_kib(), agent.descriptors()
        with many([agent.start("echo $$; exec sleep 300") for _ in range(66)]) as hosts:
            pids = [int(host.first_output()) for host in hosts[:64]]
            equal(agent.ask("ping")["ok"], True)
            equal(hosts[64].silent() and hosts[65].silent(), True, "the 65th and 66th wait")
            grown = bounded(agent, before, 64 * 16)
            print(f"# {grown / 64:.1f} KiB and {(agent.descriptors() - descriptors) / 64:.1f} descriptors for each silent command")
            equal(len(agent.children()), 64)
            cpu, switches = agent.cpu_seconds(), agent.switches()
            time.sleep(1)    # time itself
            equal((agent.cpu_seconds() - cpu <= 0.02, agent.switches() - switches), (True, 0), "silence for a second: cpu and switches")
        for pid in pids:
            dies(pid)
        agent.quiet()


# ---- --max-frame, --max-buffered

@case("a frame over --max-frame ends its connection, at its header, and one at the limit is read")
def _():
    with Agent("--max-frame", "1024") as agent:
        ping = b'{"op":"ping","pad":"' + b"x" * (1024 - 22) + b'"}'
        with agent.connect(frame(JSON, ping)) as host:
            equal(host.answer()["op"], "pong")
        with agent.connect(frame(JSON, ping + b" ")[:5]) as host:
            equal(host.closed(), True)
        with agent.connect(request(op="put_file", path="big", size=5000), frame(DATA, b"x" * 1024) + frame(DATA, b"x" * 1025)[:5]) as host:
            equal(host.closed(), True)
        agent.quiet()
        equal(os.path.exists(agent.at("big")), False)
        equal(agent.run("head -c 100000 /dev/zero").out, bytes(100_000))


@case("unfinished requests together stay under --max-buffered, and what an ended one held is free again")
def _():
    with Agent("--max-buffered", "100000") as agent:
        half = frame(JSON, b'{"op":"ping","pad":"' + b"x" * 70_000 + b'"}')
        with agent.connect(half[:60_000]) as first:
            agent.turn()
            with agent.connect(half[:60_000]) as second:
                equal(second.closed(), True, "the one too many")
            first.send(half[60_000:])
            equal(first.answer()["op"], "pong")
        with agent.connect(half[:60_000]):
            agent.turn()
        agent.quiet()
        for _ in range(5):
            with agent.connect(half) as host:
                equal(host.answer()["op"], "pong")
        with agent.connect(frame(JSON, b" " * 100_001)) as host:
            equal(host.closed(), True)
        equal(agent.put("data", bytes(1_000_000)), {"ok": True})


# ---- --idle-timeout, --stall-timeout

@case("a peer that owes bytes is closed after --idle-timeout: no request, half a request, half a greeting")
def _():
    with Agent("--idle-timeout", "0.4") as agent:
        before = time.monotonic()
        with many([agent.connect(piece) for piece in (b"", b"\x01\0", request(op="ping")[:-1], b"CONNECT 10")]) as hosts:
            for host in hosts:
                ends(host, 0.39, since=before)
        agent.quiet()


@case("an upload that stalls is closed after --idle-timeout, and leaves nothing")
def _():
    with Agent("--idle-timeout", "0.4") as agent:
        before = time.monotonic()
        with many([agent.connect(request(op="put_file", path=path, size=1 << 40), data_frames(b"abc")) for path in ("f", "/no/such/f")]) as hosts:
            for host in hosts:
                ends(host, 0.39, since=before)
        agent.quiet()
        equal(os.listdir(agent.root), [])


@case("a slow but steady peer is not idle, and neither is a silent command, running or waiting for its turn")
def _():
    with Agent("--idle-timeout", "0.4", "--max-runs", "1") as agent:
        said = request_of_put("steady", b"0123456789") + file_frames(b"0123456789")
        with agent.start("sleep 1; echo first") as first, agent.start("echo second") as second, agent.connect() as steady:
            for at in range(0, len(said), 9):
                steady.send(said[at:at + 9])
                time.sleep(0.1)    # time itself
            equal(steady.answer(), {"ok": True})
            equal((first.ran().out, second.ran().out), (b"first\n", b"second\n"))


@case("a peer that has its answer and never closes holds no place for long", ahead=True)
def _():
    with Agent() as agent:
        with many([agent.connect(one) for one in (request(op="ping"), request(op="zzz"), b"\x09\0\0\0\0", request(op="run", cmd="true"))]) as hosts:
            for host in hosts:
                list(host.frames())
            agent.quiet(5)


@case("a peer that takes nothing is given up after --stall-timeout, its command with it")
def _():
    with Agent("--stall-timeout", "0.5") as agent:
        write(agent.at("file"), b"")
        os.truncate(agent.at("file"), 100 << 20)
        with agent.start("echo $$; exec yes") as host, agent.connect(request(op="get_file", path="file")):
            pid = int(host.first_output().split()[0])
            eventually(lambda: not alive(pid), 5, what="the command's end")
            eventually(lambda: agent.descriptors() == agent.descriptors_at_start, 5, what="the download's end")


@case("a peer that takes little, but again and again, is not given up")
def _():
    with Agent("--stall-timeout", "1", "--idle-timeout", "1") as agent:
        size = 32 << 20
        with agent.start(f"head -c {size} /dev/zero") as host:
            total = len(host.first_output())
            for _ in range(15):
                time.sleep(0.1)    # time itself
                for _ in range(24):    # 1.5 MiB: a unix socket tells its writer of room only when there is much
                    total += len(host.first_output())
            equal(len(host.ran().out) + total, size)


# ---- descriptors

@contextlib.contextmanager
def descriptors_left(agent, count):
    numbers = sorted(int(n) for n in os.listdir(f"/proc/{agent.pid}/fd"))
    free = [n for n in range(numbers[-1] + 1 + count) if n not in numbers]
    soft, hard = resource.prlimit(agent.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (free[count - 1] + 1, hard))
    try:
        yield
    finally:
        resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (soft, hard))


@case("without a descriptor to spare accept waits, does not spin, and recovers", ahead=True)
def _():
    with Agent() as agent:
        with descriptors_left(agent, 10), many([agent.connect() for _ in range(40)]) as hosts:
            eventually(lambda: agent.descriptors() == agent.descriptors_at_start + 10, what="10 connections")
            cpu = agent.cpu_seconds()
            time.sleep(1)    # time itself
            equal(agent.cpu_seconds() - cpu < 0.1, True, "it spins")
            hosts[0].send(request(op="ping"))
            equal(hosts[0].answer()["op"], "pong")
            for host in hosts[:20]:
                host.close()
            hosts[-1].send(request(op="ping"))
            for host in hosts[20:-1]:
                host.close()
            equal(hosts[-1].answer()["op"], "pong", "the last in the line")
        equal(agent.ask("ping")["ok"], True)
        agent.quiet()


@case("without a descriptor to spare an operation says so, and works again afterwards")
def _():
    with Agent() as agent:
        write(agent.at("file"), b"data")
        equal(agent.run("true").end["exit_code"], 0)
        with descriptors_left(agent, 1):
            with agent.start("echo never") as host:
                equal(host.answer(), {"ok": False, "op": "error", "error": "spawn failed: [Errno 24] Too many open files"})
            has(agent.ask("get_file", path="file")["error"], "[Errno 24] Too many open files")
            has(agent.put("other", b"data")["error"], "[Errno 24] Too many open files")
            equal(agent.ask("info")["ok"], True)
        for spare in range(2, 9):    # each step of a spawn may be the one that fails
            with descriptors_left(agent, spare), agent.start("echo some") as host:
                answer = list(host.frames())[-1][1]
                equal(b"spawn failed: [Errno 24]" in answer or b'"exit_code":0' in answer, True, f"{spare} to spare: {answer}")
            agent.quiet()
        equal(agent.run("echo again").out, b"again\n")
        equal(agent.get("file").data, b"data")
        agent.quiet()


# ---- memory

@case("1 GiB of output to a slow reader is not kept: the command waits, and all of it arrives")
def _():
    size = 1 << 30
    with Agent() as agent, agent.start(f"echo $$; exec head -c {size} /dev/zero") as host:
        before = agent.rss_anon_kib()
        pid = int(host.first_output().split()[0])

        def written():
            return next(int(line.split()[1]) for line in read(f"/proc/{pid}/io").splitlines() if line.startswith(b"wchar"))
        eventually(lambda: read(f"/proc/{pid}/comm") == b"head\n", what="exec")
        last = -1
        while last != (last := written()):
            agent.turn()
            time.sleep(0.05)    # it stands still: time itself
        equal(0 < last < 16 << 20, True, f"written to nobody: {last}")
        stopped = bounded(agent, before, 2048)
        received, most, view = 0, 0, bytearray(1 << 20)
        started = time.monotonic()
        tail = b""
        sampled = 0
        while count := host.socket.recv_into(view):
            received += count
            tail = (tail + view[max(0, count - 2000):count])[-2000:]
            if received - sampled > 64 << 20:
                sampled = received
                most = max(most, agent.rss_anon_kib() - before)
        took = time.monotonic() - started
        received += len(host.buffered)
        print(f"# stopped after {last >> 10} KiB; memory {stopped} KiB then, {most} KiB at most; {received / took / 1e9:.2f} GB/s")
        equal(most <= 2048 or SANITIZED, True, f"memory grown by {most} KiB")
        equal(received > size, True)
        has(tail, b'"exit_code":0')


@case("files of any size are moved in little memory")
def _():
    with Agent() as agent:
        equal(agent.put("small", b"warm"), {"ok": True})
        before = agent.rss_anon_kib()
        size, chunk, most = 256 << 20, data_frames(bytes(1 << 20), 1 << 20), 0
        with agent.connect(request(op="put_file", path="large", size=size)) as host:
            for n in range(256):
                host.send(chunk)
                if n % 32 == 0:
                    most = max(most, agent.rss_anon_kib() - before)
            equal(host.answer(), {"ok": True})
        equal(os.path.getsize(agent.at("large")), size)
        with agent.connect(request(op="get_file", path="large")) as host:
            received = 0
            for tag, payload in host.frames():
                received += len(payload) if tag == DATA else 0
                if received % (32 << 20) == 0:
                    most = max(most, agent.rss_anon_kib() - before)
            equal((received, tag), (size, EOF))
        print(f"# {most} KiB at most")
        equal(most <= 2048 or SANITIZED, True, f"memory grown by {most} KiB")


@case("idle again, the agent has given its memory back")
def _():
    with Agent() as agent:
        agent.run("true"), agent.put("f", b"x"), agent.get("f")
        agent.quiet()
        before = agent.rss_anon_kib()
        wide = b'{"op":"ping","pad":[' + b"1," * 200_000 + b"1]}"
        for payload in (wide, b'{"op":"ping","pad":"' + b"x" * (15 << 20) + b'"}'):
            with agent.connect(frame(JSON, payload)) as host:
                equal(host.answer()["op"], "pong")
        with many([agent.start("head -c 1000000 /dev/zero") for _ in range(50)]) as hosts:
            for host in hosts:
                equal(len(host.ran().out), 1_000_000)
        agent.quiet()
        print(f"# {bounded(agent, before, 512)} KiB more than before, of {before}")


# ---- disks

def mounts():
    if os.geteuid() != 0 or not own_mounts():
        skip("needs root, to mount")


@case("a full disk is told after all the bytes; the target is untouched, nothing is left, and the rest goes on")
def _():
    mounts()
    with Agent() as agent:
        small = agent.at("small")
        os.mkdir(small)
        mount_tmpfs(small, "size=1m")
        try:
            target = write(small + "/target", b"before")
            data = os.urandom(3 << 20)
            with agent.connect(request_of_put(target, data), data_frames(data[:-1])) as host:
                agent.turn()
                equal(host.silent(), True, "an answer before the last byte")
                host.send(frame(DATA, data[-1:]) + frame(EOF))
                equal(host.answer(), {"ok": False, "error": "[Errno 28] No space left on device"})
            equal((read(target), os.listdir(small)), (b"before", ["target"]))
            equal(agent.put(target, b"after"), {"ok": True})
            equal(read(target), b"after")
            agent.quiet()
        finally:
            unmount(small)


@case("a read-only directory is told, and can still be read from")
def _():
    mounts()
    with Agent() as agent:
        where = agent.at("ro")
        os.mkdir(where)
        mount_tmpfs(where)
        try:
            write(where + "/file", b"data")
            remount_read_only(where)
            equal(agent.put(where, b"x" * 100_000, name="new"), {"ok": False, "error": f"cannot create file: [Errno 30] Read-only file system: '{where}'"})
            equal(agent.put(where + "/file", b"x")["ok"], False)
            equal(agent.get(where + "/file").data, b"data")
        finally:
            unmount(where)


@case("an agent whose root is read-only runs, reads, and says what it cannot write")
def _():
    mounts()

    def freeze():
        own_mounts()
        bind_mount(os.path.dirname(os.getcwd()))    # the folder of this agent stays as it is
        remount_read_only("/")
    with Agent(preexec_fn=freeze) as agent:
        equal(agent.run("echo x > /bellhop-was-here 2>/dev/null || echo frozen").out, b"frozen\n")
        has(agent.put("/bellhop-was-here", b"x")["error"], "[Errno 30] Read-only file system")
        equal(agent.get("/proc/version").data, read("/proc/version"))
        equal(agent.put("here", b"x"), {"ok": True})


main()

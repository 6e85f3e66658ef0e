#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Thousands of conversations that nobody should have, and an agent that is none the worse for them. usage: hostile_test.py BELLHOP-AGENT [--only WORD]

All choices come from one seed, which is printed; BELLHOP_SEED=N repeats them. BELLHOP_CONVERSATIONS=N makes it longer.
"""
import atexit
import contextlib
import json
import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from agent import SANITIZED, Agent  # noqa: E402
from frames import DATA, EOF, ERR, JSON, OUT, data_frames, frame, request, write  # noqa: E402
from tap import case, equal, eventually, main  # noqa: E402

SEED = int(os.environ.get("BELLHOP_SEED") or random.SystemRandom().randrange(1 << 32))
COUNT = int(os.environ.get("BELLHOP_CONVERSATIONS") or 10_000)
AT_ONCE = 60
print(f"# BELLHOP_SEED={SEED}", flush=True)
dice = random.Random(SEED)

# With limits of its own malloc keeps no more than 128 KiB at the top of the heap, so that what grows is a leak.
os.environ.update(MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072")
agent = Agent("--max-runs", "8", "--max-connections", str(2 * AT_ONCE), "--idle-timeout", "20", "--log-level", "debug")
atexit.register(agent.kill)
write(agent.at("small"), b"small")
write(agent.at("large"), bytes(3_000_000))
os.mkdir(agent.at("dir"))


# ---- what is said: each gives the pieces of one conversation

def some_bytes(most):
    return dice.randbytes(dice.randrange(most))


def good():
    """Only what harms nothing as root, however little of it is changed."""
    return dice.choice([
        lambda: request(op="ping", v=1),
        lambda: request(op="info"),
        lambda: request(op="run", cmd=dice.choice(["echo hello", "sleep 9", "yes", "head -c 300000 /dev/zero"]), shell="raw",
                        timeout=dice.choice([None, 0, 0.01, 5, 1e9]), env={"A": "b", "C": 1}),
        lambda: request(op="get_file", path=dice.choice(["small", "large", "dir", "none", "/proc/cpuinfo"])),
        lambda: put(dice.randrange(5000)),
        lambda: b"CONNECT 1024\n" + request(op="ping"),
    ])()


def put(size, **members):
    data = dice.randbytes(size)
    head = request(op="put_file", path=dice.choice(["dir/file", "dir", "none/file", "new"]), name="name", mode=0o644, size=size, **members)
    return head + data_frames(data, dice.choice([1000, 65536])) + frame(EOF)


def mutated():
    """A request with bytes changed, added, lost or doubled; the text of a command stays as it is."""
    whole = good()
    at = whole.find(b'"cmd"')
    if at >= 0:
        end = whole.index(b'", "', at + 8)
        return [_mutate(whole[:at]) + whole[at:end] + _mutate(whole[end:])]
    return [_mutate(whole)]


def _mutate(data):
    data = bytearray(data)
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(data) + 1)
        kind = dice.randrange(4)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            data[at:at] = dice.choice([b"\0", b"\xff", b'"', b"{", b"}", b"\\", b"1", b"\\u0000", b"\n", some_bytes(20)])
        elif kind == 2:
            del data[at:at + dice.randrange(1, 10)]
        else:
            data[at:at] = data[at:at + dice.randrange(1, 40)]
    return bytes(data)


def noise():
    return [some_bytes(300) for _ in range(dice.randrange(1, 4))]


def odd_frames():
    return [frame(dice.choice([JSON, OUT, ERR, DATA, EOF, 0, 6, 255]), some_bytes(dice.choice([1, 10, 2000]))) for _ in range(dice.randrange(1, 6))]


def lying_lengths():
    length = dice.choice([0, 1, 5, (16 << 20) - 1, 16 << 20, (16 << 20) + 1, 1 << 31, (1 << 32) - 1, dice.randrange(1 << 32)])
    tag = dice.choice([JSON, JSON, OUT, DATA, EOF, 67])
    head = dice.choice([b"", request(op="put_file", path="new", size=dice.choice([0, 1, 1 << 40, (1 << 63) - 1]))])
    return [head + struct.pack(">BI", tag, length) + some_bytes(3000)]


def odd_json():
    depth, width = dice.choice([10, 500, 1023, 1024, 1025, 50_000]), dice.choice([10, 1000, 30_000])
    text = dice.choice([
        lambda: b"[" * depth, lambda: b"[" * depth + b"]" * depth, lambda: b'{"a":' * depth + b"1" + b"}" * depth,
        lambda: b'{"op":"ping","x":' + b"[" * depth + b"]" * depth + b"}",
        lambda: b'{"op":"ping","x":[' + b"0," * width + b"0]}",
        lambda: json.dumps({"op": "ping", **{f"k{n}": n for n in range(width)}}).encode(),
        lambda: json.dumps({"op": "run", "cmd": "true", "shell": "raw", "env": {f"K{n}": n for n in range(width)}}).encode(),
        lambda: json.dumps({"op": "x" * width}).encode(), lambda: json.dumps({"op": "get_file", "path": "p" * width}).encode(),
        lambda: json.dumps({"op": "put_file", "path": "p" * width, "name": "n" * width, "size": 0}).encode(),
        lambda: json.dumps({"op": dice.choice(["run", "get_file", "put_file", "ping"]), "cmd": "a\0b", "path": "a\0b", "name": "\0", "size": 1}).encode(),
        lambda: b'{"op":"\\ud800"}', lambda: b'{"op":"\\ud800\\udc00"}', lambda: b'{"op":"\xc0\x80"}', lambda: b'{"op":"\xed\xa0\x80"}',
        lambda: b'{"op":"run","cmd":"true","shell":"raw","timeout":' + dice.choice([b"1e999", b"-1e999", b"1e308", b"1e-320", b"-0", b"0.0000001", b"9" * 400]) + b"}",
        lambda: b'{"op":"put_file","path":"new","size":' + dice.choice([b"-0", b"1e2", b"18446744073709551615", b"9" * 30, b"-1"]) + b"}",
        lambda: b'{"op":"ping","op":"info","op":"zzz","v":1,"v":2}', lambda: b"\xef\xbb\xbf{}", lambda: b" " * width + b"{}", lambda: b"{}" + b"\0" * 10,
    ])()
    return [frame(JSON, text)]


def upload_gone_wrong():
    size = dice.randrange(1, 200_000)
    whole = put(size)
    head = whole.index(b"}") + 1
    cut = dice.randrange(head, len(whole))
    wrong = dice.choice([b"", frame(EOF), frame(OUT, b"x"), frame(JSON, b"{}"), frame(DATA, bytes(size + 1)), struct.pack(">BI", DATA, 1 << 30), frame(DATA)])
    return [whole[:cut], wrong]


def slow():
    whole = good()
    cuts = sorted(dice.randrange(len(whole) + 1) for _ in range(dice.randrange(8)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)])]


def cut_off():
    whole = good()
    return [whole[:dice.randrange(len(whole))]]


def whole():
    return [good() + dice.choice([b"", b"", good(), some_bytes(100)])]


# ---- how it ends

def take_some(host):
    with contextlib.suppress(OSError):
        host.socket.recv(dice.choice([1, 5, 1000, 1 << 20]))


def say(host, piece):
    """Never waits: what the agent does not take at once is not said."""
    with contextlib.suppress(OSError):
        host.socket.send(piece)


def conversations(kinds, count, at_once=AT_ONCE):
    """Some at a time, a step of one of them after the other; some hang up at once, some half-close, some never read."""
    going, started = [], 0
    while going or started < count:
        if started < count and len(going) < at_once:
            started += 1
            host = agent.connect()
            host.socket.setblocking(False)
            going.append((host, dice.choice(kinds)()))
        number = dice.randrange(len(going))
        host, pieces = going[number]
        if pieces:
            say(host, pieces.pop(0))
        deed = dice.randrange(10)
        if deed == 0:
            with contextlib.suppress(OSError):
                host.half_close()
        elif deed < 4:
            take_some(host)
        elif deed < 7 or (not pieces and started >= count):
            host.close()    # with output unread, now and then: the agent sees a reset
            del going[number]


def check(kinds, count):
    try:
        conversations(kinds, max(1, count))
        equal(agent.process.poll(), None, f"the agent has ended; its log: {agent.log.text()[-5000:]}")
        eventually(lambda: agent.ask("ping")["ok"], what="an answer to ping")
        agent.quiet()
        equal([line for line in agent.log.lines if "error:" in line], [], "errors in the log")
    except BaseException:
        print(f"# repeat with BELLHOP_SEED={SEED} BELLHOP_CONVERSATIONS={COUNT}")
        raise


KINDS = {
    "whole requests, some with more behind them": whole,
    "requests that are cut off": cut_off,
    "requests in pieces": slow,
    "requests with bytes changed, added and lost": mutated,
    "random bytes": noise,
    "frames of any kind": odd_frames,
    "lengths that lie": lying_lengths,
    "JSON that is deep, wide, broken or strange": odd_json,
    "uploads that go wrong": upload_gone_wrong,
}
for _name, _kind in KINDS.items():
    @case(f"{_name}: the agent answers afterwards, and nothing is left")
    def _(kind=_kind):
        check([kind], COUNT // 16)


@case("all of that at once: the agent answers afterwards, and no memory is left with it", seconds=300)
def _():
    check(list(KINDS.values()), COUNT // 8)
    before = agent.rss_anon_kib()
    check(list(KINDS.values()), COUNT // 2)
    grown = agent.rss_anon_kib() - before
    print(f"# {before} KiB of memory before {COUNT // 2} conversations, {grown} KiB more after them")
    equal(grown <= 256 or SANITIZED, True, f"grown by {grown} KiB")


@case("afterwards the agent ends with 0")
def _():
    agent.stop()


main()

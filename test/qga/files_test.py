#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guest-file-*: what QEMU's own agent answers, and what is better here. usage: files_test.py BELLHOP-AGENT [--only WORD]"""
import base64
import json
import os
import pathlib
import socket
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import SANITIZED, Agent  # noqa: E402
from qga import Host, Oracle, Refused  # noqa: E402
from tap import case, equal, eventually, has, main, skip  # noqa: E402

MIB = 1 << 20


def b64(data):
    return base64.b64encode(data).decode()


class One:
    """An agent with one host; its working directory is fresh."""

    def __init__(self, *options):
        self.agent = Agent(*options, dialect="qga")
        self.host = Host(self.agent.path)
        self.call = self.host.call

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        self.host.__exit__()
        self.agent.__exit__(kind, *rest)

    def refusal(self, command, arguments):
        return refusal(self.host, command, arguments)

    def open(self, path, mode="r"):
        return self.call("guest-file-open", {"path": path, "mode": mode})

    def read(self, handle, **more):
        answer = self.call("guest-file-read", {"handle": handle, **more})
        data = base64.b64decode(answer.pop("buf-b64"), validate=True)
        equal(answer["count"], len(data), "count")
        return data, answer["eof"]

    def write(self, handle, data):
        return self.call("guest-file-write", {"handle": handle, "buf-b64": b64(data)})


def refusal(host, command, arguments):
    try:
        value = host.call(command, arguments)
    except Refused as why:
        equal(why.kind, "GenericError")
        return why.desc
    raise AssertionError(f"{command} {arguments!r:.300} was not refused but answered {value!r:.300}")


def oracle(*options, **popen):
    if not Oracle.BINARY:
        raise AssertionError("no qemu-ga here; tools/install-needs build")
    return Oracle(*options, **popen)


# ---- the same as qemu-ga

HANDLE = object()    # of the last successful open
CONVERSATION = [
    ("open", {"path": "nope"}),
    ("open", {"path": ".", "mode": "w"}),
    ("open", {"path": "f", "mode": "zz"}),
    ("open", {"path": "f", "mode": "b"}),
    ("open", {"path": "f", "mode": "r+"}),
    ("open", {"path": "nowhere/x", "mode": "w"}),
    ("open", {}),
    ("open", {"path": 5}),
    ("open", {"path": "."}),
    ("read", {"handle": HANDLE}),
    ("close", {"handle": HANDLE}),
    ("open", {"path": "f", "mode": "w+b"}),
    ("write", {"handle": HANDLE, "buf-b64": "SGVsbG8gV29ybGQhCg=="}),
    ("write", {"handle": HANDLE, "buf-b64": "YWJjZGVm", "count": 3}),
    ("write", {"handle": HANDLE, "buf-b64": "YWJjZGVm", "count": 7}),
    ("write", {"handle": HANDLE, "buf-b64": "YWJjZGVm", "count": -1}),
    ("write", {"handle": HANDLE, "buf-b64": "!!"}),
    ("write", {"handle": HANDLE, "buf-b64": "YWJj\nZGVm\n"}),
    ("write", {"handle": HANDLE, "buf-b64": "YWJj\r\nZGVm\r\n"}),
    ("write", {"handle": HANDLE, "buf-b64": "YWJj ZGVm"}),
    ("write", {"handle": HANDLE, "buf-b64": ""}),
    ("write", {"handle": HANDLE}),
    ("flush", {"handle": HANDLE}),
    ("read", {"handle": HANDLE}),
    ("seek", {"handle": HANDLE, "offset": 0, "whence": "set"}),
    ("read", {"handle": HANDLE, "count": 5}),
    ("seek", {"handle": HANDLE, "offset": 0, "whence": 1}),
    ("seek", {"handle": HANDLE, "offset": -2, "whence": "end"}),
    ("seek", {"handle": HANDLE, "offset": -2000, "whence": "cur"}),
    ("seek", {"handle": HANDLE, "offset": 1000, "whence": "set"}),
    ("read", {"handle": HANDLE, "count": 5}),
    ("seek", {"handle": HANDLE, "offset": 0, "whence": 3}),
    ("seek", {"handle": HANDLE, "offset": 0, "whence": "foo"}),
    ("seek", {"handle": HANDLE, "offset": 0, "whence": True}),
    ("seek", {"handle": HANDLE, "offset": 0}),
    ("seek", {"handle": HANDLE, "whence": "set"}),
    ("seek", {"handle": HANDLE, "offset": 0, "whence": 0}),
    ("read", {"handle": HANDLE, "count": 0}),
    ("read", {"handle": HANDLE, "count": -1}),
    ("read", {"handle": HANDLE, "count": 50331649}),
    ("read", {"handle": HANDLE, "count": 22}),
    ("read", {"handle": HANDLE, "count": 100}),
    ("seek", {"handle": HANDLE, "offset": 0, "whence": 0}),
    ("read", {"handle": HANDLE, "count": 100}),
    ("read", {"handle": HANDLE, "count": 100}),
    ("read", {"handle": HANDLE, "count": 50331648}),
    ("close", {"handle": HANDLE}),
    ("close", {"handle": HANDLE}),
    ("read", {"handle": HANDLE}),
    ("write", {"handle": HANDLE, "buf-b64": ""}),
    ("seek", {"handle": HANDLE, "offset": 0, "whence": 0}),
    ("flush", {"handle": HANDLE}),
    ("read", {"handle": "x"}),
    ("read", {"handle": 1.5}),
    ("open", {"path": "f", "mode": "r"}),
    ("write", {"handle": HANDLE, "buf-b64": "YWJj"}),
    ("flush", {"handle": HANDLE}),
    ("close", {"handle": HANDLE}),
    ("open", {"path": "f", "mode": "a"}),
    ("write", {"handle": HANDLE, "buf-b64": "YWJj"}),
    ("close", {"handle": HANDLE}),
    ("open", {"path": "f", "mode": "rb"}),
    ("read", {"handle": HANDLE}),
    ("close", {"handle": HANDLE}),
    ("open", {"path": "f", "mode": "w"}),
    ("close", {"handle": HANDLE}),
    ("open", {"path": "f", "mode": "r"}),
    ("read", {"handle": HANDLE}),
    ("close", {"handle": HANDLE}),
    ("open", {"path": "fifo"}),
    ("read", {"handle": HANDLE, "count": 64}),
    ("seek", {"handle": HANDLE, "offset": 0, "whence": "set"}),
    ("close", {"handle": HANDLE}),
    ("open", {"path": "fifo", "mode": "w"}),
    ("open", {"path": "empty", "mode": "r"}),
    ("read", {"handle": HANDLE, "foo": 1}),
    ("read", {"handle": HANDLE}),
    ("close", {"handle": HANDLE}),
]


def converse(path, folder):
    """The answers to CONVERSATION, with every handle called H."""
    os.mkfifo(os.path.join(folder, "fifo"))
    pathlib.Path(folder, "empty").touch()
    answers = []
    with Host(path) as host:
        handle = 0
        for command, arguments in CONVERSATION:
            given = {name: handle if value is HANDLE else value for name, value in arguments.items()}
            answer = host.ask("guest-file-" + command, given)
            if command == "open" and "return" in answer:
                handle = answer["return"]
                answer["return"] = "H"
            if "error" in answer:
                answer["error"]["desc"] = answer["error"]["desc"].replace(str(handle), "H")
            answers.append(answer)
    return answers, os.stat(os.path.join(folder, "f")).st_mode


@case("a long conversation about files is answered as qemu-ga answers it")
def _():
    with One() as one:
        ours, mode = converse(one.agent.path, one.agent.root)
    with oracle() as theirs:
        folder = os.path.join(theirs.folder, "root")
        os.mkdir(folder)
        os.chdir(folder)    # of the next qemu-ga, which takes it from us
        with oracle() as there:
            wanted, their_mode = converse(there.path, folder)
        os.chdir("/")
    for asked, got, want in zip(CONVERSATION, ours, wanted):
        equal(got, want, str(asked))
    equal((mode & 0o7777, their_mode & 0o7777), (0o666, 0o666), "a new file's mode, whatever the umask")


# ---- better than qemu-ga

def fifo_in_parts(host, fifo):
    """Reads from a FIFO with less in it than is asked for, then the rest."""
    handle = host.call("guest-file-open", {"path": fifo})
    got = b""
    with open(fifo, "wb", buffering=0) as writer:
        for part in (b"first", b"second"):
            writer.write(part)
            try:
                got += base64.b64decode(host.call("guest-file-read", {"handle": handle, "count": 100})["buf-b64"])
            except Refused:
                pass
    try:
        got += base64.b64decode(host.call("guest-file-read", {"handle": handle, "count": 100})["buf-b64"])
    except Refused:
        pass
    host.call("guest-file-close", {"handle": handle})
    return got


@case("what is read of a FIFO before it runs dry is answered and not lost, as it is by qemu-ga")
def _():
    with One() as one:
        os.mkfifo(one.agent.at("fifo"))
        equal(fifo_in_parts(one.host, one.agent.at("fifo")), b"firstsecond")
        with oracle() as theirs, Host(theirs.path) as host:
            equal(fifo_in_parts(host, one.agent.at("fifo")) == b"firstsecond", False, "qemu-ga has all of it")


@case("base64 of a wrong length is refused and nothing is written; qemu-ga writes nothing and says that all is well")
def _():
    with One() as one:
        handle = one.open("f", "w")
        for text in ("YWJ", "Y", "YWJjZA", "YWJjZA=", "=", "YWJj=", "YQ==YQ=="):
            has(one.refusal("guest-file-write", {"handle": handle, "buf-b64": text}), "Base64")
        one.call("guest-file-close", {"handle": handle})
        equal(os.path.getsize(one.agent.at("f")), 0)
        with oracle() as theirs, Host(theirs.path) as host:
            path = os.path.join(theirs.folder, "f")
            handle = host.call("guest-file-open", {"path": path, "mode": "w"})
            equal(host.call("guest-file-write", {"handle": handle, "buf-b64": "YWJ"}), {"count": 0, "eof": False})


@case("a zero byte in a path is refused; qemu-ga makes a file of another name")
def _():
    with One() as one:
        pathlib.Path(one.agent.at("f")).touch()
        has(one.refusal("guest-file-open", {"path": one.agent.at("f") + "\0.txt"}), "Invalid argument")
        with oracle() as theirs, Host(theirs.path) as host:
            before = os.listdir(one.agent.root)
            host.call("guest-file-open", {"path": one.agent.at("f") + "\0.txt", "mode": "w"})
            equal(len(os.listdir(one.agent.root)), len(before) + 1)


@case("a full device is told by the write that met it")
def _():
    with One() as one:
        handle = one.open("/dev/full", "w")
        equal(one.refusal("guest-file-write", {"handle": handle, "buf-b64": "YWJj"}),
              "failed to write to file: No space left on device")
        equal(one.call("guest-file-close", {"handle": handle}), {})


@case("a file of /proc, which does not know its size, is read whole and to its end")
def _():
    with One() as one:
        data, eof = one.read(one.open("/proc/version"), count=65536)
        equal((data, eof), (pathlib.Path("/proc/version").read_bytes(), True))


@case("reads and writes of every size around a piece's come back whole, and the position is right after each")
def _():
    with One() as one:
        content = os.urandom(300_000)
        handle = one.open("f", "w+")
        at = 0
        for size in (0, 1, 2, 3, 49151, 49152, 49153, 98304, 3386):
            one.write(handle, content[at:at + size])
            at += size
        equal(one.call("guest-file-seek", {"handle": handle, "offset": 0, "whence": "cur"})["position"], at)
        equal(pathlib.Path(one.agent.at("f")).read_bytes(), content[:at])
        one.call("guest-file-seek", {"handle": handle, "offset": 0, "whence": "set"})
        at = 0
        for size in (1, 2, 49151, 49152, 49153, 49154, 3000):
            data, eof = one.read(handle, count=size)
            equal(data == content[at:at + size] and not eof, True, f"{size} bytes from {at}")
            at += size
        equal(one.call("guest-file-seek", {"handle": handle, "offset": 0, "whence": "cur"})["position"], at)


@case("47 MiB, the most that a request can hold, go into a file by one and come out by one", seconds=180)
def _():
    with One() as one:
        content = os.urandom(MIB) * 47
        handle = one.open("f", "w+")
        equal(one.write(handle, content), {"count": 47 * MIB, "eof": False})
        one.call("guest-file-seek", {"handle": handle, "offset": 0, "whence": "set"})
        data, eof = one.read(handle, count=47 * MIB)
        equal(data == content and not eof, True, "what was read is what was written")
        equal(one.read(handle), (b"", True))


@case("a peer that synchronised as libvirt does is not sent a line of more than 10 MiB, and loses nothing")
def _():
    with One() as one:
        content = os.urandom(MIB) * 20
        pathlib.Path(one.agent.at("f")).write_bytes(content)
        one.call("guest-sync", {"id": 1})
        handle, got, eof = one.open("f"), b"", False
        while not eof:
            request = b'{"execute":"guest-file-read","arguments":{"handle":%d,"count":16777216}}\n' % handle
            one.host.send(request)
            line = one.host.line()
            equal(len(line) < 10 * MIB, True, "the line is short enough")
            answer = json.loads(line)["return"]
            got, eof = got + base64.b64decode(answer["buf-b64"]), answer["eof"]
        equal(got == content, True, "all of it came")
        with Host(one.agent.path) as other:
            handle = other.call("guest-file-open", {"path": "f"})
            equal(other.call("guest-file-read", {"handle": handle, "count": 16 * MIB})["count"], 16 * MIB)


@case("a handle outlives the connection that opened it, and is another one's after a restart")
def _():
    with One() as one:
        pathlib.Path(one.agent.at("f")).write_bytes(b"text")
        handle = one.open("f")
        with Host(one.agent.path) as other:
            equal(base64.b64decode(other.call("guest-file-read", {"handle": handle})["buf-b64"]), b"text")
    with One() as one:
        equal(one.refusal("guest-file-read", {"handle": handle}), f"handle '{handle}' has not been found")
        pathlib.Path(one.agent.at("f")).touch()
        equal(one.open("f") > handle, True, "a new handle is a new number")


@case("files that are opened and never closed do not shut anybody else out")
def _():
    with One() as one:
        pathlib.Path(one.agent.at("f")).touch()
        why = None
        for _ in range(2000):
            answer = one.host.ask("guest-file-open", {"path": "f"})
            if "error" in answer:
                why = answer["error"]["desc"]
                break
        has(why or "nothing was refused", "failed to open file 'f' (mode: 'r')")
        with Host(one.agent.path) as other:
            equal(other.call("guest-ping"), {})


@case("who reads a file and goes away in the middle leaves nothing behind")
def _():
    with One() as one:
        pathlib.Path(one.agent.at("f")).write_bytes(bytes(48 * MIB))
        handle = one.open("f")
        one.call("guest-ping")
        before = one.agent.descriptors()
        other = socket.socket(socket.AF_UNIX)
        other.connect(one.agent.path)
        other.sendall(b'{"execute":"guest-file-read","arguments":{"handle":%d,"count":50331648}}\n' % handle)
        equal(len(other.recv(100)) > 0, True)
        other.close()
        eventually(lambda: one.agent.descriptors() == before, what="the connection's end")
        equal(one.call("guest-file-seek", {"handle": handle, "offset": 0, "whence": "cur"})["position"], 48 * MIB)


@case("memory stays small over reads and writes of 1 MiB: 8 MiB over idle at the most", seconds=180)
def _():
    if SANITIZED:
        skip("a sanitizer's memory says nothing")
    with One() as one:
        idle = int(one.agent._status("VmHWM").split()[0])
        content = os.urandom(MIB)
        handle = one.open("f", "w+")
        for _ in range(48):
            one.write(handle, content)
        one.call("guest-file-seek", {"handle": handle, "offset": 0, "whence": "set"})
        for _ in range(48):
            equal(one.read(handle, count=MIB)[0] == content, True, "what was read is what was written")
        peak = int(one.agent._status("VmHWM").split()[0])
        print(f"# peak RSS {peak} KiB, at start {idle} KiB")
        equal(peak - idle <= 8 << 10, True, f"{peak} KiB of {idle} KiB")


@case("one read of 48 MiB costs 8 MiB over idle at the most; qemu-ga needs more than 64", seconds=180)
def _():
    if SANITIZED:
        skip("a sanitizer's memory says nothing")

    def growth(pid, host, path):
        def peak():
            return int(next(line for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM")).split()[1])
        before = peak()
        handle = host.call("guest-file-open", {"path": path})
        equal(host.call("guest-file-read", {"handle": handle, "count": 48 * MIB})["count"], 48 * MIB)
        return peak() - before

    with One() as one, oracle() as theirs, Host(theirs.path) as host:
        path = one.agent.at("f")
        pathlib.Path(path).write_bytes(bytes(48 * MIB))
        ours, wanted = growth(one.agent.pid, one.host, path), growth(theirs.process.pid, host, path)
        print(f"# peak RSS over idle: {ours} KiB, qemu-ga {wanted} KiB")
        equal((ours <= 8 << 10, wanted > 64 << 10), (True, True))


# ---- bellhop-file-*

@case("bellhop-file-read and -write move a file by offset, and both ends see that it is whole", seconds=180)
def _():
    with One() as one:
        content = os.urandom(3 * MIB + 5)
        for at in range(0, len(content), MIB):
            part = content[at:at + MIB]
            equal(one.call("bellhop-file-write", {"path": "f", "offset": at, "buf-b64": b64(part), "crc32": zlib.crc32(part)}),
                  {"count": len(part), "crc32": zlib.crc32(part)})
        equal(pathlib.Path(one.agent.at("f")).read_bytes() == content, True, "it arrived")
        equal(os.stat(one.agent.at("f")).st_mode & 0o7777, 0o600)
        got, eof = b"", False
        while not eof:
            answer = one.call("bellhop-file-read", {"path": "f", "offset": len(got), "count": 700_001})
            part = base64.b64decode(answer["buf-b64"])
            equal((answer["count"], answer["crc32"], answer["size"]), (len(part), zlib.crc32(part), len(content)))
            got, eof = got + part, answer["eof"]
        equal(got == content, True, "it came back")


@case("bellhop-file-write writes nothing when the checksum is another, and bellhop-file-* refuse what is no regular file")
def _():
    with One() as one:
        os.mkfifo(one.agent.at("fifo"))
        has(one.refusal("bellhop-file-write", {"path": "f", "buf-b64": "YWJj", "crc32": 1}), "checksum")
        equal(os.path.exists(one.agent.at("f")), False)
        for path in ("fifo", "/dev/zero", "."):
            equal(one.refusal("bellhop-file-read", {"path": path}), f"'{path}' is not a regular file")
        equal(one.refusal("bellhop-file-read", {"path": "nope"}), "failed to open file 'nope': No such file or directory")
        has(one.refusal("bellhop-file-read", {"path": "nope", "offset": -1}), "offset")


main()

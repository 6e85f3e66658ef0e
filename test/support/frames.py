# SPDX-License-Identifier: Apache-2.0
"""A host that speaks frames v1 (docs/dialects/frames.md) and believes nothing: a torn frame, a second answer or bytes behind the last one raise."""
import json
import os
import socket
import struct
from typing import NamedTuple

JSON, OUT, ERR, DATA, EOF = range(1, 6)


class Torn(Exception):
    """The agent closed inside a frame, or without the frame that had to come."""


class Ran(NamedTuple):
    out: bytes
    err: bytes
    end: dict


class Got(NamedTuple):
    header: dict
    data: bytes
    whole: bool    # the EOF frame came


def frame(tag, payload=b""):
    return struct.pack(">BI", tag, len(payload)) + payload


def request(**members):
    return frame(JSON, json.dumps(members).encode())


def data_frames(data, chunk=65536):
    return b"".join(frame(DATA, data[at:at + chunk]) for at in range(0, len(data), chunk))


def file_frames(data):
    return data_frames(data) + frame(EOF)


def request_of_put(path, data, **members):
    return request(op="put_file", path=path, size=len(data), **members)


class Host:
    """One connection. Every wait has a deadline of `seconds`."""

    def __init__(self, where, *requests, seconds=20):
        if isinstance(where, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(where)    # before the deadline is set: else it would not wait for a full backlog
        else:
            self.socket = where
        self.socket.settimeout(seconds)
        self.buffered = b""
        for one in requests:
            self.send(one)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_bytewise(self, data):
        for at in range(len(data)):
            self.socket.sendall(data[at:at + 1])

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def read(self, count):
        """Exactly count bytes, or fewer when the agent closes."""
        while len(self.buffered) < count:
            piece = self.socket.recv(max(count - len(self.buffered), 65536))
            if not piece:
                break
            self.buffered += piece
        got, self.buffered = self.buffered[:count], self.buffered[count:]
        return got

    def silent(self):
        """Has nothing come so far?"""
        self.socket.setblocking(False)
        try:
            self.buffered += self.socket.recv(1)
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(20)
        return not self.buffered

    def next_frame(self):
        """(tag, payload), or None when the agent has closed."""
        header = self.read(5)
        if not header:
            return None
        if len(header) < 5:
            raise Torn(f"closed inside a header: {header!r}")
        tag, length = struct.unpack(">BI", header)
        payload = self.read(length)
        if len(payload) < length:
            raise Torn(f"closed after {len(payload)} of the {length} bytes of a frame {tag}")
        return tag, payload

    def frames(self):
        while (one := self.next_frame()) is not None:
            yield one

    def closed(self):
        """Waits for the end; true when nothing came before it. A reset counts: the peer of a liar may get one."""
        try:
            return self.read(1) == b""
        except ConnectionResetError:
            return True

    def answer(self):
        """The one JSON frame that is all of the answer, and the end behind it."""
        frames = list(self.frames())
        if [tag for tag, _ in frames] != [JSON]:
            raise Torn(f"not one JSON frame: {frames!r:.500}")
        return json.loads(frames[0][1])

    def ran(self):
        frames = list(self.frames())
        tags = [tag for tag, _ in frames]
        if not tags or tags[-1] != JSON or not set(tags[:-1]) <= {OUT, ERR}:
            raise Torn(f"not output and then one answer: tags {tags!r:.500}")
        text = {wanted: b"".join(payload for tag, payload in frames if tag == wanted) for wanted in (OUT, ERR)}
        return Ran(text[OUT], text[ERR], json.loads(frames[-1][1]))

    def first_output(self):
        """The first line of a command's output, e.g. its pid; whatever was read behind it stays for later."""
        tag, payload = self.next_frame()
        if tag != OUT:
            raise Torn(f"output wanted, got tag {tag}: {payload!r:.500}")
        return payload

    def got(self):
        tag, header = self.next_frame() or (None, None)
        if tag != JSON:
            raise Torn(f"no header: {header!r:.500}")
        data, whole = [], False
        for tag, payload in self.frames():
            if whole or tag not in (DATA, EOF):
                raise Torn(f"tag {tag} in a file, EOF before it: {whole}")
            data.append(payload)
            whole = tag == EOF
        return Got(json.loads(header), b"".join(data), whole)


class Asking:
    """What both an agent and a bare path can be asked; `path` is the socket's."""
    path: str

    def connect(self, *requests, seconds=20):
        return Host(self.path, *requests, seconds=seconds)

    def ask(self, op, **members):
        with self.connect(request(op=op, **members)) as host:
            return host.answer()

    def run(self, cmd, shell="raw", **members):
        with self.connect(request(op="run", cmd=cmd, shell=shell, **members)) as host:
            return host.ran()

    def start(self, cmd, shell="raw", **members):
        """A command that goes on; the caller closes."""
        return self.connect(request(op="run", cmd=cmd, shell=shell, **members))

    def put(self, path, data, **members):
        with self.connect(request_of_put(path, data, **members), file_frames(data)) as host:
            return host.answer()

    def get(self, path):
        with self.connect(request(op="get_file", path=path)) as host:
            return host.got()


def listens(path):
    """Whether somebody does: a socket is there before that."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data, mode=0o644):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)
    return path

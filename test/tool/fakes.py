# SPDX-License-Identifier: Apache-2.0
"""Agents and VMMs that do what no real one does, and the pieces of the frames protocol they are made of."""
import contextlib
import json
import os
import socket
import struct
import threading

JSON, OUT, ERR, DATA, EOF = range(1, 6)


def frame(tag, payload=b""):
    return struct.pack(">BI", tag, len(payload)) + payload


def answer(**members):
    return frame(JSON, json.dumps(members).encode())


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def read_frame(connection):
    tag, length = struct.unpack(">BI", read_exactly(connection, 5))
    return tag, read_exactly(connection, length)


def read_request(connection):
    tag, payload = read_frame(connection)
    assert tag == JSON, tag
    return json.loads(payload)


def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        line += read_exactly(connection, 1)
    return line


def hold(connection):
    """Until the peer has gone."""
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass


@contextlib.contextmanager
def fake(path, talk):
    """Each connection to the UNIX socket `path` gets talk(connection) in a thread, and is closed behind it. Gives the endpoint."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def serve(connection):
        with connection, contextlib.suppress(OSError, EOFError):
            talk(connection)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"unix:{path}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)    # wakes accept(); close() alone would not
        thread.join()
        listener.close()
        os.unlink(path)


def says(*pieces, then=None):
    """A talk that reads a request, sends the pieces, and hangs up; or goes on with then(connection)."""
    def talk(connection):
        read_request(connection)
        for piece in pieces:
            connection.sendall(piece)
        if then:
            then(connection)
    return talk

# SPDX-License-Identifier: Apache-2.0
"""XenStore for tests without Xen.

    with StoreDaemon() as store, StandIn(store.path, {"version": lambda value: ("0", "1.2")}) as guest:
        store.tree["/local/domain/7/data/host/x"]

StoreDaemon is no xenstored but plays one well enough for a tool: no permissions, no quotas, a transaction without isolation; it can
also refuse, fall silent and hang up, which a real one does not on demand. Client speaks to either. StandIn is a guest's agent that
answers nova's requests in Python, to see what a tool asks for and how it takes odd answers; it is no oracle of how agents behave.
"""
import contextlib
import json
import os
import pty
import select
import shutil
import socket
import socketserver
import struct
import tempfile
import threading
import tty

(_, DIRECTORY, READ, _, WATCH, UNWATCH, START, END, INTRODUCE, RELEASE, _, WRITE, MKDIR, RM, _, EVENT, ERROR, INTRODUCED) = range(18)
HEADER = struct.Struct("=IIII")


def receive(connection):
    """(type, request, transaction, payload), or None at the end."""
    def exactly(count):
        data = b""
        while len(data) < count:
            piece = connection.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data
    try:
        kind, number, transaction, length = HEADER.unpack(exactly(HEADER.size))
        return kind, number, transaction, exactly(length)
    except (EOFError, ConnectionError):
        return None


class Refusal(Exception):
    pass


class StoreDaemon:
    def __init__(self, domain=7, most_value=2048):
        self.folder = tempfile.mkdtemp(prefix="bellhop-store-")
        self.path = os.path.join(self.folder, "socket")
        self.home = f"/local/domain/{domain}"
        self.tree = {f"{self.home}/{leaf}": b"" for leaf in ("data", "vm-data")} | {self.home: b"", f"{self.home}/name": b"vm", "/local": b"", "/local/domain": b""}
        self.domains = {0, domain}
        self.most_value = most_value
        self.refuses = {}       # (type, part of the path): the error's name
        self.silent = False
        self.written = []       # paths, in order
        self.values = []        # what was written there
        self._lock = threading.RLock()
        self._watches = []      # (connection, path, token)
        self._connections = set()
        daemon = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                daemon._serve(self.request)

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

            def shutdown_request(self, request):    # with the lock: no event to a closed socket
                with daemon._lock:
                    super().shutdown_request(request)

        self._server = Server(self.path, Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self.hang_up()
        self._server.server_close()
        shutil.rmtree(self.folder)

    def hang_up(self):
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def release(self, domain=7):
        with self._lock:
            self.domains.discard(domain)
            self._fire("@releaseDomain")

    def _serve(self, connection):
        with self._lock:
            self._connections.add(connection)
        while (message := receive(connection)) and not self.silent:
            kind, number, transaction, payload = message
            with self._lock:
                try:
                    answer = self._answer(connection, kind, payload)
                except Refusal as why:
                    kind, answer = ERROR, str(why).encode() + b"\0"
                self._send(connection, kind, answer, number, transaction)
                if kind == WATCH:
                    path, token = payload.split(b"\0")[:2]
                    self._send(connection, EVENT, path + b"\0" + token + b"\0")
        with self._lock:
            self._connections.discard(connection)
            self._watches = [one for one in self._watches if one[0] is not connection]

    def _send(self, connection, kind, payload, number=0, transaction=0):
        with contextlib.suppress(OSError):
            connection.sendall(HEADER.pack(kind, number, transaction, len(payload)) + payload)

    def _answer(self, connection, kind, payload):
        path, _, rest = payload.partition(b"\0")
        path = path.decode()
        for (refused, part), name in self.refuses.items():
            if kind == refused and part in path:
                raise Refusal(name)
        if kind in (READ, DIRECTORY) and path not in self.tree:
            raise Refusal("ENOENT")
        if kind == READ:
            return self.tree[path]
        if kind == DIRECTORY:
            return b"".join(name.encode() + b"\0" for name in self.children(path))
        if kind in (WRITE, MKDIR):
            self._write(path, rest if kind == WRITE else self.tree.get(path, b""))
        elif kind == RM:
            if os.path.dirname(path) not in self.tree:
                raise Refusal("ENOENT")
            for below in [one for one in self.tree if (one + "/").startswith(path + "/")]:
                del self.tree[below]
            self._fire(path)
        elif kind in (WATCH, UNWATCH):
            one = (connection, path, rest.rstrip(b"\0"))
            if (one in self._watches) == (kind == WATCH):
                raise Refusal("EEXIST" if kind == WATCH else "ENOENT")
            (self._watches.append if kind == WATCH else self._watches.remove)(one)
        elif kind == START:
            return b"1\0"
        elif kind == INTRODUCED:
            return b"T\0" if int(path) in self.domains else b"F\0"
        elif kind != END:
            raise Refusal("ENOSYS")
        return b"OK\0"

    def _write(self, path, value):
        if len(value) > self.most_value:
            raise Refusal("E2BIG")
        above = os.path.dirname(path)
        if above not in self.tree and above != "/":
            self._write(above, b"")
        self.tree[path] = value
        self.written.append(path)
        self.values.append(value)
        self._fire(path)

    def _fire(self, path):
        for connection, watched, token in self._watches:
            if (path + "/").startswith(watched + "/") or (watched + "/").startswith(path + "/"):
                self._send(connection, EVENT, path.encode() + b"\0" + token + b"\0")

    def children(self, path):
        with self._lock:
            return sorted(one[len(path) + 1:] for one in self.tree if os.path.dirname(one) == path)


class Device:
    """A daemon behind something like Linux' /dev/xen/xenbus: a character device (a terminal, in truth) that takes one message of at
    most 4096 bytes at a time, makes up request numbers, and tells of a watch before it says that it is set."""

    def __init__(self, store):
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.broken = []    # rules that were
        self._daemon = socket.socket(socket.AF_UNIX)
        self._daemon.connect(store.path)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._daemon.shutdown(socket.SHUT_RDWR)
        os.write(self._slave, b"end")
        self._thread.join()
        self._daemon.close()
        os.close(self._master)
        os.close(self._slave)

    def _run(self):
        data = b""
        while True:
            ready, _, _ = select.select([self._master, self._daemon], [], [])
            if self._master in ready:
                data += os.read(self._master, 8192)    # a terminal cuts what is long
                if data == b"end":
                    return
                size = HEADER.size + HEADER.unpack_from(data)[3] if len(data) >= HEADER.size else HEADER.size
                if len(data) < size:
                    continue
                if len(data) > size or size > 4096:
                    self.broken.append(f"{len(data)} bytes: {data!r:.100}")
                self._daemon.sendall(data)
                if HEADER.unpack_from(data)[0] == WATCH:
                    self._pass_on(reversed([receive(self._daemon), receive(self._daemon)]))
                data = b""
            elif message := receive(self._daemon):
                self._pass_on([message])
            else:
                return

    def _pass_on(self, messages):
        for kind, number, transaction, payload in messages:
            os.write(self._master, HEADER.pack(kind, 0, transaction, len(payload)) + payload)


class Client:
    def __init__(self, path):
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(path)
        self._connection.settimeout(20)
        self._events = []

    def close(self):
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def ask(self, kind, *words, rest=b""):
        """The answer's payload; None: refused."""
        payload = b"".join(str(word).encode() + b"\0" for word in words) + rest
        self._connection.sendall(HEADER.pack(kind, 1, 0, len(payload)) + payload)
        while message := receive(self._connection):
            if message[0] != EVENT:
                return None if message[0] == ERROR else message[3]
            self._events.append(message[3].split(b"\0")[0].decode())
        raise EOFError("xenstored hung up")

    def read(self, path):
        return self.ask(READ, path)

    def write(self, path, value):
        assert self.ask(WRITE, path, rest=value if isinstance(value, bytes) else value.encode()) is not None, path

    def remove(self, path):
        return self.ask(RM, path)

    def children(self, path):
        return [name.decode() for name in (self.ask(DIRECTORY, path) or b"").split(b"\0")[:-1]]

    def watch(self, path):
        self.ask(WATCH, path, "test")

    def event(self):
        """The path of the next one; None: the daemon hung up."""
        if not self._events:
            self._connection.settimeout(None)
            message = receive(self._connection)
            self._connection.settimeout(20)
            return message and message[3].split(b"\0")[0].decode()
        return self._events.pop(0)


class StandIn:
    """A guest's agent. A handler gives (returncode, message), or the bytes of an answer, or None: it never answers."""

    def __init__(self, path, handlers, domain=7):
        self.handlers, self.home = handlers, f"/local/domain/{domain}"
        self.asked = []    # (name, value)
        self._client = Client(path)
        self._client.watch(self.home + "/data/host")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.close()
        self._thread.join()

    def _run(self):
        with contextlib.suppress(EOFError, OSError):
            done = set()
            while self._client.event():
                for name in self._client.children(self.home + "/data/host"):
                    if name not in done:
                        done.add(name)
                        self._take(name)

    def _take(self, name):
        text = self._client.read(f"{self.home}/data/host/{name}")
        if text is None:
            return
        request = json.loads(text)
        self.asked.append((request["name"], request["value"]))
        handler = self.handlers.get(request["name"])
        answer = handler(request["value"]) if handler else ("404", f"No such agent command '{request['name']}'")
        if answer is None:
            return
        if not isinstance(answer, bytes):
            answer = json.dumps({"message": answer[1], "returncode": answer[0]}).encode()
        self._client.remove(f"{self.home}/data/host/{name}")
        self._client.write(f"{self.home}/data/guest/{name}", answer)

# SPDX-License-Identifier: Apache-2.0
"""Debian's own xenstored and oxenstored, without Xen, with one guest.

    with Xenstored("c") as daemon:                  # or "ocaml"
        daemon.host.write("/local/domain/7/data/host/1", "x")      # as domain 0
        agent = Agent(listen=f"xenstore:{daemon.guest}")           # as domain 7, through its ring
        agent = Agent(listen=f"xenstore:7@{daemon.socket}")        # as if it were domain 7

test/peers/fakexen.c plays the hypervisor, and this file the kernel of domain 7: its ring is carried to one client at a time of
a unix socket, whose watches and transactions end with it.
"""
import ctypes
import functools
import glob
import mmap
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading

from tap import eventually

TOP = os.path.join(os.path.dirname(__file__), "..", "..")
UNPACKED = os.path.join(TOP, "build/xen")    # by tools/fetch-xen
DOMAIN, PORT = 7, 1007
HOME = f"/local/domain/{DOMAIN}"
RING = 1024
DIRECTORY, READ, WATCH, UNWATCH, START, END, INTRODUCE, WRITE, MKDIR, RM, SET_PERMS, EVENT, ERROR, RESET = (
    1, 2, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 21)


class Lacking(Exception):
    """Why there is no such daemon here."""


def _find(name):
    found = sorted(glob.glob(f"{UNPACKED}/usr/lib/xen-*/bin/{name}") + glob.glob(f"/usr/lib/xen-*/bin/{name}"))
    if not found:
        raise Lacking(f"no {name}: tools/fetch-xen")
    return found[0]


def _libraries():
    return ":".join(sorted(glob.glob(f"{UNPACKED}/usr/lib/*-linux-*")))


@functools.cache
def _made():
    """Once for all daemons of a test; the folder goes when the test ends."""
    folder = tempfile.TemporaryDirectory(prefix="bellhop-fakexen-")
    shim = os.path.join(folder.name, "fakexen.so")
    made = subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-I", f"{UNPACKED}/usr/include", "-o", shim,
                           os.path.join(TOP, "test/peers/fakexen.c"), "-ldl"], capture_output=True)
    if made.returncode:
        raise Lacking("test/peers/fakexen.c: " + made.stderr.decode().splitlines()[0])
    return folder, shim


def _die_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)    # PR_SET_PDEATHSIG


def message(kind, request, transaction, payload):
    return struct.pack("=IIII", kind, request, transaction, len(payload)) + payload


class StoreError(Exception):
    pass


class Client:
    """One connection; a request at a time. Events that come meanwhile are kept."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(path)
        self._bytes, self._number, self.events = b"", 0, []

    def close(self):
        self._socket.close()

    def ask(self, kind, *words, rest=b"", transaction=0):
        self._number += 1
        payload = b"".join(word.encode() + b"\0" for word in words) + rest
        self._socket.sendall(message(kind, self._number, transaction, payload))
        while True:
            answer, number, payload = self._next()
            if answer == ERROR:
                raise StoreError(payload.rstrip(b"\0").decode())
            if number == self._number:
                return payload

    def read(self, path):
        return self.ask(READ, path).decode()

    def write(self, path, value):
        self.ask(WRITE, path, rest=value if isinstance(value, bytes) else value.encode())

    def remove(self, path):
        self.ask(RM, path)

    def list(self, path):
        return [name.decode() for name in self.ask(DIRECTORY, path).split(b"\0") if name]

    def has(self, path):
        try:
            self.read(path)
            return True
        except StoreError as error:
            if str(error) == "ENOENT":
                return False
            raise

    def watch(self, path, token):
        self.ask(WATCH, path, token)

    def next_event(self):
        while not self.events:
            self._next(True)
        return self.events.pop(0)

    def wait_until(self, path, there):
        """By a watch, which tells of every change; the connection's time limit is the deadline."""
        self.watch(path, "wait")
        while self.has(path) != there:
            self.next_event()
        self.ask(UNWATCH, path, "wait")
        self.events.clear()

    def _next(self, also_events=False):
        while True:
            while len(self._bytes) < 16 or len(self._bytes) < 16 + struct.unpack_from("=I", self._bytes, 12)[0]:
                more = self._socket.recv(65536)
                if not more:
                    raise ConnectionResetError("the daemon has gone")
                self._bytes += more
            kind, number, _, length = struct.unpack_from("=IIII", self._bytes)
            payload, self._bytes = self._bytes[16:16 + length], self._bytes[16 + length:]
            if kind != EVENT:
                return kind, number, payload
            self.events.append(payload.split(b"\0")[0].decode())
            if also_events:
                return None


class _Ring(threading.Thread):
    """Domain 7's kernel, as far as XenStore goes (Xen's public/io/xs_wire.h): two rings of 1024 bytes in one page, with their
    indexes behind them."""

    def __init__(self, folder, path):
        super().__init__(daemon=True)
        self._daemon = os.path.join(folder, "ev.daemon")
        with open(os.path.join(folder, f"ring.{DOMAIN}"), "w+b") as page:
            page.truncate(4096)
            self._page = mmap.mmap(page.fileno(), 4096)
        self._words = memoryview(self._page).cast("I")    # struct writes byte by byte, and a daemon leaves a ring that makes no sense
        self._event = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._event.bind(os.path.join(folder, f"ev.{DOMAIN}"))
        self._ending, self._ended = socket.socketpair()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(4)

    def stop(self):
        self._ending.close()
        self.join(10)
        for one in (self._listener, self._event, self._ended):
            one.close()

    def run(self):
        client, out = None, b""
        while True:
            ready, _, _ = select.select([self._ended, self._event, client or self._listener], [], [], 0.05 if out else None)
            if self._ended in ready:
                break
            if self._event in ready:
                self._event.recv(4)
            if self._listener in ready:
                client = self._listener.accept()[0]
            elif client in ready:
                got = self._received(client)
                out += got
                if not got:    # as a kernel ends what a file had
                    client.close()
                    client, out = None, out + message(RESET, 0, 0, b"\0")
            out = out[self._put(out):]
            answer = self._take()
            if answer and client:
                try:
                    client.sendall(answer)
                except OSError:
                    pass
        if client:
            client.close()

    @staticmethod
    def _received(client):
        try:
            return client.recv(65536)
        except ConnectionResetError:
            return b""

    def _index(self, number):    # requests' consumer and producer, responses' consumer and producer
        return self._words[2 * RING // 4 + number]

    def _set_index(self, number, value):
        self._words[2 * RING // 4 + number] = value & 0xffffffff

    def _put(self, data):
        produced = self._index(1)
        count = min(len(data), RING - (produced - self._index(0)) % 2**32)
        for at in range(count):
            self._page[(produced + at) % RING] = data[at]
        if count:
            self._set_index(1, produced + count)
            self._notify()
        return count

    def _take(self):
        consumed, produced = self._index(2), self._index(3)
        data = bytes(self._page[RING + (consumed + at) % RING] for at in range((produced - consumed) % 2**32))
        if data:
            self._set_index(2, produced)
            self._notify()
        return data

    def _notify(self):
        try:
            self._event.sendto(struct.pack("=I", PORT), self._daemon)
        except OSError:    # it is being restarted
            pass


class Xenstored:
    def __init__(self, kind, *options, eagain=False):
        self.kind, self._options, self._eagain = kind, options, eagain
        self._binary = _find({"c": "xenstored", "ocaml": "oxenstored"}[kind])
        self.folder = tempfile.mkdtemp(prefix="bellhop-xen-")
        self.socket, self.guest = os.path.join(self.folder, "socket"), os.path.join(self.folder, "guest")
        self._process = self._ring = self.host = None
        try:
            _, self._shim = _made()
            self.start()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        argv = [self._binary, "-N", *self._options] if self.kind == "c" else [
            self._binary, "--no-fork", "--config-file", self._configuration(), *self._options]
        environment = {**os.environ, "LD_PRELOAD": self._shim, "LD_LIBRARY_PATH": _libraries(), "FAKEXEN_DIR": self.folder,
                       "FAKEXEN_ROOT": UNPACKED, "XENSTORED_RUNDIR": self.folder}
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self._process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             preexec_fn=_die_with_us)
        eventually(self._connected, what=f"a {self.kind} daemon in {self.folder}")
        self._furnish()

    def stop(self):
        if self.host:
            self.host.close()
        if self._ring:
            self._ring.stop()
        if self._process:
            self._process.kill()    # oxenstored does not mind SIGTERM while it has a domain
            self._process.wait()
        self.host = self._ring = self._process = None
        for name in os.listdir(self.folder):
            if name in ("socket", "guest") or name.startswith(("ev.", "ring.", "dom.")):
                os.unlink(os.path.join(self.folder, name))

    def _connected(self):
        if self._process.poll() is not None:
            with open(os.path.join(self.folder, "log"), errors="replace") as log:
                raise Lacking(f"{self._binary} does not run: {log.read()[-300:]!r}")
        try:
            self.host = Client(self.socket)
            return True
        except OSError:
            return False

    def _configuration(self):
        path = os.path.join(self.folder, "conf")
        with open(os.path.join(self.folder, "port"), "w") as port:
            port.write("1000")
        with open(os.path.join(self.folder, "ring.0"), "wb") as ring:
            ring.truncate(4096)
        with open(path, "w") as conf:
            conf.write(f"pid-file = {self.folder}/pid\npersistent = false\nquota-activate = true\n"
                       f"test-eagain = {str(self._eagain).lower()}\nxenstored-log-file = {self.folder}/log\n"
                       f"access-log-file = {self.folder}/access\nxenstored-kva = {self.folder}/ring.0\n"
                       f"xenstored-port = {self.folder}/port\n")
        return path

    def _furnish(self):
        """What a toolstack does for a new domain."""
        open(os.path.join(self.folder, f"dom.{DOMAIN}"), "w").close()    # before its number is in a permission
        self._ring = _Ring(self.folder, self.guest)
        self.host.write(HOME + "/name", "vm7")
        self.host.ask(SET_PERMS, HOME, "n0", f"r{DOMAIN}")
        for name in ("name", "domid"):
            self.host.write(f"{HOME}/{name}", {"name": "vm7", "domid": str(DOMAIN)}[name])
            self.host.ask(SET_PERMS, f"{HOME}/{name}", "n0", f"r{DOMAIN}")
        self.host.write(HOME + "/data", "")
        self.host.ask(SET_PERMS, HOME + "/data", f"n{DOMAIN}")
        self.host.ask(INTRODUCE, str(DOMAIN), "1", str(PORT))
        self._ring.start()

# SPDX-License-Identifier: Apache-2.0
"""A FUSE file system with one empty file, "file", that answers until it is told to stop, and never again. fuse(4)"""
import ctypes
import os
import select
import stat
import struct
import tempfile
import threading

from agent import unmount
from fake_guest import mounts_are_our_own
from tap import skip

LOOKUP, FORGET, GETATTR, OPEN, RELEASE, FLUSH, INIT, OPENDIR, RELEASEDIR = 1, 2, 3, 14, 18, 25, 26, 27, 29
ROOT = 1
libc = ctypes.CDLL(None, use_errno=True)
OUR_OWN = mounts_are_our_own()    # before there are threads, which inherit them


def attributes(node):
    mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o644
    return struct.pack("<6Q10I", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer_to(opcode, node):
    """An error, and what follows."""
    if opcode == INIT:
        return 0, struct.pack("<4I2H2I2H8I", 7, 31, 0, 0, 1, 1, 4096, 1, 1, 0, *[0] * 8)
    if opcode == LOOKUP:
        return 0, struct.pack("<4Q2I", 2, 0, 0, 0, 0, 0) + attributes(2)
    if opcode == GETATTR:
        return 0, struct.pack("<Q2I", 0, 0, 0) + attributes(node)
    if opcode in (OPEN, OPENDIR):
        return 0, struct.pack("<Q2I", 1, 0, 0)
    return (0 if opcode in (RELEASE, RELEASEDIR, FLUSH) else -38), b""


class Fuse:
    def __init__(self, answers):
        if not OUR_OWN or not os.path.exists("/dev/fuse"):
            skip("FUSE cannot be mounted here")
        self._folder = tempfile.TemporaryDirectory(prefix="bellhop-hung-")
        self.path = self._folder.name
        self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self._stopped, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"nobody", self.path.encode(), b"fuse", 0, options) < 0:
            error = os.strerror(ctypes.get_errno())
            os.close(self._device)
            self._folder.cleanup()
            skip(f"FUSE cannot be mounted here: {error}")
        self._thread.start()
        if not answers:
            self.stop()

    def _serve(self):
        while self._stopped not in select.select([self._device, self._stopped], [], [])[0]:
            request = os.read(self._device, 1 << 17)
            _, opcode, unique, node = struct.unpack_from("<2I2Q", request)
            if opcode != FORGET:
                error, rest = answer_to(opcode, node)
                os.write(self._device, struct.pack("<IiQ", 16 + len(rest), error, unique) + rest)

    def stop(self):
        if self._stop >= 0:
            os.close(self._stop)
            self._stop = -1
            self._thread.join()

    def abort(self):
        """Whoever waits is woken, and hears of an error."""
        self.stop()
        if self._device >= 0:
            os.close(self._device)
            self._device = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.abort()
        os.close(self._stopped)
        unmount(self.path)
        self._folder.cleanup()

# SPDX-License-Identifier: Apache-2.0
"""A small Linux guest in QEMU's emulator (no KVM, no root), as a context manager that leaves nothing behind.

    with Guest(cache / "amd64", "modprobe vsock_loopback; echo ready", {"bellhop-agent": path}) as guest:
        guest.wait_for("ready")

It boots in about two seconds, without disk and network. On amd64 the kernel is an ELF file, which QEMU enters
through its PVH note, and nothing is decompressed in the emulator. setpriv ties the children's lives to ours,
should we be killed.
"""
import pathlib
import re
import selectors
import subprocess
import sys
import tempfile
import time

import initramfs

here = pathlib.Path(__file__).resolve().parent
memory = "192M"

# The emulated CPU is the plainest that boots: every feature that "-cpu max" adds is one more to be emulated.
machines = {
    "amd64": ["qemu-system-x86_64", "-M", "q35", "-cpu", "qemu64", "-accel", "tcg,thread=single"],
    "arm64": ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-accel", "tcg"],
}
consoles = {"amd64": "ttyS0", "arm64": "ttyAMA0"}


def start(argv, **streams):
    command = ["setpriv", "--pdeathsig", "KILL", *map(str, argv)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **streams)


class Guest:
    def __init__(self, cache, script, files, vsock=False):
        """cache: what fetch-guest left for one architecture. script: the guest's /main. files: {path: ours}.
        vsock: the guest gets a vsock device, reached through the hybrid socket self.vsock."""
        self._cache, self._script, self._files = cache, script, files
        self._with_vsock = vsock
        self._processes = []

    def __enter__(self):
        """An emulator that crashes the kernel (seen: QEMU 7.2 with Linux 6.12, one boot in five, whatever the
        CPU) gets a second chance, as long as nothing of ours has run. What happens later is never forgiven."""
        try:
            self._boot()
            if self._crashed_early():
                print("# the guest's kernel crashed before init, booting again:", self.log.splitlines()[0])
                self.__exit__()
                self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        while self._processes:
            process = self._processes.pop()
            process.kill()
            process.wait()
            process.stdout.close()
        self._directory.cleanup()

    def wait_for(self, pattern, seconds=30):
        """Waits until whole lines on the serial console match the regular expression; returns the match."""
        deadline = time.monotonic() + seconds
        while not (match := re.search(pattern, self.log[:self.log.rfind("\n") + 1], re.MULTILINE)):
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"no {pattern!r} in {seconds} s on the guest's console:\n{self.log}")
        return match

    def _boot(self):
        self.log = ""
        self._directory = tempfile.TemporaryDirectory(prefix="bellhop-guest.")
        directory = pathlib.Path(self._directory.name)
        architecture = self._cache.name
        (directory / "initramfs").write_bytes(initramfs.build(self._cache, self._script, self._files))
        kernel_words = f"console={consoles[architecture]} quiet panic=-1 cryptomgr.notests"
        argv = [*machines[architecture], "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-m", memory, "-kernel", self._cache / "kernel", "-initrd", directory / "initramfs",
                "-append", kernel_words, "-serial", "stdio"]
        if self._with_vsock:
            argv += self._vsock_device(directory)
        self._qemu = start(argv, stderr=subprocess.STDOUT)
        self._processes.append(self._qemu)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._qemu.stdout, selectors.EVENT_READ)

    def _crashed_early(self):
        return self.wait_for(r"^init: started|Oops|Kernel panic", seconds=60).group() != "init: started"

    def _vsock_device(self, directory):
        """The back end is a process of its own that reads the guest's memory, which is shared for that."""
        self.vsock = directory / "vsock"
        device = directory / "device"
        back_end = start([sys.executable, here / "vhost_user_vsock.py", device, self.vsock])
        self._processes.append(back_end)
        if back_end.stdout.readline() != b"ready\n":
            raise AssertionError("the vsock back end did not start")
        return ["-object", f"memory-backend-memfd,id=memory,size={memory},share=on",
                "-machine", "memory-backend=memory", "-chardev", f"socket,id=vsock,path={device}",
                "-device", "vhost-user-vsock-pci,chardev=vsock"]

    def _read(self, seconds):
        """Reads what the console says next. False: it said nothing in time, or never will again."""
        if not self._selector.select(max(0, seconds)):
            return False
        piece = self._qemu.stdout.read1()
        self.log += piece.decode(errors="replace").replace("\r", "")
        return bool(piece)

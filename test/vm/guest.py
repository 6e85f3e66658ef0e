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
import qmp

here = pathlib.Path(__file__).resolve().parent
memory = "192M"
kernel_words = "quiet panic=-1 cryptomgr.notests"

# The emulated CPU is the plainest that boots: every feature that "-cpu max" adds is one more to be emulated. With SMAP
# a paravirtual Linux dies in the emulator, at its first return to user space. Without XSAVE Xen and Linux use
# FXSAVE: the emulator's XSAVE and XRSTOR do not trap while CR0.TS is set. Xen sets it to switch vector registers late, so
# that busy domains get each other's, and of a hundred processes two die, whosever they are.
machines = {
    "amd64": ["qemu-system-x86_64", "-M", "q35", "-cpu", "qemu64", "-accel", "tcg,thread=single"],
    "arm64": ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-accel", "tcg"],
    "xen": ["qemu-system-x86_64", "-M", "pc", "-cpu", "max,smap=off,xsave=off", "-accel", "tcg,thread=single"],
}
consoles = {"amd64": "ttyS0", "arm64": "ttyAMA0", "xen": "hvc0"}


def start(argv, **streams):
    command = ["setpriv", "--pdeathsig", "KILL", *map(str, argv)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **streams)


class Guest:
    _memory = memory

    def __init__(self, cache, script, files, vsock=False, ports=(), lines=0, saved=None,
                 options=()):
        """cache: what fetch-guest left for one architecture. script: the guest's /main. files: {path: ours}.
        vsock: the guest gets a vsock device, reached through the hybrid socket self.vsock.
        ports: names of virtio ports; the host's end of each is the unix socket self.port(name).
        lines: how many serial lines besides the console; that of ttyS1 is self.port("ttyS1").
        saved: the file of a guest like this one (without vsock), that save() wrote: this one goes on from there, in
        a fifth of a second. Its clock is behind by what has passed.
        options: more words for QEMU."""
        self._cache, self._script, self._files = cache, script, files
        self._with_vsock = vsock
        self._ports, self._lines, self._saved = ports, lines, saved
        self._options = options
        self.qmp = None
        self._processes = []

    def __enter__(self):
        """An emulator that crashes the kernel (seen: QEMU 7.2 with Linux 6.12, one boot in five, whatever the
        CPU) gets a second chance, as long as nothing of ours has run. What happens later is never forgiven."""
        try:
            self._boot()
            if self._saved:
                self._until("query-status", "running")
            elif self._crashed_early():
                print("# the guest's kernel crashed before init, booting again:", self.log.splitlines()[0])
                self.__exit__()
                self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.qmp:
            self.qmp.close()
            self.qmp = None
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

    def console(self):
        """What it has said on its console so far."""
        while self._read(0):
            pass
        return self.log

    def port(self, name):
        return str(pathlib.Path(self._directory.name) / name)

    def plug(self, name):
        """The virtio port `name` comes, after unplug()."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.qmp.do("device_add", **self._virtio_port(name))
            except RuntimeError as error:    # the guest and QEMU take their time to let go of the old one
                if "in use" not in str(error) and "Duplicate" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def unplug(self, name):
        self.qmp.do("device_del", id=self._virtio_port(name)["id"])

    def save(self, path):
        """Writes what makes another Guest go on from here, and ends this one."""
        self.qmp.do("migrate", uri=f"exec:cat > '{path}'")
        self._until("query-migrate", "completed")
        self.qmp.do("quit")
        self._qemu.wait(30)

    def _until(self, question, status):
        deadline = time.monotonic() + 60
        while (now := self.qmp.do(question).get("status")) != status:
            if now == "failed" or time.monotonic() > deadline:
                raise AssertionError(f"{question} says {now}, not {status}")
            time.sleep(0.01)

    def _virtio_port(self, name):
        number = self._ports.index(name)
        return {"driver": "virtserialport", "id": f"port{number}", "chardev": f"socket{number}", "name": name}

    def _serial_devices(self):
        argv = ["-device", "virtio-serial-pci"] if self._ports else []
        for name in self._ports:
            device = self._virtio_port(name)
            argv += ["-chardev", f"socket,id={device['chardev']},path={self.port(name)},server=on,wait=off",
                     "-device", ",".join(f"{key}={value}" for key, value in device.items()).removeprefix("driver=")]
        for number in range(1, self._lines + 1):
            argv += ["-chardev", f"socket,id=line{number},path={self.port(f'ttyS{number}')},server=on,wait=off",
                     "-serial", f"chardev:line{number}"]
        return argv

    def _boot(self):
        self.log = ""
        self._directory = tempfile.TemporaryDirectory(prefix="bellhop-guest.")
        directory = pathlib.Path(self._directory.name)
        architecture = self._cache.name
        (directory / "initramfs").write_bytes(initramfs.build(self._cache, self._script, self._files))
        argv = [*machines[architecture], "-m", self._memory,
                *self._kernel(consoles[architecture], directory / "initramfs"), "-nodefaults", "-no-user-config",
                "-display", "none", "-no-reboot", "-serial", "stdio",
                "-qmp", f"unix:{directory / 'qmp'},server=on,wait=off", *self._serial_devices(), *self._options]
        if self._with_vsock:
            argv += self._vsock_device(directory)
        if self._saved:
            argv += ["-incoming", f"exec:cat '{self._saved}'"]
        self._qemu = start(argv, stderr=subprocess.STDOUT)
        self._processes.append(self._qemu)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._qemu.stdout, selectors.EVENT_READ)
        self.qmp = self._monitor(directory / "qmp")

    def _kernel(self, console, archive):
        return ["-kernel", self._cache / "kernel", "-initrd", archive, "-append", f"console={console} {kernel_words}"]

    def _monitor(self, path):
        deadline = time.monotonic() + 30
        while True:
            try:
                return qmp.Qmp(path)
            except (FileNotFoundError, ConnectionRefusedError):
                if self._qemu.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError("QEMU did not start: " + self._qemu.stdout.read().decode()) from None
                time.sleep(0.01)

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

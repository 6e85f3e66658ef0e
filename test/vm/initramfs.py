# SPDX-License-Identifier: Apache-2.0
"""Writes the initramfs of a test guest: a cpio archive in the "newc" format (the kernel's buffer-format.rst),
made without cpio(1), root or a tree on disk.

The guest holds BusyBox (its links are made at boot, by test/vm/init), the kernel modules with a modules.dep
for BusyBox's modprobe, the files that a test adds, and /main, the test's own shell script. There is no
modules.alias on purpose: a module is loaded when the script says so, never because somebody opened a socket.
"""
import pathlib
import re
import stat

here = pathlib.Path(__file__).resolve().parent


class Archive:
    def __init__(self):
        self._bytes = bytearray()
        self._names = set()

    def directory(self, name):
        self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name, content, mode=0o644):
        self._entry(name, stat.S_IFREG | mode, content)

    def link(self, name, target):
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def console(self):
        self._entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))

    def finish(self):
        self._append("TRAILER!!!", 0, b"", (0, 0))
        return bytes(self._bytes)

    def _entry(self, name, mode, content=b"", device=(0, 0)):
        parent = name.rpartition("/")[0]
        if parent and parent not in self._names:
            self.directory(parent)
        self._names.add(name)
        self._append(name, mode, content, device)

    def _append(self, name, mode, content, device):
        inode, owner, links, time, checksum = len(self._names), 0, 1, 0, 0
        path = name.encode() + b"\0"
        fields = (inode, mode, owner, owner, links, time, len(content), 0, 0, *device, len(path), checksum)
        self._padded(b"070701" + b"".join(b"%08X" % field for field in fields) + path)
        self._padded(content)

    def _padded(self, piece):
        self._bytes += piece + b"\0" * (-(len(self._bytes) + len(piece)) % 4)


def module_dependencies(modules):
    """One modules.dep line for each: "a.ko: what it needs, the last to be loaded first"."""
    needs = {}
    for name, content in modules.items():
        found = re.search(rb"\0depends=([^\0]*)\0", content)
        needs[name] = [word for word in found.group(1).decode().split(",") if word] if found else []

    def all_needs(name):
        ordered = []
        for need in needs.get(name, []):  # not every need of every virtio driver was fetched
            ordered += [need] + all_needs(need)
        return ordered

    return "".join(f"{name}.ko: {' '.join(need + '.ko' for need in all_needs(name))}\n" for name in modules)


def build(cache, script, files):
    """The archive: `script` becomes /main, `files` maps paths in the guest to executables on the host."""
    archive = Archive()
    for name in ("bin", "sbin", "usr/bin", "usr/sbin", "proc", "sys", "tmp", "root"):
        archive.directory(name)
    archive.console()
    archive.file("init", (here / "init").read_bytes(), 0o755)
    archive.file("main", script.encode(), 0o755)
    archive.file("bin/busybox", (cache / "busybox").read_bytes(), 0o755)
    archive.link("bin/sh", "busybox")
    modules = {path.stem.replace("-", "_"): path.read_bytes() for path in (cache / "modules").glob("*.ko")}
    release = (cache / "version").read_text().strip().removeprefix("linux-image-")
    for name, content in modules.items():
        archive.file(f"lib/modules/{release}/{name}.ko", content)
    archive.file(f"lib/modules/{release}/modules.dep", module_dependencies(modules).encode())
    for path, source in files.items():
        archive.file(path, pathlib.Path(source).read_bytes(), 0o755)
    return archive.finish()

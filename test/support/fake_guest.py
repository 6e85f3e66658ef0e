# SPDX-License-Identifier: Apache-2.0
"""A folder for the agent's --root: what it changes, it changes there, and the programs that it runs are ours.

    with FakeGuest() as guest, Agent("--root", guest.path, dialect="qga") as agent:
        guest.program("sbin/reboot")

A program notes how it was called, then does what it is told. Its folder is a tmpfs where that is permitted: whatever a test does
wrong, no file system of this machine is frozen.
"""
import os
import shutil
import subprocess
import tempfile

from agent import mount_tmpfs, own_mounts, unmount

_separate = None


def mounts_are_our_own():
    global _separate
    if _separate is None:
        _separate = own_mounts()
    return _separate


class FakeGuest:
    def __init__(self, mounted=False):
        self.path = tempfile.mkdtemp(prefix="bellhop-guest-")
        self._mounts = []
        if mounted:
            mount_tmpfs(self.path)
            self._mounts.append(self.path)
        os.chmod(self.path, 0o755)
        for folder in ("etc", "proc/self", "proc/sys/kernel/random", "sys/power", "run", "sbin", "usr/bin"):
            os.makedirs(self.at(folder))
        self.write("proc/self/mountinfo", "")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for place in reversed(self._mounts):
            unmount(place)
        shutil.rmtree(self.path, ignore_errors=True)

    def at(self, path):
        return os.path.join(self.path, path)

    def write(self, path, text, mode=0o644):
        with open(self.at(path), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.at(path), mode)

    def read(self, path):
        with open(self.at(path), encoding="utf-8") as file:
            return file.read()

    # ---- programs

    def program(self, path, script="exit 0"):
        name = os.path.basename(path)
        self.write(path, f'#!/bin/sh\necho {name} "$@" >> {self.at("calls")}\n{script}\n', 0o755)

    def calls(self):
        return self.read("calls").splitlines() if os.path.exists(self.at("calls")) else []

    def gate(self, name):
        """A FIFO. A program that has `read x < GATE` waits until open_gate(); opened() says whether it has come there."""
        os.mkfifo(self.at(name))
        return self.at(name)

    def open_gate(self, name):
        with open(self.at(name), "w", encoding="utf-8") as gate:    # waits for the program
            gate.write("go\n")

    # ---- file systems

    def mount_ext4(self, directory):
        """A real one, on a loop device. Everything of it lies in our tmpfs."""
        image = self.at(directory.replace("/", "_") + ".img")
        os.makedirs(self.at(directory))
        with open(image, "wb") as file:
            file.truncate(16 << 20)
        subprocess.run(["mkfs.ext4", "-q", image], check=True, timeout=30)
        subprocess.run(["mount", "-o", "loop", image, self.at(directory)], check=True, timeout=30, stderr=subprocess.PIPE)
        self._mounts.append(self.at(directory))
        self.list_mount(directory, "ext4", os.stat(self.at(directory)).st_dev)

    def list_mount(self, directory, kind, device):
        """Has the agent believe that this is a file system on a disk."""
        numbers = f"{os.major(device)}:{os.minor(device)}"
        with open(self.at("proc/self/mountinfo"), "a", encoding="utf-8") as table:
            table.write(f"36 25 {numbers} / /{directory} rw,relatime - {kind} /dev/vdb rw\n")

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A file system that never answers does not stop the agent. usage: hung_test.py BELLHOP-AGENT [--only WORD]"""
import contextlib
import ctypes
import json
import os
import pathlib
import select
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import Agent, unmount  # noqa: E402
from fake_guest import mounts_are_our_own  # noqa: E402
from qga import Host  # noqa: E402
from tap import case, eventually, has, main, skip  # noqa: E402

libc = ctypes.CDLL(None, use_errno=True)
OUR_OWN = mounts_are_our_own()    # before there are threads, which inherit them


@contextlib.contextmanager
def hung_mount():
    """A FUSE file system whose process, we, never reads a request."""
    if not OUR_OWN or not os.path.exists("/dev/fuse"):
        skip("FUSE cannot be mounted here")
    with tempfile.TemporaryDirectory(prefix="bellhop-hung-") as directory:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"nobody", directory.encode(), b"fuse", 0, options) < 0:
            os.close(device)
            skip(f"FUSE cannot be mounted here: {os.strerror(ctypes.get_errno())}")
        try:
            yield directory
        finally:
            os.close(device)    # who hangs is woken by it
            unmount(directory)


def check(command, **arguments):
    with hung_mount() as directory, Agent(dialect="qga") as agent:
        with Host(agent.path) as host, Host(agent.path) as other:
            arguments = {name: value.replace("HUNG", directory) for name, value in arguments.items()}
            host.send(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
            while not select.select([host.socket], [], [], 0.1)[0]:
                began = time.monotonic()
                other.call("guest-ping")
                assert time.monotonic() - began < 2, "the agent hangs"
            has(json.loads(host.line())["error"]["desc"], "does not answer")
            other.call("guest-exec", {"path": "/bin/true"})
        eventually(lambda: not children(agent), what="the end of the helper process")


def children(agent):
    """Those that are not over and do not sleep in the kernel, which lets go of them when it likes."""
    with open(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children", encoding="ascii") as file:
        return file.read().split()


@case("guest-file-open of a file that cannot be reached is refused after a while, and others are answered meanwhile", ahead=True)
def _():
    check("guest-file-open", path="HUNG/file")


@case("bellhop-file-read of a file that cannot be reached is refused after a while", ahead=True)
def _():
    check("bellhop-file-read", path="HUNG/file")


@case("guest-exec of a program that cannot be reached is refused after a while", ahead=True)
def _():
    check("guest-exec", path="HUNG/program")


@case("bellhop-exec in a directory that cannot be reached is refused after a while", ahead=True)
def _():
    check("bellhop-exec", path="/bin/true", cwd="HUNG")


main()

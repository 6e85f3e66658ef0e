#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A file system that never answers does not stop the agent. usage: hung_test.py BELLHOP-AGENT [--only WORD]"""
import json
import os
import pathlib
import select
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import Agent  # noqa: E402
from frames import DATA, frame, request  # noqa: E402
from fuse import Fuse  # noqa: E402
from qga import Host  # noqa: E402
from tap import case, equal, eventually, has, main  # noqa: E402


def others_are_served(host, other):
    """Until the host has an answer."""
    while not select.select([host.socket], [], [], 0.1)[0]:
        began = time.monotonic()
        other.call("guest-ping")
        assert time.monotonic() - began < 2, "the agent hangs"


def refused(host, other, command, **arguments):
    host.send(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
    others_are_served(host, other)
    has(json.loads(host.line())["error"]["desc"], "does not answer")


def check(command, **arguments):
    with Fuse(answers=False) as hung, Agent(dialect="qga") as agent:
        os.symlink(hung.path, agent.at("link"))
        with Host(agent.path) as host, Host(agent.path) as other:
            refused(host, other, command, **{name: value.replace("HUNG", hung.path) for name, value in arguments.items()})
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


@case("guest-file-open by a link to what cannot be reached is refused after a while", ahead=True)
def _():
    check("guest-file-open", path="link/file")


@case("bellhop-exec in a directory by a link and back is refused after a while", ahead=True)
def _():
    check("bellhop-exec", path="/bin/true", cwd="../root/.//link/file/..")


@case("a file that was open before its file system stopped to answer is refused after a while", ahead=True)
def _():
    with Fuse(answers=True) as fuse, Agent(dialect="qga") as agent:
        with Host(agent.path) as host, Host(agent.path) as other:
            handle = host.call("guest-file-open", {"path": fuse.path + "/file"})
            equal(host.call("guest-file-read", {"handle": handle}), {"buf-b64": "", "count": 0, "eof": True})
            fuse.stop()
            refused(host, other, "guest-file-read", handle=handle)
            refused(host, other, "guest-file-seek", handle=handle, offset=0, whence=0)
            fuse.abort()
            host.ask("guest-file-close", {"handle": handle})


@case("frames: get and put of a file that cannot be reached are refused after a while", ahead=True)
def _():
    with Fuse(answers=False) as hung, Agent("--listen", "unix:other=qga") as agent, Host(agent.at("other")) as other:
        with agent.connect(request(op="get_file", path=hung.path + "/file")) as host:
            others_are_served(host, other)
            equal(host.answer(), {"ok": False, "error": "its file system does not answer"})
        with agent.connect(request(op="put_file", path=hung.path + "/file", size=3), frame(DATA, b"abc")) as host:
            others_are_served(host, other)
            equal(host.answer(), {"ok": False, "error": "cannot create file: its file system does not answer"})


@case("frames: a file on a file system that answers is put there by way of a helper process, with what came at once")
def _():
    with Fuse(answers=True) as fuse, Agent() as agent:
        equal(agent.get(fuse.path + "/file").header["size"], 0)
        os.symlink(fuse.path, agent.at("far"))
        data = os.urandom(3000)
        with agent.connect(request(op="put_file", path=agent.at("far/../file"), size=3000), frame(DATA, data)) as host:
            equal(host.answer(), {"ok": True})
        equal(pathlib.Path(agent.at("file")).read_bytes(), data)


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The agent and real xenstoreds when things are not as one would wish: daemons that go, commits that fail or get lost, no room,
another agent."""
import os
import pathlib
import select
import signal
import socket
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import Agent  # noqa: E402
from fake_guest import FakeGuest  # noqa: E402
from nova_host import agent_on, ask, comes_to_rest, daemon, on_each_daemon, put, take  # noqa: E402
from tap import case, equal, has, main, skip  # noqa: E402
from xenstored import DOMAIN, END, HOME, SET_PERMS, Client  # noqa: E402


@on_each_daemon("a daemon that comes back after a while is found, and what was asked meanwhile is answered")
def _(kind):
    for through in ("ring", "socket"):
        with daemon(kind) as store, agent_on(store, through) as agent:
            ask(store)
            comes_to_rest(agent)
            store.stop()
            agent.log.wait_for("cannot reach a xenstored")
            store.start()
            equal(take(store, put(store))["returncode"], "0", through)
            equal(len([line for line in agent.log.lines if "warning" in line]), 2, agent.log.text())


@on_each_daemon("a daemon that restarts in the middle of requests is found, and the agent goes on", seconds=120)
def _(kind):
    with daemon(kind) as store, agent_on(store) as agent:
        for _ in range(5):
            for _ in range(10):
                put(store)
            store.stop()
            store.start()
            equal(ask(store)["returncode"], "0")
        equal(agent.process.poll(), None)


@on_each_daemon("a request whose commit is cut off is done once and answered once, whether the daemon had heard of it or not")
def _(kind):
    for when in ("before", "after"):
        with daemon(kind) as store, Counting() as guest, Cut(store, when) as cut, Answers(store) as answers:
            with Agent("--root", guest.path, "--listen", f"xenstore:7@{cut.path}", listen="none"):
                for _ in range(3):
                    cut.arm()
                    key = put(store, "count", "x")
                    equal(take(store, key)["returncode"], "0", when)
                    equal(ask(store)["returncode"], "0", when)    # it has found its way back
                    equal(answers.changes(key), 2, "written by the agent, removed by us")
                equal(guest.counted(), ["x"] * 3, when)
            equal(store.host.list(HOME + "/data/host"), [])


@case("commits that fail at random (oxenstored's test-eagain) are tried until they hold", seconds=120)
def _():
    with daemon("ocaml", eagain=True) as store, agent_on(store):
        for _ in range(60):
            equal(ask(store)["returncode"], "0")


@case("a quota that leaves no room for an answer is told of, and outlived")
def _():
    with daemon("c", "-E", "2") as store, agent_on(store) as agent:
        key = put(store)
        agent.log.wait_for(f"no answer to request {key}")
        has(agent.log.text(), "in the store: No space left on device")
        equal(agent.process.poll(), None)


@on_each_daemon("a request that the guest may not read, or not remove, waits until it may and is done once; others do not wait")
def _(kind):
    for may in ((), (f"r{DOMAIN}",)):
        with daemon(kind) as store, Counting() as guest:
            key = put(store, "count", "x")
            path = f"{HOME}/data/host/{key}"
            store.host.ask(SET_PERMS, path, "n0", *may)
            with agent_on(store, "ring", "--root", guest.path) as agent:
                agent.log.wait_for(f"{path.removeprefix(HOME + '/')} in the store: Permission denied")
                equal(ask(store)["returncode"], "0")
                comes_to_rest(agent)
                store.host.ask(SET_PERMS, path, f"n{DOMAIN}")
                equal(take(store, key)["returncode"], "0")
                equal(guest.counted(), ["x"], may)


@on_each_daemon("an answer that the guest may not write is told of, and its request is done once")
def _(kind):
    with daemon(kind) as store, Counting() as guest:
        folder = HOME + "/data/guest"
        store.host.write(folder, "")
        store.host.ask(SET_PERMS, folder, "n0", f"r{DOMAIN}")
        with agent_on(store, "ring", "--root", guest.path) as agent:
            key = put(store, "count", "x")
            agent.log.wait_for(f"no answer to request {key}: data/guest/{key} in the store: Permission denied")
            equal(store.host.has(f"{HOME}/data/host/{key}"), False)
            store.host.ask(SET_PERMS, folder, f"n{DOMAIN}")
            equal(ask(store)["returncode"], "0")
            equal(guest.counted(), ["x"])


@on_each_daemon("two agents by mistake: each request has one answer, though both may have done it, and both live on")
def _(kind):
    with daemon(kind) as store, Counting() as guest, Answers(store) as answers:
        options, keys = ("--root", guest.path), []
        with agent_on(store, "socket", *options) as one, agent_on(store, "socket", *options) as other:
            for n in range(12):
                keys.append(put(store, "count", n))
                equal(take(store, keys[-1])["returncode"], "0")
            equal((one.process.poll(), other.process.poll()), (None, None))
        equal(store.host.list(HOME + "/data/guest"), [])
        for n, key in enumerate(keys):
            equal(answers.changes(key), 2, "written by an agent, removed by us")
            equal(guest.counted().count(str(n)) in (1, 2), True, guest.counted())


@on_each_daemon("so many requests at once that their names fill more than one message", seconds=120)
def _(kind):
    with daemon(kind) as store:
        keys = [put(store) for _ in range(1000)]    # 37 bytes each, of 4096
        with agent_on(store, "socket"):
            for key in keys:
                store.host.wait_until(f"{HOME}/data/host/{key}", there=False)


@on_each_daemon("requests that a guest cannot list any more are served as they are named", seconds=120)
def _(kind):
    with daemon(kind) as store, agent_on(store) as agent:
        ask(store)    # what was there before the watch is not named
        agent.process.send_signal(signal.SIGSTOP)
        keys = [put(store) for _ in range(300)]
        agent.process.send_signal(signal.SIGCONT)
        for key in keys:
            store.host.wait_until(f"{HOME}/data/host/{key}", there=False)
        equal("data/host in the store: Argument list too long" in agent.log.text(), kind == "ocaml")    # it has no DIRECTORY_PART


class Answers:
    """What becomes of answers, as a watch tells it."""

    def __init__(self, store):
        self._client = Client(store.socket)
        self._client.watch(HOME + "/data/guest", "answers")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.close()

    def changes(self, key):
        self._client.list(HOME)    # its answer comes behind all events
        return self._client.events.count(f"{HOME}/data/guest/{key}")


class Counting(FakeGuest):
    """A guest with an own command `count`, which notes its argument."""

    def __init__(self):
        super().__init__()
        if os.geteuid() != 0:
            skip("what belongs to root only root can make")
        os.makedirs(self.at("etc/bellhop/commands.d"))
        self.write("counted", "")
        self.write("etc/bellhop/commands.d/count", f"#!/bin/sh\nread x\necho $x >> {self.at('counted')}\n", 0o755)

    def counted(self):
        return [line.strip('"') for line in self.read("counted").splitlines()]


class Cut(threading.Thread):
    """Between an agent and its daemon. Once for each arm() it hangs up when the agent commits: before the daemon has heard of it,
    or after."""

    def __init__(self, store, when):
        super().__init__(daemon=True)
        self.path = os.path.join(store.folder, "cut")
        self._store, self._when = store, when
        self._armed = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(4)
        self._ending, self._ended = socket.socketpair()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ending.close()
        self.join(10)
        for one in (self._listener, self._ended):
            one.close()
        os.unlink(self.path)

    def arm(self):
        self._armed.set()

    def run(self):
        while self._listener in select.select([self._listener, self._ended], [], [])[0]:
            with self._listener.accept()[0] as agent, socket.socket(socket.AF_UNIX) as there:
                there.connect(self._store.socket)
                self._carry(agent, there)

    def _carry(self, agent, there):
        committing = None
        rest = {agent: b"", there: b""}
        while True:
            ready = select.select([agent, there, self._ended], [], [])[0]
            if self._ended in ready:
                return
            for one in ready:
                got = one.recv(65536)
                if not got:
                    return
                rest[one] += got
                while len(rest[one]) >= 16 and len(rest[one]) >= 16 + struct.unpack_from("=I", rest[one], 12)[0]:
                    kind, number, _, length = struct.unpack_from("=IIII", rest[one])
                    whole, rest[one] = rest[one][:16 + length], rest[one][16 + length:]
                    if one is agent and self._armed.is_set() and kind == END and whole[16:] == b"T\0":
                        committing = number
                    if committing is not None and (self._when == "before" or (one is there and (kind, number) == (END, committing))):
                        return self._armed.clear()
                    (there if one is agent else agent).sendall(whole)


main()

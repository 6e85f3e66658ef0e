#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The agent and real xenstoreds, C's and OCaml's: through a guest's ring, and through the daemon's own socket."""
import json
import os
import pathlib
import signal
import socket
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import SANITIZED, Agent, once  # noqa: E402
from nova_host import agent_on, ask, comes_to_rest, daemon, endpoint, on_each_daemon, put, take  # noqa: E402
from tap import case, equal, has, main, skip  # noqa: E402
from xenstored import HOME  # noqa: E402

@on_each_daemon("a request is answered through the ring, and through the daemon's socket")
def _(kind):
    for through in ("ring", "socket"):
        with daemon(kind) as store, agent_on(store, through):
            equal(ask(store)["returncode"], "0", through)


@on_each_daemon("a request that was there before the agent is answered")
def _(kind):
    with daemon(kind) as store:
        key = put(store)
        with agent_on(store):
            equal(take(store, key)["returncode"], "0")


@on_each_daemon("a thousand requests, one after the other, leave nothing behind", seconds=180)
def _(kind):
    with daemon(kind) as store, agent_on(store, "socket") as agent:
        for _ in range(100):
            ask(store)
        descriptors, memory = agent.descriptors(), agent.rss_anon_kib()
        for _ in range(900):
            equal(ask(store)["returncode"], "0")
        equal(agent.descriptors(), descriptors)
        grown = agent.rss_anon_kib() - memory
        assert SANITIZED or grown <= 64, f"{grown} KiB more"
        equal(store.host.list(HOME + "/data/host"), [])


@on_each_daemon("a service manager hears that the agent is ready when its watch stands, and not before")
def _(kind):
    with daemon(kind) as store, notices() as (where, heard):
        with agent_on(store, env={**os.environ, "NOTIFY_SOCKET": where}):
            heard("READY=1")
            equal(ask(store)["returncode"], "0")


@case("a store that does not answer keeps a service manager waiting for ten seconds", ahead=True)
def _():
    folder = tempfile.mkdtemp(prefix="bellhop-deaf-")
    path = os.path.join(folder, "socket")
    deaf = socket.socket(socket.AF_UNIX)
    deaf.bind(path)
    deaf.listen(8)
    with notices() as (where, heard):
        begun = time.monotonic()
        with Agent("--listen", f"xenstore:{path}", listen="none", env={**os.environ, "NOTIFY_SOCKET": where}) as agent:
            heard("READY=1")
            waited = time.monotonic() - begun
            assert 9 < waited < 20, waited
            agent.log.wait_for("the store has not answered for 10 s")
    os.unlink(path)
    os.rmdir(folder)


@case("an endpoint with bytes is ready at once, and a store beside it is waited for")
def _():
    with notices() as (where, heard):
        begun = time.monotonic()
        with Agent(env={**os.environ, "NOTIFY_SOCKET": where}):
            heard("READY=1")
            assert time.monotonic() - begun < 8


@on_each_daemon("an idle agent on a store sleeps, and ends at once when told to", ahead=True)
def _(kind):
    with daemon(kind) as store, agent_on(store) as agent:
        ask(store)
        comes_to_rest(agent)
        equal(agent.rests(2), True, "no wake-ups")
        begun = time.monotonic()
        agent.stop()
        assert time.monotonic() - begun < 1.5, "the drain time of nobody"


@case("a reload goes on beside a store")
def _():
    with daemon("c") as store, agent_on(store) as agent:
        agent.process.send_signal(signal.SIGHUP)
        agent.log.wait_for("reloaded")
        equal(ask(store)["returncode"], "0")


@case("a store counts as a connection")
def _():
    with daemon("c") as store, Agent("--max-connections", "1", "--listen", endpoint(store, "ring")) as agent:
        ask(store)
        try:
            answer = agent.ask("ping")
        except (ConnectionError, EOFError):
            return
        has(json.dumps(answer), "connections already")


@case("no Xen: the agent says so and does not start, unless there is another endpoint")
def _():
    if os.path.exists("/dev/xen") or os.path.exists("/proc/xen"):
        skip("this is a Xen guest")
    code, _, errors = once("--listen", "xenstore:")
    equal(code, 3)    # not to be started again
    has(errors, "no XenStore here: neither /dev/xen/xenbus nor /proc/xen/xenbus")
    with Agent("--listen", "xenstore:") as agent:
        agent.log.wait_for("warning: no XenStore here")
    code, _, errors = once("--listen", "xenstore:/nowhere/socket")
    equal(code, 1)
    has(errors, "cannot reach a xenstored at /nowhere/socket: No such file or directory")


@case("a dialect that is not spoken over a store is an error at the start, and two over a socket are")
def _():
    with daemon("c") as store:
        code, _, errors = once("--listen", f"xenstore:{store.guest}=frames")
        equal(code, 2)
        has(errors, "the dialect 'frames' is not spoken over xenstore")
        code, _, errors = once("--listen", f"xenstore:{store.guest}=nova,nothing")
        equal(code, 2)
        has(errors, "no dialect 'nothing'")
    code, _, errors = once("--listen", "unix:/tmp/never=frames,qga")
    equal(code, 2)
    has(errors, "one dialect at a time over unix")


class notices:
    """Plays the service manager: (address, heard)."""

    def __enter__(self):
        self._folder = tempfile.mkdtemp(prefix="bellhop-notify-")
        path = os.path.join(self._folder, "socket")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._socket.settimeout(20)
        return path, self._heard

    def __exit__(self, *_):
        self._socket.close()
        os.unlink(os.path.join(self._folder, "socket"))
        os.rmdir(self._folder)

    def _heard(self, wanted):
        equal(self._socket.recv(4096).decode(), wanted)


main()

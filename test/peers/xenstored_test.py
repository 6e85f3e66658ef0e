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
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import SANITIZED, Agent, once  # noqa: E402
from tap import case, equal, eventually, has, main, skip  # noqa: E402
from xenstored import HOME, Lacking, Xenstored  # noqa: E402

KINDS = ("c", "ocaml")


def daemon(kind, *options, **how):
    try:
        return Xenstored(kind, *options, **how)
    except Lacking as why:
        skip(why)


def endpoint(store, through):
    return f"xenstore:{store.guest}" if through == "ring" else f"xenstore:7@{store.socket}"


def agent_on(store, through="ring", *options, **popen):
    agent = Agent("--log-level", "debug", "--listen", endpoint(store, through), *options, listen="none", **popen)
    agent.log.wait_for("listening on xenstore:")
    return agent


def put(store, name="version", value="agent"):
    key = str(uuid.uuid4())
    store.host.write(f"{HOME}/data/host/{key}", json.dumps({"name": name, "value": value}))
    return key


def take(store, key):
    path = f"{HOME}/data/guest/{key}"
    store.host.wait_until(path, there=True)
    answer = json.loads(store.host.read(path))
    equal(store.host.has(f"{HOME}/data/host/{key}"), False, "the request is there after its answer")
    store.host.remove(path)
    return answer


def ask(store, name="version", value="agent"):
    return take(store, put(store, name, value))


def comes_to_rest(agent):
    """The answer is there before the agent has heard that it is."""
    eventually(lambda: agent.rests(0.1), what="an agent that has nothing left to do")


def on_each_daemon(sentence, **how):
    def register(function):
        for kind in KINDS:
            case(f"{sentence} ({kind})", **how)(lambda kind=kind: function(kind))
        return function
    return register


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


@on_each_daemon("so many requests at once that their names fill more than one message", seconds=120)
def _(kind):
    with daemon(kind) as store:
        keys = [put(store) for _ in range(40 if kind == "ocaml" else 150)]    # 37 bytes each, of 4096; oxenstored has no parts
        with agent_on(store, "socket"):
            for key in keys:
                store.host.wait_until(f"{HOME}/data/host/{key}", there=False)


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


@on_each_daemon("two agents by mistake: each request has one answer, and both live on")
def _(kind):
    with daemon(kind) as store, agent_on(store, "socket") as one, agent_on(store, "socket") as other:
        for _ in range(50):
            equal(ask(store)["returncode"], "0")
        equal((one.process.poll(), other.process.poll()), (None, None))


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
        equal(code, 1)
        has(errors, "the dialect 'frames' is not spoken over xenstore")
        code, _, errors = once("--listen", f"xenstore:{store.guest}=nova,nothing")
        equal(code, 1)
        has(errors, "no dialect 'nothing'")
    code, _, errors = once("--listen", "unix:/tmp/never=frames,qga")
    equal(code, 1)
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

# SPDX-License-Identifier: Apache-2.0
"""An agent on a real xenstored, and its host.

    with daemon("c") as store, agent_on(store):    # or "ocaml"; through its guest's ring
        equal(ask(store)["returncode"], "0")
"""
import json
import uuid

from agent import Agent
from tap import case, equal, eventually, skip
from xenstored import HOME, Lacking, Xenstored

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

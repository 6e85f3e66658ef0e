#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guest-shutdown and guest-suspend-*, with programs that only note that they were called. usage: power_test.py BELLHOP-AGENT [--only WORD]"""
import contextlib
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import Agent  # noqa: E402
from fake_guest import FakeGuest  # noqa: E402
from qga import Host  # noqa: E402
from tap import case, equal, main  # noqa: E402

UNSUPPORTED = "the requested suspend mode is not supported by the guest"


@contextlib.contextmanager
def guest():
    with FakeGuest() as made, Agent("--root", made.path, dialect="qga") as agent, Host(agent.path) as host:
        made.host = host
        yield made


def told(made, command, arguments=None):
    """The desc of its error; None: it was silent, and the next request's answer came next."""
    made.host.send(json.dumps({"execute": command, "arguments": arguments or {}}).encode())
    made.host.send(b'{"execute":"guest-ping","id":"next"}\n')
    answer = json.loads(made.host.line())
    if answer.get("id") == "next":
        return None
    equal(json.loads(made.host.line())["id"], "next")
    return answer["error"]["desc"]


@case("guest-shutdown runs the program of its mode, and says nothing when that went well")
def _():
    with guest() as made:
        for name in ("poweroff", "halt", "reboot", "shutdown"):
            made.program("sbin/" + name)
        for mode in (None, "powerdown", "halt", "reboot"):
            equal(told(made, "guest-shutdown", {"mode": mode} if mode else {}), None)
        equal(made.calls(), ["poweroff", "poweroff", "halt", "reboot"])


@case("guest-shutdown takes shutdown where there is no other program")
def _():
    with guest() as made:
        made.program("usr/bin/shutdown")
        for mode in ("powerdown", "halt", "reboot"):
            equal(told(made, "guest-shutdown", {"mode": mode}), None)
        equal(made.calls(), [f"shutdown -h {option} +0 hypervisor initiated shutdown" for option in ("-P", "-H", "-r")])


@case("what hinders guest-shutdown is told")
def _():
    with guest() as made:
        equal(told(made, "guest-shutdown"), "child process has failed to shutdown: this guest has no program for it")
        made.program("sbin/poweroff", "echo not now >&2; exit 1")
        equal(told(made, "guest-shutdown"), "child process has failed to shutdown: not now")
        equal(told(made, "guest-shutdown", {"mode": "explode"}), "mode is invalid (valid values are: halt|powerdown|reboot")
        equal(told(made, "guest-shutdown", {"mode": 5}), "Invalid parameter type for 'mode', expected: string")
        equal(made.calls(), ["poweroff"])


@case("guest-suspend asks systemd, then pm-utils, then the kernel")
def _():
    with guest() as made:
        for name in ("disk", "ram", "hybrid"):
            equal(told(made, "guest-suspend-" + name), UNSUPPORTED)
        made.write("sys/power/state", "freeze mem\n")
        equal((told(made, "guest-suspend-ram"), told(made, "guest-suspend-disk")), (None, UNSUPPORTED))
        equal(made.read("sys/power/state")[:3], "mem")
        made.write("sys/power/state", "freeze mem disk\n")
        equal((told(made, "guest-suspend-disk"), made.read("sys/power/state")[:4]), (None, "disk"))

        made.program("usr/bin/pm-is-supported", "[ $1 != --suspend ]")
        made.program("sbin/pm-suspend-hybrid")
        made.program("sbin/pm-suspend")
        made.write("sys/power/state", "mem\n")
        equal((told(made, "guest-suspend-hybrid"), told(made, "guest-suspend-ram")), (None, None))
        equal(made.calls(), ["pm-is-supported --suspend-hybrid", "pm-suspend-hybrid", "pm-is-supported --suspend"])

        made.program("usr/bin/systemctl", "case $2 in systemd-hibernate) exit 4;; systemd-*) exit 3;; esac")
        for name in ("ram", "hybrid"):
            equal(told(made, "guest-suspend-" + name), None)
        equal(made.calls()[3:], ["systemctl status systemd-suspend", "systemctl suspend", "systemctl status systemd-hybrid-sleep",
                                 "systemctl hybrid-sleep"])
        equal(told(made, "guest-suspend-disk"), UNSUPPORTED)


@case("a way to suspend that fails is followed by the next one, and the last one's reason is told")
def _():
    with guest() as made:
        made.program("usr/bin/systemctl", "[ $1 = status ] && exit 3; echo inhibited; exit 1")
        equal(told(made, "guest-suspend-hybrid"), "child process has failed to suspend: inhibited")
        made.write("sys/power/state", "mem\n")
        equal((told(made, "guest-suspend-ram"), made.read("sys/power/state")[:3]), (None, "mem"))


main()

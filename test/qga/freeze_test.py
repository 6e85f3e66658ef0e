#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guest-fsfreeze-* and guest-fstrim on real file systems. usage: freeze_test.py BELLHOP-AGENT [--only WORD]"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import Agent, state  # noqa: E402
from fake_guest import FakeGuest, mounts_are_our_own  # noqa: E402
from frames import listens  # noqa: E402
from qga import Host, Refused  # noqa: E402
from tap import case, equal, eventually, has, main, skip  # noqa: E402

ALLOWED = {"guest-ping", "guest-info", "guest-sync", "guest-sync-delimited", "guest-fsfreeze-status", "guest-fsfreeze-thaw"}
HOOK = "/etc/hook"
MARK = "run/qga.state.isfrozen"


def guest(disks=1):
    if not mounts_are_our_own():
        skip("mount namespaces are not permitted here")
    made = FakeGuest(mounted=True)
    try:
        made.write("proc/sys/kernel/random/boot_id", "this-boot\n")
        for number in range(disks):
            made.mount_ext4(f"mnt/disk{number}")
    except subprocess.CalledProcessError as error:
        made.__exit__()
        skip(f"a loop device cannot be mounted here: {error.stderr}")
    return made


def agent_in(made, *options):
    return Agent("--root", made.path, *options, dialect="qga")


def refusal(host, command, arguments=None):
    try:
        answer = host.call(command, arguments)
    except Refused as refused:
        return refused
    raise AssertionError(f"{command} was not refused, but answered {answer}")


class Writer:
    """Somebody who writes to a file system."""

    def __init__(self, made, directory="mnt/disk0"):
        self.process = subprocess.Popen(["touch", made.at(directory) + "/written"])

    def waits(self):
        eventually(lambda: state(self.process.pid) == "D", what="a writer that waits for the thaw")
        equal(self.process.poll(), None)

    def goes_on(self):
        equal(self.process.wait(20), 0)


@case("a file system is frozen and thawed, and the hook hears of both")
def _():
    with guest() as made:
        made.program("etc/hook")
        with agent_in(made, "--freeze-hook", HOOK) as agent:
            with Host(agent.path) as host:
                equal(host.call("guest-fsfreeze-status"), "thawed")
                equal(host.call("guest-fsfreeze-freeze"), 1)
                equal(host.call("guest-fsfreeze-status"), "frozen")
                equal((made.calls(), made.read(MARK)), (["hook freeze"], "this-boot\n"))
                writer = Writer(made)
                writer.waits()

                equal(host.call("guest-fsfreeze-thaw"), 1)

                writer.goes_on()
                equal(host.call("guest-fsfreeze-status"), "thawed")
                equal((made.calls(), os.path.exists(made.at(MARK))), (["hook freeze", "hook thaw"], False))
                equal(host.call("guest-fsfreeze-thaw"), 0)
                equal(made.calls(), ["hook freeze", "hook thaw"], "a thaw of nothing")
            agent.quiet()


@case("while file systems are frozen six commands are left, for every connection")
def _():
    with guest() as made, agent_in(made) as agent, Host(agent.path) as host, Host(agent.path) as other:
        equal(host.call("guest-fsfreeze-freeze"), 1)
        enabled = {one["name"] for one in other.call("guest-info")["supported_commands"] if one["enabled"]}
        equal(enabled, ALLOWED)
        for name in ("guest-fsfreeze-freeze", "guest-get-time", "guest-shutdown", "guest-fsfreeze-freeze-list"):
            refused = refusal(other, name)
            equal(refused.kind, "CommandNotFound", name)
            has(refused.desc, "has been disabled")
        equal(other.call("guest-ping"), {})
        equal(other.call("guest-fsfreeze-thaw"), 1)
        equal(host.call("guest-fsfreeze-freeze"), 1)
        equal(host.call("guest-fsfreeze-thaw"), 1)


@case("the agent knows that it has frozen, and ends it in time, where hosts may not ask whether or thaw")
def _():
    with guest() as made, agent_in(made, "--allow", "freeze,info", "--freeze-lease", "1") as agent, Host(agent.path) as host:
        equal(host.call("guest-fsfreeze-freeze"), 1)
        writer = Writer(made)
        has(refusal(host, "guest-get-time").desc, "frozen state")

        writer.goes_on()
        eventually(lambda: "not allowed" in refusal(host, "guest-get-time").desc)


@case("guest-fsfreeze-freeze-list freezes what is named and mounted, and nothing else")
def _():
    with guest(disks=2) as made, agent_in(made) as agent, Host(agent.path) as host:
        equal(host.call("guest-fsfreeze-freeze-list", {"mountpoints": []}), 0)
        equal(host.call("guest-fsfreeze-freeze-list", {"mountpoints": ["/nosuch"]}), 0)
        equal(host.call("guest-fsfreeze-status"), "thawed")
        equal(host.call("guest-fsfreeze-freeze-list", {"mountpoints": ["/mnt/disk1", "/nosuch"]}), 1)
        Writer(made).goes_on()
        writer = Writer(made, "mnt/disk1")
        writer.waits()
        equal(host.call("guest-fsfreeze-thaw"), 1)
        writer.goes_on()
        equal(host.call("guest-fsfreeze-freeze-list"), 2)
        equal(host.call("guest-fsfreeze-thaw"), 2)


@case("the freeze hook has its thaw also when nothing could be frozen")
def _():
    with guest(disks=0) as made:
        made.program("etc/hook")
        made.list_mount("", "tmpfs", os.makedev(254, 1))
        with agent_in(made, "--freeze-hook", HOOK) as agent, Host(agent.path) as host:
            equal(host.call("guest-fsfreeze-freeze"), 0)
            equal((made.calls(), host.call("guest-fsfreeze-status")), (["hook freeze", "hook thaw"], "thawed"))
            equal(host.call("guest-get-time") > 0, True)


@case("a freeze hook that fails stops the freeze, in its own words, and has its thaw")
def _():
    with guest() as made:
        made.program("etc/hook", "[ $1 = thaw ] || { echo database on fire; exit 3; }")
        with agent_in(made, "--freeze-hook", HOOK) as agent, Host(agent.path) as host:
            equal(refusal(host, "guest-fsfreeze-freeze").desc,
                  "child process has failed to execute fsfreeze hook: database on fire")
            equal(made.calls(), ["hook freeze", "hook thaw"])
            Writer(made).goes_on()
        made.program("etc/hook", "[ $1 = freeze ] || exit 4")
        with agent_in(made, "--freeze-hook", HOOK) as agent, Host(agent.path) as host:
            equal(host.call("guest-fsfreeze-freeze"), 1)
            equal(refusal(host, "guest-fsfreeze-thaw").desc, "child process has failed to execute fsfreeze hook: exit status 4")
            equal(host.call("guest-fsfreeze-status"), "thawed")
            Writer(made).goes_on()


@case("one mount that cannot be opened thaws all, or is skipped on request")
def _():
    with guest(disks=2) as made:
        made.program("etc/hook")
        with open(made.at("proc/self/mountinfo"), encoding="utf-8") as table:
            first, second = table.read().splitlines()
        gone = first.replace("mnt/disk0", "mnt/gone").replace("7:", "8:")
        made.write("proc/self/mountinfo", "\n".join((first, gone, second)) + "\n")    # the second is frozen before it
        with agent_in(made, "--freeze-hook", HOOK) as agent, Host(agent.path) as host:
            equal(refusal(host, "guest-fsfreeze-freeze").desc, "failed to open /mnt/gone: No such file or directory")
            Writer(made).goes_on()
            Writer(made, "mnt/disk1").goes_on()
            equal(host.call("guest-fsfreeze-status"), "thawed")
            equal((made.calls(), os.path.exists(made.at(MARK))), (["hook freeze", "hook thaw"], False))
        with agent_in(made, "--skip-unopenable", "true") as agent, Host(agent.path) as host:
            equal(host.call("guest-fsfreeze-freeze"), 2)
            equal(host.call("guest-fsfreeze-thaw"), 2)


@case("an agent that starts while file systems are frozen knows it, and thaws them")
def _():
    with guest() as made:
        made.program("etc/hook")
        first = agent_in(made, "--freeze-hook", HOOK)
        with Host(first.path) as host:
            equal(host.call("guest-fsfreeze-freeze"), 1)
        first.kill()
        writer = Writer(made)
        writer.waits()
        folder = tempfile.mkdtemp(prefix="bellhop-wire-")
        path = folder + "/agent"    # it keeps silent while they are frozen, so no line says that it listens
        with Agent("--root", made.path, "--freeze-hook", HOOK, "--listen", f"unix:{path}=qga", listen="none") as agent:
            eventually(lambda: listens(path), what="the socket")
            with Host(path) as host:
                equal(host.call("guest-fsfreeze-status"), "frozen")
                equal(refusal(host, "guest-get-time").kind, "CommandNotFound")
                equal(host.call("guest-fsfreeze-thaw"), 1)
                writer.goes_on()
                equal(host.call("guest-get-time") > 0, True)
            agent.log.wait_for("not logged while file systems were frozen")
            equal(made.calls(), ["hook freeze", "hook thaw"])
        os.rmdir(folder)


@case("a thaw hook that is killed with its agent is run to its end by the next one's thaw")
def _():
    with guest() as made:
        gate = made.gate("gate")
        made.program("etc/hook", f"[ $1 = freeze ] || read x < {gate}")
        first = agent_in(made, "--freeze-hook", HOOK)
        with Host(first.path) as host:
            equal(host.call("guest-fsfreeze-freeze"), 1)
            host.send(b'{"execute":"guest-fsfreeze-thaw"}')
            eventually(lambda: made.calls() == ["hook freeze", "hook thaw"], what="the hook")
            helpers = first.children()
            first.kill()
            for helper in helpers:
                os.killpg(helper, signal.SIGKILL)
        Writer(made).goes_on()
        with Agent("--root", made.path, "--freeze-hook", HOOK, "--listen", f"unix:{made.at('run/agent')}=qga", listen="none"):
            eventually(lambda: listens(made.at("run/agent")), what="the socket")
            with Host(made.at("run/agent")) as host:
                equal(host.call("guest-fsfreeze-status"), "frozen")
                host.send(b'{"execute":"guest-fsfreeze-thaw"}')
                made.open_gate("gate")
                equal(host.line(), b'{"return": 0}\n')
                equal((made.calls(), os.path.exists(made.at(MARK))), (["hook freeze", "hook thaw", "hook thaw"], False))


@case("a mark of a boot before this one says nothing, and qemu-ga's empty one says frozen")
def _():
    with guest(disks=0) as made:
        made.write(MARK, "another-boot\n")
        with agent_in(made) as agent, Host(agent.path) as host:
            equal(host.call("guest-fsfreeze-status"), "thawed")
        made.write(MARK, "")
        with Agent("--root", made.path, "--listen", f"unix:{made.at('run/agent')}=qga", listen="none"):
            eventually(lambda: listens(made.at("run/agent")), what="the socket")
            with Host(made.at("run/agent")) as host:
                equal(host.call("guest-fsfreeze-status"), "frozen")
                equal(host.call("guest-fsfreeze-thaw"), 0)
                equal(host.call("guest-fsfreeze-status"), "thawed")


@case("an agent that is asked to end thaws what it froze")
def _():
    with guest(disks=2) as made:
        made.program("etc/hook")
        agent = agent_in(made, "--freeze-hook", HOOK)
        with Host(agent.path) as host:
            equal(host.call("guest-fsfreeze-freeze"), 2)
            writer = Writer(made)
            writer.waits()
            agent.process.send_signal(signal.SIGTERM)
            agent.has_ended()
        writer.goes_on()
        equal((made.calls(), os.path.exists(made.at(MARK))), (["hook freeze", "hook thaw"], False))
        agent.kill()


@case("a lease thaws by itself")
def _():
    with guest() as made, agent_in(made, "--freeze-lease", "0.3") as agent, Host(agent.path) as host:
        equal(host.call("guest-fsfreeze-freeze"), 1)
        writer = Writer(made)
        eventually(lambda: host.call("guest-fsfreeze-status") == "thawed", what="the thaw")
        writer.goes_on()
        equal(host.call("guest-get-time") > 0, True)


@case("during a freeze that takes its time others are answered, and a thaw cuts it short")
def _():
    with guest() as made:
        gate = made.gate("gate")
        made.program("etc/hook", f"[ $1 = thaw ] || read x < {gate}")
        with agent_in(made, "--freeze-hook", HOOK) as agent, Host(agent.path) as host, Host(agent.path) as other:
            host.send(b'{"execute":"guest-fsfreeze-freeze"}')
            eventually(lambda: made.calls() == ["hook freeze"], what="the hook")
            equal(other.call("guest-ping"), {})
            equal(other.call("guest-fsfreeze-status"), "thawed")
            equal(refusal(other, "guest-get-time").kind, "CommandNotFound")
            equal(other.call("guest-fsfreeze-thaw"), 0)
            has(host.line().decode(), "a thaw has cut the freeze short")
            equal(made.calls(), ["hook freeze", "hook thaw"])
            equal(other.call("guest-get-time") > 0, True)
        Writer(made).goes_on()


@case("a host that went away during its freeze finds it done")
def _():
    with guest() as made:
        gate = made.gate("gate")
        made.program("etc/hook", f"[ $1 = thaw ] || read x < {gate}")
        with agent_in(made, "--freeze-hook", HOOK) as agent:
            with Host(agent.path) as host:
                host.send(b'{"execute":"guest-fsfreeze-freeze"}')
                eventually(lambda: made.calls() == ["hook freeze"], what="the hook")
            made.open_gate("gate")
            with Host(agent.path) as host:
                eventually(lambda: host.call("guest-fsfreeze-status") == "frozen", what="the freeze")
                equal(host.call("guest-fsfreeze-thaw"), 1)


@case("guest-fstrim tells of each file system")
def _():
    with guest() as made:
        os.mkdir(made.at("mnt/memory"))
        made.list_mount("mnt/memory", "ext4", os.makedev(254, 1))
        with agent_in(made) as agent, Host(agent.path) as host:
            disk, memory = host.call("guest-fstrim", {"minimum": 0})["paths"]
            equal((disk["path"], disk["trimmed"] > 0, sorted(disk)), ("/mnt/disk0", True, ["minimum", "path", "trimmed"]))
            equal(memory, {"path": "/mnt/memory", "error": "trim not supported"})


main()

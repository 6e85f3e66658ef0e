#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/packaging under the real runit, OpenRC and BusyBox, each in namespaces of its own. usage: managers_test.py BELLHOP-AGENT [--only WORD]"""
import concurrent.futures
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), folder) for folder in (".", "../support")]
from agent import BINARY, alive, dies, state  # noqa: E402
from frames import read, write  # noqa: E402
from place import (BARE, INSTALLED, MAKE_ROOT, PACKAGING, Place, children_of, in_namespaces, lets_a_command_end,  # noqa: E402
    needs, needs_root, place, run, started, without_vsock)
from tap import case, equal, eventually, has, main, skip  # noqa: E402


@case("every script is one for /bin/sh, and every file says where the agent is")
def _():
    for name in ("openrc/bellhop-agent", "runit/run", "runit/finish", "init/init"):
        run("/bin/sh", "-n", os.path.join(PACKAGING, name))
    for name in ("systemd/bellhop-agent.service", "openrc/bellhop-agent", "runit/run", "busybox/inittab", "init/init"):
        has(read(os.path.join(PACKAGING, name)).decode(), INSTALLED)


# ---- runit

def last_change(here):
    return read(here.at("service/supervise/status"))[:12]    # a time, since which it is up or down


def has_given_up(sv, here):
    status = run(sv, "status", here.at("service"), ok=False)
    return status.startswith("down") and "want up" not in status


@case("runit: hup reloads, term and kill -9 start it again, down lets commands end, a wrong configuration ends the trying", ahead=True)
def _():
    runsv, sv = needs("runsv"), needs("sv")
    with place() as here:
        here.put_in_place("runit/run", "service", "run")
        shutil.copy(os.path.join(PACKAGING, "runit/finish"), here.at("service"))
        with started(runsv, here.at("service")) as supervisor:
            here.answers()
            first = here.agent_pid()
            here.configure("[limits]\nruns=7\n")
            run(sv, "hup", here.at("service"))
            eventually(lambda: here.ask("info")["limits"]["runs"] == 7, what="the reload")
            equal(here.agent_pid(), first)

            run(sv, "term", here.at("service"))
            dies(first)
            here.answers()
            second = here.agent_pid()
            os.kill(second, signal.SIGKILL)
            dies(second)
            here.answers()
            third = here.agent_pid()
            equal(len({first, second, third}), 3)

            lets_a_command_end(here, lambda: subprocess.run([sv, "-w", "0", "down", here.at("service")], stdout=subprocess.DEVNULL, timeout=20))
            eventually(lambda: has_given_up(sv, here), what="the end")
            equal((alive(third), os.path.exists(here.path)), (False, False))

            here.configure("[limits]\nruns=none\n")
            before = last_change(here)
            run(sv, "-w", "0", "up", here.at("service"), ok=False)
            eventually(lambda: last_change(here) != before and has_given_up(sv, here), what="the giving up")
            here.configure()
            run(sv, "up", here.at("service"))
            here.answers()
            run(sv, "exit", here.at("service"))
            equal(supervisor.wait(20), 0)


@case("runit: where the kernel has no vsock, it is started once and not again", ahead=True)
def _():
    runsv, sv = needs("runsv"), needs("sv")
    with place() as here:
        here.configure(listen="vsock:1024")
        here.put_in_place("runit/run", "service", "run")
        shutil.copy(os.path.join(PACKAGING, "runit/finish"), here.at("service"))
        with started(runsv, here.at("service"), preexec_fn=without_vsock()) as supervisor:
            eventually(lambda: has_given_up(sv, here), what="the giving up")
            run(sv, "exit", here.at("service"))
            equal(supervisor.wait(20), 0)


# ---- OpenRC

def openrc():
    """Where tools/fetch-openrc has unpacked it; empty when it is installed."""
    if shutil.which("openrc-run", path=BARE["PATH"]):
        return ""
    path = os.path.abspath(os.path.join(PACKAGING, "..", "..", "build", "openrc"))
    if not os.path.exists(path):
        why = read(path + ".log").decode().strip() if os.path.exists(path + ".log") else "not called"
        skip(f"OpenRC is not installed, and tools/fetch-openrc has not got it: {why}")
    return path


class OpenRC(Place):
    def options(self, text):
        confd = read(os.path.join(PACKAGING, "openrc/bellhop-agent.confd")).decode()
        write(self.at("conf.d/bellhop-agent"), f"{confd}\nbellhop_agent_options='{text}'\nerror_log={self.at('log')}\n".encode())

    def service(self, word, ok=True, **popen):
        inside = ("nsenter", "--target", str(self.inner), "--pid", "--mount", "--root")
        return run(*inside, "rc-service", "--nodeps", "bellhop-agent", word, ok=ok, **popen)


@contextlib.contextmanager
def open_rc():
    needs_root()
    unpacked = openrc()
    with tempfile.TemporaryDirectory(prefix="bellhop-service-") as name:
        here = OpenRC(name)
        here.put_in_place("openrc/bellhop-agent", "init.d", "bellhop-agent", options=False)
        os.mkdir(here.at("conf.d"))
        here.options(f"--config {here.at('agent.conf')}")
        script = """
            for folder in ${1:+usr etc}; do
                mount -t overlay overlay -o "ro,lowerdir=$1/$folder:/$folder" "/$folder"
            done
            mount -t proc proc /proc
            mount -t tmpfs tmpfs /run
            cd /run && mkdir openrc && cd openrc  # what `openrc sysinit` makes
            mkdir daemons exclusive failed hotplugged inactive options scheduled started starting stopped stopping tmp wasinactive
            touch softlevel
            mount --bind "$0/init.d" /etc/init.d
            mount --bind "$0/conf.d" /etc/conf.d
            echo ready >&2
            while :; do sleep 60; done
            """
        with in_namespaces(script, here.folder, unpacked) as outer:
            outer.log.wait_for("ready")
            here.inner, = children_of(outer.pid)
            yield here


@case("OpenRC: start, reload, a new one after kill -9, stop, and a wrong option is told at the start", ahead=True)
def _():
    with open_rc() as here:
        here.service("start")
        here.answers()
        here.configure("[limits]\nruns=7\n")
        here.service("reload")
        eventually(lambda: here.ask("info")["limits"]["runs"] == 7, what="the reload")
        first = here.agent_pid()
        with contextlib.suppress(Exception):    # it kills whom it would be told by
            here.run("kill -9 $PPID")
        here.answers()
        equal(here.agent_pid() != first, True)
        has(here.service("status"), "started")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            stopping = []
            lets_a_command_end(here, lambda: stopping.append(pool.submit(here.service, "stop")))
            stopping[0].result(20)
        equal(os.path.exists(here.path), False)
        here.options("--nope")
        has(here.service("start", ok=False), "--nope")
        has(here.service("status", ok=False), "stopped")


@case("OpenRC: where the kernel has no vsock it is told at the start, where a path is taken it is started all the same", ahead=True)
def _():
    with open_rc() as here:
        here.configure(listen="vsock:1024")
        has(here.service("start", ok=False, preexec_fn=without_vsock()), "AF_VSOCK")
        has(here.service("status", ok=False), "stopped")
        here.configure()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(here.path)
            other.listen()
            has(here.service("start"), "is listening there")
            os.unlink(here.path)
        here.answers()
        here.service("stop")


# ---- a PID 1 that is not ours

def busybox_with(applet):
    path = needs("busybox")
    if applet not in run(path, "--list").split():
        skip(f"this BusyBox has no {applet}")
    return path


@contextlib.contextmanager
def busybox_init(here, which, **popen):
    """BusyBox as PID 1 with our line of that action. Gives the process outside and its number."""
    needs_root()
    busybox = busybox_with("init")
    inittab = here.put_in_place("busybox/inittab", "copied", "etc", "inittab")
    line, = [line for line in read(inittab).splitlines() if which in line]
    write(inittab, b"::sysinit:/bin/mount -t proc proc /proc\n" + line.removeprefix(b"#") + b"\n")
    os.makedirs(here.at("copied/sbin"), exist_ok=True)
    shutil.copy(busybox, here.at("copied/sbin/init"))
    finish = """touch "$root/dev/null"; mount --bind /dev/null "$root/dev/null"; exec chroot "$root" /sbin/init"""
    with in_namespaces(MAKE_ROOT + finish, here.folder, os.path.dirname(BINARY), **popen) as outer:
        eventually(lambda: children_of(outer.pid), what="a first process")
        yield outer, *children_of(outer.pid)


WITH_SHELL, WITHOUT_SHELL = b"::respawn:/bin/sh", b"#::respawn:"


@case("BusyBox init: either line starts the agent, starts it again, and a shutdown ends it in order", ahead=True)
def _():
    for which in (WITH_SHELL, WITHOUT_SHELL):
        with place() as here, busybox_init(here, which) as (outer, inner):
            here.answers()
            equal(here.run("cat /proc/1/comm").out, b"init\n")
            first = here.agent_pid()
            equal(first in [int(pid) for pid in here.run("cat /proc/1/task/1/children").out.split()], True)
            with contextlib.suppress(Exception):    # it kills whom it would be told by
                here.run("kill -9 $PPID")
            eventually(lambda: state(inner) == "S" and os.path.exists(here.path), what="init at rest")
            here.answers()
            equal(here.agent_pid() != first, True)
            os.kill(inner, signal.SIGUSR2)    # power off: in a pid namespace that is its PID 1's end
            outer.wait(20)
            equal(os.path.exists(here.path), False)


@case("BusyBox init: a kernel without vsock and a wrong configuration are told once, and tried again when asked to", ahead=True)
def _():
    with place() as here:
        here.configure(listen="vsock:1024")

        def sleeper():
            """What init runs, when it has settled for that."""
            with contextlib.suppress(OSError):
                running = children_of(inner)
                return running if [read(f"/proc/{pid}/comm") for pid in running] == [b"sleep\n"] else []

        with busybox_init(here, WITH_SHELL, preexec_fn=without_vsock()) as (outer, inner):
            first, = eventually(sleeper, what="a sleep instead of the agent")
            equal(outer.log.text().count("AF_VSOCK"), 1, outer.log.text())
            here.configure("[limits]\nruns=none\n")
            os.kill(first, signal.SIGTERM)
            dies(first)
            second, = eventually(sleeper, what="the second sleep")
            equal(outer.log.text().count("runs takes a whole number"), 1, outer.log.text())
            here.configure()
            os.kill(second, signal.SIGTERM)
            here.answers()


@case("/init mounts what is missing, starts the agent and becomes the real init, with its arguments")
def _():
    needs_root()
    with place() as here:
        here.put_in_place("init/init", "copied", "init")
        os.mkdir(here.at("copied/sbin"))
        write(here.at("copied/sbin/init"), f"#!/bin/sh\necho $$ $* > {here.at('real')}\nexec tail -f /dev/null\n".encode(), 0o755)
        for mounted in ("", 'mount -t proc proc "$root/proc"; mount -t tmpfs tmpfs "$root/run"; touch "$root/run/kept";'):
            script = MAKE_ROOT + mounted + 'exec chroot "$root" /init splash single'
            with in_namespaces(script, here.folder, os.path.dirname(BINARY)) as outer:
                here.answers()
                eventually(lambda: os.path.exists(here.at("real")) and read(here.at("real")), what="the real init")
                equal(read(here.at("real")), b"1 splash single\n")
                mounts = [line.split()[1:3] for line in here.run("cat /proc/mounts").out.decode().splitlines()]
                for one in (["/proc", "proc"], ["/sys", "sysfs"], ["/dev", "devtmpfs"], ["/run", "tmpfs"]):
                    equal(mounts.count(one), 1, f"{one} in {mounts}; {outer.log.text()}")
                equal(b"kept" in here.run("ls /run").out, bool(mounted), "what was mounted is still to be seen")
                equal(here.run("ps -o ppid= -p $PPID").out.strip(), b"1")
                equal(outer.log.text(), "")
            os.unlink(here.at("real"))
            with contextlib.suppress(FileNotFoundError):
                os.unlink(here.path)    # the whole namespace was killed


main()

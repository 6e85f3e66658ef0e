#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our units under the real systemd, in namespaces of their own. usage: systemd_test.py BELLHOP-AGENT [--only WORD]"""
import contextlib
import glob
import os
import shutil
import sys
import tempfile

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), folder) for folder in (".", "../support")]
from agent import BINARY  # noqa: E402
from frames import read, write  # noqa: E402
from place import (BARE, PACKAGING, Place, children_of, in_namespaces, lets_a_command_end, needs, needs_root, place,  # noqa: E402
    run, started, without_vsock)
from tap import case, equal, eventually, has, main, skip  # noqa: E402


@case("systemd: the units are right in its eyes, and a mistake would be seen")
def _():
    needs("systemd-analyze")
    with place() as here:
        service = here.put_in_place("systemd/bellhop-agent.service", "bellhop-agent.service")
        unit_file = shutil.copy(os.path.join(PACKAGING, "systemd/bellhop-agent.socket"), here.folder)
        qga = here.at("qemu-guest-agent.service")
        write(qga, read(os.path.join(PACKAGING, "qga/qemu-guest-agent.service")).replace(b"/usr/sbin/qemu-ga", BINARY.encode()))
        check = ("systemd-analyze", "verify", "--man=no", service, unit_file, qga)
        equal(run(*check), "")
        write(service, read(service).replace(b"WatchdogSec=", b"WatchDogSec="))
        has(run(*check, ok=False), "WatchDogSec")


def systemd_path():
    for path in ("/lib/systemd/systemd", "/usr/lib/systemd/systemd"):
        if os.access(path, os.X_OK):
            return path
    return skip("systemd is not installed")


class Systemd(Place):
    """A manager of user units with our two: the same code as PID 1's for all that our units say."""

    def ctl(self, *words, ok=True):
        inside = ("nsenter", "--target", str(self.inner), "--pid", "--mount", "--root")
        return run(*inside, "systemctl", "--user", "--no-pager", *words, ok=ok, env=self.environment)

    def show(self, name):
        return self.ctl("show", "--value", "--property", name, "bellhop-agent.service").strip()


@contextlib.contextmanager
def systemd(**popen):
    needs_root()
    program, group = systemd_path(), f"bellhop-test-{os.getpid()}"
    needs("systemctl")
    if not glob.glob("/sys/fs/cgroup/cgroup.procs") + glob.glob("/sys/fs/cgroup/*/cgroup.procs"):
        skip("no cgroups are mounted here")
    with tempfile.TemporaryDirectory(prefix="bellhop-service-") as name:
        here = Systemd(name)
        for folder in ("run", "conf/systemd/user"):
            os.makedirs(here.at(folder), mode=0o700)
        here.put_in_place("systemd/bellhop-agent.service", "conf/systemd/user/bellhop-agent.service")
        text = read(os.path.join(PACKAGING, "systemd/bellhop-agent.socket")).replace(b"/run/bellhop/agent.sock", here.at("unit.sock").encode())
        write(here.at("conf/systemd/user/bellhop-agent.socket"), text)
        here.environment = {**BARE, "XDG_RUNTIME_DIR": here.at("run"), "XDG_CONFIG_HOME": here.at("conf"), "HOME": name}
        script = """
            for base in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
                [ -e $base/cgroup.procs ] || continue
                mkdir $base/$1
                echo $$ > $base/$1/cgroup.procs
            done
            mount -t tmpfs tmpfs /run
            mkdir -p /run/systemd/system  # what says that systemd is in charge
            mount -t proc proc /proc
            "$0" --user --unit=basic.target --log-target=console
            exit $?
            """
        try:
            with in_namespaces(script, program, group, env=here.environment, **popen) as manager:
                eventually(lambda: manager.poll() is not None or os.path.exists(here.at("run/systemd/private")), what="the manager's socket")
                equal(manager.poll(), None, "the manager has ended: " + manager.log.text())
                here.inner, = children_of(manager.pid)
                yield here
        finally:
            for top in glob.glob(f"/sys/fs/cgroup/{group}") + glob.glob(f"/sys/fs/cgroup/*/{group}"):
                for folder, _, _ in os.walk(top, topdown=False):
                    def removed(folder=folder):
                        with contextlib.suppress(OSError):
                            os.rmdir(folder)
                        return not os.path.exists(folder)
                    eventually(removed, what=f"the end of {folder}")


@case("systemd: started is ready, a reload is taken, a killed agent comes back, a stop lets commands end")
def _():
    with systemd() as here:
        here.ctl("start", "bellhop-agent.service")
        equal(here.ask("ping")["ok"], True)    # READY=1 came before that returned
        here.configure("[limits]\nruns=7\n")
        here.ctl("reload", "bellhop-agent.service")
        eventually(lambda: here.ask("info")["limits"]["runs"] == 7, what="the reload")

        first = here.agent_pid()
        here.ctl("kill", "--kill-who=main", "--signal=KILL", "bellhop-agent.service")
        eventually(lambda: here.show("NRestarts") == "1" and here.show("ActiveState") == "active", what="the second agent")
        equal(here.agent_pid() != first, True)

        lets_a_command_end(here, lambda: here.ctl("stop", "--no-block", "bellhop-agent.service"))
        eventually(lambda: here.show("ActiveState") == "inactive", what="the end")
        equal((here.show("Result"), os.path.exists(here.path)), ("success", False))


@case("systemd: a command is in no sandbox and has no variable of the service's")
def _():
    with systemd() as here:
        here.ctl("start", "bellhop-agent.service")
        for name in (b"INVOCATION_ID", b"JOURNAL_STREAM", b"NOTIFY_SOCKET", b"WATCHDOG", b"LISTEN_", b"SYSTEMD_EXEC_PID", b"MEMORY_PRESSURE"):
            equal(name in here.run("env").out, False, name)
        equal(here.run("readlink /proc/self/ns/mnt").out, here.run("readlink /proc/1/ns/mnt").out)
        status = here.run("cat /proc/self/status").out
        for line in (b"Seccomp:\t0\n", b"NoNewPrivs:\t0\n"):
            has(status, line)


@case("systemd: an agent that hangs is replaced, a wrong configuration ends the trying")
def _():
    with systemd() as here:
        os.mkdir(here.at("conf/systemd/user/bellhop-agent.service.d"))
        write(here.at("conf/systemd/user/bellhop-agent.service.d/soon.conf"), b"[Service]\nWatchdogSec=1\nRestartSec=0\nLimitCORE=0\n")
        here.ctl("daemon-reload")
        here.ctl("start", "bellhop-agent.service")
        here.ctl("kill", "--kill-who=main", "--signal=STOP", "bellhop-agent.service")
        eventually(lambda: here.show("NRestarts") == "1" and here.show("ActiveState") == "active", what="the second agent")
        here.answers()

        here.configure("[limits]\nruns=none\n")
        here.ctl("kill", "--kill-who=main", "--signal=KILL", "bellhop-agent.service")
        eventually(lambda: here.show("ActiveState") == "failed", what="the failure")
        equal(here.show("ExecMainStatus"), "2")


@case("systemd: where the kernel has no vsock, it is started once and not again")
def _():
    with systemd(preexec_fn=without_vsock()) as here:
        here.configure(listen="vsock:1024")
        here.ctl("start", "bellhop-agent.service", ok=False)
        eventually(lambda: here.show("ActiveState") == "failed", what="the failure")
        equal((here.show("ExecMainStatus"), here.show("NRestarts")), ("3", "0"))


@case("systemd: the socket unit starts the agent, in the dialect that it names")
def _():
    with systemd() as here:
        here.configure()
        here.ctl("start", "bellhop-agent.socket")
        own, here.path = here.path, here.at("unit.sock")
        equal(os.stat(here.path).st_mode & 0o777, 0o600)
        equal(here.ask("ping")["ok"], True)
        equal(here.show("ActiveState"), "active")
        here.path = own    # what is configured is served beside it
        equal(here.ask("ping")["ok"], True)
        here.ctl("stop", "bellhop-agent.socket", "bellhop-agent.service")
        equal(os.path.exists(here.at("unit.sock")), False)


@case("systemd-socket-activate hands its socket over")
def _():
    program = needs("systemd-socket-activate")
    with place() as here, started(program, "--listen", here.path, "--fdname=frames", BINARY, "--log-level", "info") as agent:
        agent.log.wait_for("Listening on")
        equal(here.ask("ping")["ok"], True)
        agent.log.wait_for("listening on fd:3=frames")
        equal(b"LISTEN_" in here.run("env").out, False)
        agent.terminate()
        equal(agent.wait(20), 0, agent.log.text())


@case("systemd's journal has what the agent logs, and knows who it was")
def _():
    needs_root()
    journald = os.path.join(os.path.dirname(systemd_path()), "systemd-journald")
    needs("journalctl")
    if not os.path.exists("/etc/machine-id"):
        skip("there is no /etc/machine-id, without which journald does not run")
    script = """
        mount -t proc proc /proc
        mount -t tmpfs tmpfs /run
        mkdir -p /run/systemd/journald.conf.d
        printf '[Journal]\\nStorage=volatile\\nAudit=\\nReadKMsg=no\\n' > /run/systemd/journald.conf.d/only-ours.conf
        "$1" &
        until [ -S /run/systemd/journal/socket ]; do sleep 0.05; done
        "$2" --config "$0/agent.conf" --log-target journal &
        until journalctl --directory /run/log/journal --output verbose _TRANSPORT=journal > "$0/read" && grep -q bellhop "$0/read"; do
            sleep 0.05
        done
        kill $!  # not before: journald looks at who it was when it reads the line
        wait $!
        """
    with place() as here, in_namespaces(script, here.folder, journald, BINARY) as outer:
        equal(outer.wait(30), 0, outer.log.text())
        for part in (f"MESSAGE=listening on unix:{here.path}=frames", "PRIORITY=6", "SYSLOG_IDENTIFIER=bellhop-agent", "_COMM=bellhop-agent"):
            has(read(here.at("read")).decode(), part)


main()

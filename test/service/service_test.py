#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/packaging under the real service managers, each in namespaces of its own. usage: service_test.py BELLHOP-AGENT [--only WORD]"""
import concurrent.futures
import contextlib
import errno
import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from agent import BINARY, SANITIZED, Log, alive, dies, state, system_call_fails  # noqa: E402
from frames import Asking, read, write  # noqa: E402
from tap import case, equal, eventually, has, main, skip  # noqa: E402

PACKAGING = os.path.join(HERE, "..", "..", "tools", "packaging")
INSTALLED = "/usr/sbin/bellhop-agent"
BARE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SHELL": "/bin/sh"}
if SANITIZED:
    # LeakSanitizer stops the process that it looks at. The SIGCONT that managers send behind SIGTERM would undo that: both hang.
    BARE["ASAN_OPTIONS"] = "detect_leaks=0"


def needs(program):
    return shutil.which(program, path=BARE["PATH"]) or skip(f"{program} is not installed")


def needs_root():
    if os.geteuid() != 0:
        skip("needs root, to make namespaces")


class Place(Asking):
    """A folder with a configuration that makes the agent listen at .path, and copies of our files that start BINARY with it."""

    def __init__(self, folder):
        self.folder = folder
        self.path = self.at("socket")
        self.configure()

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def configure(self, text="", listen=None):
        write(self.at("agent.conf"), f"[agent]\nlisten={listen or 'unix:' + self.path}\nlog-level=info\n{text}".encode())

    def put_in_place(self, ours, *names, options=True):
        source = os.path.join(PACKAGING, ours)
        text = read(source).decode()
        has(text, INSTALLED)
        where = self.at(*names)
        os.makedirs(os.path.dirname(where), exist_ok=True)
        command = f"{BINARY} --config {self.at('agent.conf')}" if options else BINARY
        write(where, text.replace(INSTALLED, command).encode(), os.stat(source).st_mode & 0o777)
        return where

    def answers(self):
        """Waits for an agent that listens."""
        def ping():
            with contextlib.suppress(OSError):
                return self.ask("ping")["ok"]
        eventually(ping, what="an answer")

    def listens(self):
        with socket.socket(socket.AF_UNIX) as one:
            return one.connect_ex(self.path) == 0

    def agent_pid(self):
        """As the commands see it."""
        return int(self.run("echo $PPID").out)


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory(prefix="bellhop-service-") as name:
        yield Place(name)


@contextlib.contextmanager
def started(*command, **popen):
    """A process in the foreground, with its standard error as .log; killed when the block is left."""
    popen.setdefault("env", BARE)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **popen)
    process.log = Log(process.stderr)
    try:
        yield process
    except BaseException:
        print("# log:", process.log.text().replace("\n", "\n# log: "))
        raise
    finally:
        process.kill()
        process.wait()
        process.log.end()


def in_namespaces(script, *arguments, **popen):
    """Its first process is PID 1, its mounts are its own, and all of it dies with the process that is started here."""
    return started("unshare", "--pid", "--mount", "--fork", "--kill-child", "/bin/sh", "-euc", script, *arguments, **popen)


def run(*command, ok=True, **popen):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20,
                          **{"env": BARE, **popen})
    if ok:
        equal(done.returncode, 0, f"{command}: {done.stdout}")
    return done.stdout


def without_vsock():
    """For preexec_fn: a kernel that lacks it, for all that is started there."""
    return system_call_fails("socket", socket.AF_VSOCK, errno.EAFNOSUPPORT) or skip("the numbers of this machine's system calls are not known here")


def children_of(pid):
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


def lets_a_command_end(where, stop):
    """stop() asks the agent to end while a command runs: that ends by itself, and its answer comes."""
    gate = where.at("gate")
    os.mkfifo(gate)
    with where.start(f"echo begun; read x < {gate}; echo done") as host:
        equal(host.first_output(), b"begun\n")
        stop()
        eventually(lambda: not where.listens(), what="an agent that is ending")
        write(gate, b"go\n")
        ran = host.ran()
        equal((ran.out, ran.end["exit_code"]), (b"done\n", 0))


# ---- the files

@case("every script is one for /bin/sh, and every file says where the agent is")
def _():
    for name in ("openrc/bellhop-agent", "runit/run", "runit/finish", "init/init"):
        run("/bin/sh", "-n", os.path.join(PACKAGING, name))
    for name in ("systemd/bellhop-agent.service", "openrc/bellhop-agent", "runit/run", "busybox/inittab", "init/init"):
        has(read(os.path.join(PACKAGING, name)).decode(), INSTALLED)


# ---- systemd

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


# ---- runit

def last_change(here):
    return read(here.at("service/supervise/status"))[:12]    # a time, since which it is up or down


def has_given_up(sv, here):
    status = run(sv, "status", here.at("service"), ok=False)
    return status.startswith("down") and "want up" not in status


@case("runit: hup reloads, term and kill -9 start it again, down lets commands end, a wrong configuration ends the trying")
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


@case("runit: where the kernel has no vsock, it is started once and not again")
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
    path = os.path.abspath(os.path.join(HERE, "..", "..", "build", "openrc"))
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


@case("OpenRC: start, reload, a new one after kill -9, stop, and a wrong option is told at the start")
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


@case("OpenRC: where the kernel has no vsock it is told at the start, where a path is taken it is started all the same")
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

# A root of its own, in which nothing is mounted yet: $0 the place's folder, $1 the agent's. Both and /usr are seen as outside.
MAKE_ROOT = """
    root=$0/root
    cd "$0"
    mkdir -p "$root" && mount -t tmpfs tmpfs "$root"
    for folder in proc sys dev run tmp etc sbin; do mkdir "$root/$folder"; done
    for folder in /bin /lib /lib64 /usr "$0" "$1"; do
        if [ -L "$folder" ]; then
            cp -P "$folder" "$root$folder"
        elif [ -d "$folder" ]; then
            mkdir -p "$root$folder" && mount --bind "$folder" "$root$folder"
        fi
    done
    cp -r "$0/copied/." "$root"
    """


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


@case("BusyBox init: either line starts the agent, starts it again, and a shutdown ends it in order")
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


@case("BusyBox init: a kernel without vsock and a wrong configuration are told once, and tried again when asked to")
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


# ---- PID 1 itself

@case("as PID 1, a thousand commands that leave orphans leave no zombie and no memory")
def _():
    needs_root()
    with place() as here, started("unshare", "--pid", "--mount-proc", "--fork", "--kill-child", BINARY, "--config", here.at("agent.conf")) as outer:
        outer.log.wait_for("listening")
        inner, = children_of(outer.pid)

        def memory():
            status = read(f"/proc/{inner}/status").decode()
            return int(status.split("RssAnon:")[1].split()[0])

        def orphans(number):
            answer = here.run(f"(setsid sleep 0.0{number % 10} &) & exit {number % 100}").end
            return answer["exit_code"] == number % 100

        def commands(count):
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                equal(all(pool.map(orphans, range(count))), True, "an exit code was lost")
            eventually(lambda: children_of(inner) == [], what="a PID 1 without children")

        commands(200)
        before = memory()
        commands(1000)
        grown = memory() - before
        print(f"# RssAnon {before} KiB, grown by {grown} KiB")
        if not SANITIZED:
            equal(grown < 512, True, f"RssAnon grew by {grown} KiB")
        os.kill(inner, signal.SIGTERM)
        equal(outer.wait(20), 0)


def usual_ends():
    """For preexec_fn: the signals by which unshare(1) tells how its PID 1 has ended."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def as_pid_1(here, *words, before=":"):
    """The agent as PID 1 of a root of its own with empty /proc, /sys, /dev and /run. `before`: what the shell does that becomes it."""
    os.makedirs(here.at("copied"), exist_ok=True)
    script = MAKE_ROOT + before + """
        agent=$2
        set -- --config "$0/agent.conf" $3
        exec env -i "$(command -v chroot)" "$root" "$agent" "$@"
        """
    folder, name = os.path.split(BINARY)
    with in_namespaces(script, here.folder, folder, BINARY, " ".join(words), preexec_fn=usual_ends) as outer:
        outer.log.wait_for("listening")
        inner, = children_of(outer.pid)
        yield outer, inner
    with contextlib.suppress(FileNotFoundError):
        os.unlink(here.path)    # the whole namespace may have been killed


@case("as PID 1, what is missing is mounted, what is there is left, and words of the kernel's are no options")
def _():
    needs_root()
    mounts = (("/proc", "proc"), ("/sys", "sysfs"), ("/dev", "devtmpfs"), ("/run", "tmpfs"))
    all_there = "\n".join(f'mount -t {kind} {kind} "$root{path}"' for path, kind in mounts) + '\ntouch "$root/run/kept"'
    with place() as here:
        for before in ('rmdir "$root/run"', all_there):
            with as_pid_1(here, "splash", "single", before=before) as (outer, inner):
                there = [tuple(line.split()[1:3]) for line in here.run("cat /proc/mounts").out.decode().splitlines()]
                for one in mounts:
                    equal(there.count(one), 1, f"{one} in {there}")
                equal(b"kept" in here.run("ls /run").out, before == all_there)
                equal(here.run("echo $PATH; readlink /proc/1/fd/0").out.decode().splitlines(), [BARE["PATH"], "/dev/null"])
                equal("warning" in outer.log.text(), False, outer.log.text())


@case("as PID 1, what is missing and cannot be mounted is told, and the host is served all the same")
def _():
    needs_root()
    with place() as here, as_pid_1(here, before='rmdir "$root/proc" "$root/sys" "$root/dev" "$root/run"; mount -o remount,ro "$root"') as (outer, inner):
        for path in ("/proc", "/sys", "/dev", "/run"):
            outer.log.wait_for(f"warning: no {path}, and it cannot be mounted: ")
        write(here.at("file"), b"content")
        equal(here.get(here.at("file")).data, b"content")
        has(here.ask("run", cmd="true")["error"], "spawn failed")
        os.kill(inner, signal.SIGTERM)
        equal(outer.wait(20), 1 if SANITIZED else 0)    # LeakSanitizer gives up without a /proc


@case("as PID 1, SIGUSR1 halts, SIGUSR2 and SIGPWR power off, SIGINT reboots, SIGTERM only ends a container, SIGHUP reloads")
def _():
    needs_root()
    for number, end in ((signal.SIGUSR1, -signal.SIGINT), (signal.SIGUSR2, -signal.SIGINT), (signal.SIGPWR, -signal.SIGINT),
                        (signal.SIGINT, -signal.SIGHUP), (signal.SIGTERM, 0)):    # pid_namespaces(7): how reboot(2) ends a namespace
        with place() as here, as_pid_1(here) as (outer, inner):
            os.kill(inner, signal.SIGHUP)
            outer.log.wait_for("reloaded")
            lets_a_command_end(here, lambda: os.kill(inner, number))
            equal(outer.wait(20), end, f"{number!r}: {outer.log.text()}")
            equal(os.path.exists(here.path), False)


@case("as PID 1, everybody hears SIGTERM at the end, and nobody holds it up for longer than the drain time")
def _():
    needs_root()
    with place() as here:
        here.configure("[limits]\ndrain-timeout=1\n")
        with as_pid_1(here) as (outer, inner):
            heeds = f"trap 'echo heard > {here.at('heeds')}; exit' TERM; echo ready > {here.at('heeds')}"
            ignores = f"trap '' TERM; echo ready > {here.at('ignores')}"
            for what in (heeds, ignores):
                here.run(f"setsid sh -c \"{what}; while :; do sleep 0.05; done\" > /dev/null 2>&1 &")
            eventually(lambda: all(os.path.exists(here.at(one)) and read(here.at(one)) == b"ready\n" for one in ("heeds", "ignores")), what="two daemons")
            os.kill(inner, signal.SIGUSR2)
            equal(outer.wait(20), -signal.SIGINT)
            equal(read(here.at("heeds")), b"heard\n")


@case("as PID 1, a wrong configuration in a container ends with 2")
def _():
    needs_root()
    with place() as here:
        here.configure("[limits]\nruns=none\n")
        with started("unshare", "--pid", "--mount-proc", "--fork", "--kill-child", BINARY, "--config", here.at("agent.conf")) as outer:
            equal(outer.wait(20), 2)
            has(outer.log.end(), "runs takes a whole number")


@case("on a kernel that lists no children, orphans are reaped all the same, also behind a leader that is kept")
def _():
    needs_root()
    with place() as here:
        here.configure("[limits]\ngrace=300\n")
        with as_pid_1(here, before='mount -t proc proc "$root/proc"; mount -t tmpfs tmpfs "$root/proc/1/task"') as (outer, inner):
            equal(here.run("ls /proc/1/task").out, b"")

            def zombies():
                return [pid for pid in children_of(inner) if state(pid) == "Z"]

            for _ in range(20):
                equal(here.run("(setsid sleep 0.01 > /dev/null 2>&1 &) & exit 3").end["exit_code"], 3)
            eventually(lambda: children_of(inner) == [], what="a PID 1 without children")
            with here.start("sleep 300 & echo begun") as host:    # its leader has ended, its output has not
                equal(host.first_output(), b"begun\n")
                eventually(lambda: len(zombies()) == 1, what="the leader's end")
                for _ in range(20):
                    here.run("(setsid sleep 0.01 > /dev/null 2>&1 &) & exit 3")
                eventually(lambda: len(children_of(inner)) == 2, what="a PID 1 with a leader and what that has left")


main()

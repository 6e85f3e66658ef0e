#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Configuration, who may connect and what for, reload, and what a service manager is told. usage: config_test.py BELLHOP-AGENT [--only WORD]"""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from agent import BINARY, Agent, once  # noqa: E402
from frames import Asking, read, write  # noqa: E402
from tap import case, equal, eventually, has, main, skip  # noqa: E402


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="bellhop-wire-") as name:
        yield name


@contextlib.contextmanager
def configured(text, *options, **popen):
    """An agent with this configuration; `reconfigure(text)` changes it and waits for the reload."""
    with folder() as name:
        path = os.path.join(name, "agent.conf")
        write(path, text.encode())
        with Agent("--config", path, *options, **popen) as agent:
            def reconfigure(new, expect="reloaded"):
                write(path, new.encode())
                seen = len(agent.log.lines)
                agent.process.send_signal(signal.SIGHUP)
                eventually(lambda: any(expect in line for line in agent.log.lines[seen:]), what=f"a line with {expect!r}")
            agent.reconfigure = reconfigure
            yield agent


# ---- the file

@case("--print-config prints what is in force and where it came from, and its output is a configuration")
def _():
    with folder() as name:
        path = os.path.join(name, "c")
        write(path, b"[limits]\nruns=3\n[dialect frames]\nblock=run\n")
        code, out, err = once("--config", path, "--grace", "1", "--print-config")
        equal((code, err), (0, ""))
        for part in (f"# {path}:2\nruns=3\n", "# --grace\ngrace=1\n", "# default\nconnections=256\n", "[dialect frames]\n"):
            has(out, part)
        write(path, out.encode())
        again = once("--config", path, "--print-config")[1]
        equal([line for line in again.splitlines() if not line.startswith("#")], [line for line in out.splitlines() if not line.startswith("#")])


@case("a configuration that is wrong ends with 2, and file, line and nearest name are told")
def _():
    with folder() as name:
        path = os.path.join(name, "c")
        for text, parts in (("[limits]\nrun=3\n", (":2:", "'run'", "runs in [limits]")),
                            ("[agent]\nlisten=nowhere\n", (":2:", "'nowhere'")),
                            ("runs=3\n", ("line 1",)),
                            ("[limits\n", ("line 1",))):
            write(path, text.encode())
            code, out, err = once("--config", path)
            equal((code, out, err.count("\n")), (2, "", 1), text)
            for part in (path, *parts):
                has(err, part)
        code, out, err = once("--config", path + "-none")
        equal((code, out), (2, ""))
        has(err, "No such file")


@case("a rule for an operation or a dialect that there is not is told, at the start and at a reload")
def _():
    for text, word in (("[operations]\nallow=run\nblock=rum\n", ":3: a rule for operation 'rum'"),
                       ("[operations]\nblock=run\n[dialect frames]\nallow=rum\n", ":4: a rule for operation 'rum'"),
                       ("[dialect frame]\nblock=run\n", ":2: rules for dialect 'frame'")):
        with folder() as name:
            path = os.path.join(name, "c")
            write(path, text.encode())
            for options in (["--listen", f"unix:{name}/s"], ["--print-config"]):
                code, out, err = once("--config", path, *options)
                equal((code, out, err.count("\n"), os.listdir(name)), (2, "", 1, ["c"]))
                has(err, path + word)
        with configured("") as agent:
            agent.reconfigure(text, expect="not reloaded")
            has(agent.log.text(), word)
            equal(agent.ask("ping")["ok"], True)
            equal(agent.run("exit 3").end["exit_code"], 3)
    code, _, err = once("--block", "rum", "--listen", "unix:/nowhere/s")
    equal(code, 2)
    has(err, "--block: a rule for operation 'rum'")


@case("an endpoint whose transport or dialect there is not is told with its line, at the start and at a reload")
def _():
    for endpoint, word in (("nope:1", "no transport 'nope'"), ("vsock:1=zzz", "no dialect 'zzz'"), ("unix:/s=nova", "'nova' is not spoken over unix")):
        text = f"[limits]\nruns=7\n[agent]\nlisten={endpoint}\n"
        with folder() as name:
            path = os.path.join(name, "c")
            write(path, text.encode())
            for options in (["--print-config"], ["--check"], []):
                code, out, err = once("--config", path, *options)
                equal((code, out, err.count("\n")), (2, "", 1))
                has(err, f"{path}:4: ")
                has(err, word)
            write(path, f"[agent]\nlisten=unix:{name}/s\n".encode())
            with Agent("--config", path, listen="file") as agent:
                agent.log.wait_for("listening on")
                write(path, text.encode())
                agent.process.send_signal(signal.SIGHUP)
                agent.log.wait_for(f"not reloaded, all stays as it was: {path}:4: ")


# ---- peers and operations

@case("a user that is not listed gets its connection closed and one line in the log")
def _():
    with configured("[peers]\nunix-uids=12345\n") as agent:
        with agent.connect() as host:
            with contextlib.suppress(ConnectionResetError):
                equal(host.closed(), True)
        eventually(lambda: sum("refused" in line for line in agent.log.lines) == 1, what="one line")
        agent.reconfigure(f"[peers]\nunix-uids={os.geteuid()}\n")
        equal(agent.ask("ping")["ok"], True)


@case("a blocked operation is refused in its dialect's words, and info tells")
def _():
    with configured("[operations]\nblock=put_file\n[dialect frames]\nallow=info;get_file;put_file\n") as agent:
        write(agent.at("file"), b"x")
        equal(agent.ask("run", cmd="true"), {"ok": False, "op": "error", "error": "spawn failed: run is blocked in this guest"})
        equal(agent.put("target", b"x"), {"ok": False, "error": "put_file is blocked in this guest"})
        equal(agent.get(agent.at("file")).data, b"x")
        told = {one["name"]: one["enabled"] for one in agent.ask("info")["operations"]}
        equal({name for name, enabled in told.items() if enabled}, {"get_file", "info"})
        equal((told["put_file"], told["run"]), (False, False))
        equal(os.path.exists(agent.at("target")), False)


# ---- reload

@case("SIGHUP takes over limits and rules, and says what takes a restart")
def _():
    with configured("[limits]\nconnections=2\n") as agent:
        agent.reconfigure("[agent]\nlog-level=debug\nroot=/nowhere\n[limits]\nconnections=300\ngrace=0\n", expect="reloaded; changed")
        text = agent.log.text()
        for part in ("agent.root has changed, which takes a restart", "agent.log-level", "limits.connections", "limits.grace"):
            has(text, part)
        equal(agent.ask("info")["limits"]["connections"], 300)


@case("what waits for a restart is told at each reload until it is taken back")
def _():
    with configured("") as agent:
        def told(text):
            seen = len(agent.log.lines)
            agent.reconfigure(text, expect="reloaded; changed")
            return sum("takes a restart" in line for line in agent.log.lines[seen:])
        equal([told(text) for text in ("[agent]\nroot=/a\n", "[agent]\nroot=/a\n", "")], [1, 1, 0])


@case("a configuration that became wrong changes nothing")
def _():
    with configured("[limits]\nruns=7\n") as agent:
        agent.reconfigure("[limits]\nruns=none\nconnections=1\n", expect="not reloaded")
        limits = agent.ask("info")["limits"]
        equal((limits["runs"], limits["connections"]), (7, 256))


@case("reloads under a steady load lose no request")
def _():
    with configured("[limits]\nruns=8\n") as agent:
        failures, done, stop = [], [], threading.Event()

        def ask():
            while not stop.is_set():
                try:
                    done.append(agent.ask("ping")["ok"])
                except Exception as error:    # noqa: BLE001: whatever it is, it is a lost request
                    failures.append(error)
        asking = [threading.Thread(target=ask) for _ in range(3)]
        running = agent.start("echo begun; sleep 0.5; echo done")
        for one in asking:
            one.start()
        try:
            for number in range(10):
                agent.reconfigure(f"[limits]\nruns={number + 1}\n", expect="limits.runs")
            equal(running.ran().out, b"begun\ndone\n")
        finally:
            stop.set()
            for one in asking:
                one.join()
        equal((failures, all(done), len(done) > 100), ([], True, True))


# ---- the service manager

class Manager:
    """Hears what sd_notify(3) says."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name)
        self.socket.settimeout(10)
        self.name = name if isinstance(name, str) else "@" + name[1:].decode()

    def hears(self):
        return self.socket.recv(4096).decode()


@case("a service manager is told READY, RELOADING, STOPPING and WATCHDOG, and no child has its variables")
def _():
    with folder() as name:
        for address in (os.path.join(name, "notify"), b"\0bellhop-%d" % os.getpid()):
            manager = Manager(address)
            environment = {**os.environ, "NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "400000", "SHELL": "/bin/sh"}
            with configured("", env=environment) as agent:
                equal(manager.hears(), "READY=1")
                for _ in range(3):
                    equal(manager.hears(), "WATCHDOG=1")
                has(agent.run("env; echo end").out.decode(), "end")
                equal(b"NOTIFY_SOCKET" in agent.run("env").out, False)
                agent.process.send_signal(signal.SIGHUP)
                heard = []
                while "READY=1" not in heard:
                    heard.append(manager.hears())
                heard = [one for one in heard if one != "WATCHDOG=1"]
                equal((heard[0].startswith("RELOADING=1\nMONOTONIC_USEC="), heard[1:]), (True, ["READY=1"]))
                agent.process.terminate()
                agent.has_ended()
                while (last := manager.hears()) == "WATCHDOG=1":
                    pass
                equal(last, "STOPPING=1\nEXTEND_TIMEOUT_USEC=7000000")    # the drain time of two seconds, and what comes after it


@case("sockets that a service manager opened are served, in place of the usual port")
def _():
    with folder() as name, socket.socket(socket.AF_UNIX) as listener:
        path = os.path.join(name, "s")
        listener.bind(path)
        listener.listen()

        def hand_over():
            os.dup2(listener.fileno(), 3, inheritable=True)
        # LISTEN_PID is the agent's own: only a process that becomes the agent knows it.
        command = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0" --log-level info', BINARY]
        environment = {**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "frames"}
        process = subprocess.Popen(command, preexec_fn=hand_over, pass_fds=[3], stderr=subprocess.PIPE, env=environment)
        try:
            line = process.stderr.readline().decode()
            has(line, "listening on fd:3=frames")
            asking = Asking()
            asking.path = path
            equal(asking.ask("ping")["ok"], True)
            equal(b"LISTEN_FDS" in asking.run("env", shell="raw").out, False)
            process.terminate()
            equal(process.wait(10), 0)
            equal(os.path.exists(path), True, "a socket that is not ours was removed")
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


@case("the agent is the last to be killed for memory, its commands are not")
def _():
    try:
        write("/proc/self/oom_score_adj", b"-1")
        write("/proc/self/oom_score_adj", b"0")
    except PermissionError:
        skip("this user may not lower oom_score_adj (CAP_SYS_RESOURCE)")
    with Agent() as agent:
        equal(read(f"/proc/{agent.pid}/oom_score_adj").strip(), b"-1000")
        equal(agent.run("cat /proc/self/oom_score_adj").out, b"0\n")


@case("that the kernel may kill the agent is told to those who look for it")
def _():
    # Root's right to lower its score is CAP_SYS_RESOURCE; others have none.
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        skip("setpriv is not installed")
    limited = ["setpriv", "--bounding-set", "-sys_resource"] if os.geteuid() == 0 else []
    for level, wanted in (("debug", True), ("info", False)):
        with folder() as name:
            done = subprocess.run([*limited, BINARY, "--log-level", level, "--listen", f"unix:{name}"], stderr=subprocess.PIPE, timeout=20)
            equal((done.returncode, b"cannot set oom_score_adj" in done.stderr), (1, wanted), done.stderr)


# ---- the log

@case("what peers can provoke does not fill the log")
def _():
    with configured("[peers]\nunix-uids=12345\n") as agent:
        for _ in range(400):
            with agent.connect() as host, contextlib.suppress(ConnectionResetError):
                host.closed()
        equal(len(agent.log.lines) < 200, True, f"{len(agent.log.lines)} lines")


@case("the kernel's log can be the target")
def _():
    if os.geteuid() != 0 or not os.access("/dev/kmsg", os.W_OK):
        skip("needs root and /dev/kmsg")
    since = time.monotonic()
    with folder() as name:
        process = subprocess.Popen([BINARY, "--listen", f"unix:{name}/s", "--log-target", "kmsg"], stderr=subprocess.PIPE)

        def told():
            log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
            try:
                while True:
                    record = os.read(log, 8192).decode(errors="replace")
                    if f"bellhop-agent: listening on unix:{name}/s" in record and int(record.split(",")[2]) / 1e6 > since - 2:
                        return True
            except BlockingIOError:
                return False
            finally:
                os.close(log)
        try:
            eventually(told, what="the line in the kernel's log")
            process.terminate()
            equal((process.wait(10), process.stderr.read()), (0, b""))
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


@case("the journal can be the target, in its own protocol; where there is none, standard error is told")
def _():
    if os.geteuid() != 0:
        skip("needs root, to have a /run of its own")
    script = """
        mount -t tmpfs tmpfs /run
        mkdir -p /run/systemd/journal
        [ ! -e "$0/socket" ] || mount --bind "$0" /run/systemd/journal
        exec "$1" --log-target journal --listen "unix:$0/agent"
        """
    for there in (True, False):
        with folder() as name, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
            if there:
                journal.bind(f"{name}/socket")
                journal.settimeout(10)
            process = subprocess.Popen(["unshare", "--mount", "/bin/sh", "-euc", script, name, BINARY], stderr=subprocess.PIPE)
            try:
                if there:
                    equal(journal.recv(4096).decode(), f"PRIORITY=6\nSYSLOG_IDENTIFIER=bellhop-agent\nMESSAGE=listening on unix:{name}/agent=frames\n")
                else:
                    has(process.stderr.readline(), b"warning: there is no journal to log to, so to standard error")
                    has(process.stderr.readline(), b"info: listening on")
                process.terminate()
                equal((process.wait(10), process.stderr.read()), (0, b""))
            finally:
                process.kill()
                process.wait()
                process.stderr.close()


main()

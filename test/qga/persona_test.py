#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Called qemu-ga, the agent takes qemu-ga's options and configuration file. usage: persona_test.py BELLHOP-AGENT [--only WORD]
What Debian's qemu-ga (7.2) does with the same words is asked there; what is newer is written down here."""
import base64
import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import BINARY  # noqa: E402
from qga import Host, Oracle, Refused  # noqa: E402
from tap import case, equal, eventually, has, main  # noqa: E402

HOOK = pathlib.Path(__file__).resolve().parent.parent.parent / "tools/packaging/qga/fsfreeze-hook"
LINE = re.compile(r"[0-9]+\.[0-9]{6}: (critical|warning|info|debug): \S.*")


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="bellhop-persona-") as name:
        os.symlink(BINARY, os.path.join(name, "qemu-ga"))
        yield name


def oracle():
    if not Oracle.BINARY:
        raise AssertionError("no qemu-ga here; tools/install-needs build")
    return Oracle.BINARY


def once(program, *options, config=None, **popen):
    """(exit status, standard output, standard error) of one that ends by itself. `config`: what its file says."""
    with tempfile.TemporaryDirectory(prefix="bellhop-persona-") as name:
        path = os.path.join(name, "conf")
        if config is not None:
            pathlib.Path(path).write_bytes(config.encode())
        popen.setdefault("env", {"QGA_CONF": path})
        end = subprocess.run([program, *options], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, **popen)
    return end.returncode, end.stdout.decode(), end.stderr.decode()


class Running:
    """Called qemu-ga, on a unix socket, until the block is left."""

    def __init__(self, place, *options, config=None, state="-t", wait=True, **popen):
        self.path = os.path.join(place, "sock")
        self.log = os.path.join(place, "log")
        if config is not None:
            pathlib.Path(place, "conf").write_text(config)
        popen.setdefault("env", {"QGA_CONF": os.path.join(place, "conf")})
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([os.path.join(place, "qemu-ga"), "-m", "unix-listen", "-p", self.path, "-t", place, *options],
                                            stdin=subprocess.DEVNULL, stderr=log, **popen)
        if wait:
            self.wait()

    def wait(self):
        def answers():
            if self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode}: {self.said()}")
            with contextlib.suppress(OSError):
                Host(self.path).__exit__()
                return True
        eventually(answers, what="the socket")

    def said(self):
        return pathlib.Path(self.log).read_text()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        try:
            equal(self.process.wait(20), 0, f"exit status; it said {self.said()}")
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        if kind:
            print("# said:", self.said().replace("\n", "\n# "))


def refusal(host, command, arguments=None):
    """The class of the error, and what it says; None when there is none."""
    try:
        host.call(command, arguments)
    except Refused as error:
        return error.kind, error.desc


# ---- options and file

FILE = "[general]\nmethod=unix-listen\npath=/x\nlogfile=/l\npidfile=/p\nfsfreeze-hook=/h\nstatedir=/s\n"
DUMPS = [
    # options, the file
    ([], None), ([], ""), (["extra", "words"], None), (["-Dv"], None), (["--dump-conf", "--verb"], None),
    (["-m", "isa-serial"], None), (["--method=isa-serial", "--path", "/dev/ttyS1"], None),
    (["-m", "vsock-listen", "-p", "3:4"], None), (["-m", "foo", "-p", "/x"], None),
    (["-l", "/a", "-f", "/b", "-t", "/c", "-v", "-d", "-r"], None),
    (["--logfile=/a", "--pidfile=/b", "--statedir=/c", "--verbose", "--daemonize", "--retry-path"], None),
    (["-F"], None), (["-F/x/y"], None), (["-F", "/x"], None), (["--fsfreeze-hook=/z"], None), (["--fsfreeze-hook"], None),
    (["-b", "a,b,c"], None), (["-b", "a", "-b", "b,c", "--block-rpcs=d"], None), (["--blacklist=guest-ping"], None),
    (["-b", "a;b"], None), (["-b", " a , b "], None), (["-b", ""], None), (["-b", "a,,b"], None),
    ([], "[general]\nblock-rpcs=guest-ping;guest-get-time\n"), (["-b", "d,e"], "[general]\nblock-rpcs=a,b,c\n"),
    ([], "[general]\ndaemon=1\nverbose=0\nretry-path = true \n"), ([], "[general]\ndaemon=true\ndaemon=false\n"),
    (["-v"], FILE), (["-p", "/y", "-t", "/t", "-F/k"], FILE), (["-m", "isa-serial"], "[general]\ndaemon=true\n"),
    ([], "[general]\nmethod=isa-serial\n"), ([], "[general]\nfoo=bar\n[other]\nx=y\n"),
    ([], "[general]\npath = /a\\sb\\tc \n"), ([], "[general]\npath=\\s/x\n"), ([], "[general]\npath =/a;b\n"),
    ([], "[general]\nfsfreeze-hook=\n"), ([], "[general]\nlogfile=/\u00e4\n"), ([], "# c\n\n[general]\n# daemon=true\n"),
    ([], "[other]\ndaemon=true\n"),
]


@case("what is in force is printed as qemu-ga prints it")
def _():
    with folder() as place:
        for options, config in DUMPS:
            theirs, ours = (once(program, "-D", *options, config=config) for program in (oracle(), place + "/qemu-ga"))
            if options == ["--blacklist=guest-ping"] and theirs[1].startswith("Unknown option"):    # newer ones
                theirs = once(oracle(), "-D", "--block-rpcs=guest-ping")
            if "allow-rpcs=" not in theirs[1]:    # since 8.1
                has(ours[1], "\nallow-rpcs=\n")
                ours = (ours[0], ours[1].replace("allow-rpcs=\n", ""), ours[2])
            equal(ours, (0, theirs[1], ""), f"{options} {config!r}")


@case("a file that cannot be understood, or a line without a path, ends with 1 as qemu-ga does")
def _():
    bad = ["junk\n", "[general]\njunk\n", "daemon=true\n", "[general\n", "[general]\n=x\n", "[general]\n;x\n"]
    bad += [f"[general]\n{line}\n" for line in ("daemon=yes", "daemon=TRUE", "daemon=", "verbose=2", "path=/a\\xb", "method=unix-listen")]
    with folder() as place:
        for config in bad:
            equal(once(oracle(), "-D", config=config)[0], 1, f"theirs, {config!r}")
            code, out, err = once(place + "/qemu-ga", "-D", config=config)
            equal((code, out), (1, ""), repr(config))
            equal([bool(LINE.fullmatch(line)) and " critical: " in line for line in err.splitlines()], [True], err)


@case("what cannot be started ends with 1 and one line that says why")
def _():
    with folder() as place:
        at = ["-p", place + "/sock"]
        for options, words in ((["--nope"], None), (["-x"], None), (["-m"], None),
                               (["-m", "foo"], "must specify a path"), (["-m", "unix-listen"], "must specify a path"),
                               (["-m", "foo", *at], "unsupported channel method/type: foo"),
                               (["-m", "vsock-listen", "-p", "1234"], "'1234'"),
                               (["-m", "virtio-serial", "-p", place + "/none"], place + "/none"),
                               (["-m", "isa-serial", "-p", place + "/none"], place + "/none")):
            equal(once(oracle(), *options)[0], 1, f"theirs, {options}")
            code, out, err = once(place + "/qemu-ga", *options)
            equal(code, 1, f"{options}")
            if words:
                equal((out, err.count("\n"), " critical: " in err), ("", 1, True), err)
                has(err, words)
            else:
                has(out, "--help")
        # Its 7.2 says so and ends with 0.
        for options in (["-t", place + "/none"], ["-l", place + "/none/log"], ["-t", place + "/qemu-ga"]):
            code, out, err = once(place + "/qemu-ga", "-m", "unix-listen", *at, *options)
            equal((code, out, err.count("\n")), (1, "", 1), err)
            has(err, options[1])
            equal(os.path.exists(place + "/sock"), False)


@case("--config names the file, which has to be there, and wins over QGA_CONF, which need not; lists of both kinds come together")
def _():
    with folder() as place:
        path = place + "/c"
        pathlib.Path(path).write_text("[general]\npath=/named\nallow-rpcs=a,b\nblock-rpcs=x\nblacklist=y\nstrict=true\nfreeze-lease=60\n")
        code, out, err = once(place + "/qemu-ga", "-c", path, "-D", "-a", "c", "--allow-rpcs=d", "-b", "z", "--skip-unopenable",
                              config="[general]\nstatedir=/no\n")
        equal((code, err), (0, ""))
        equal(out.splitlines()[-5:], ["block-rpcs=x,y,z", "allow-rpcs=b,a,c,d", "strict=true", "skip-unopenable=true", "freeze-lease=60"])
        has(out, "\npath=/named\n")
        has(out, "\nstatedir=/var/run\n")
        pathlib.Path(path).write_text(out)
        equal(once(place + "/qemu-ga", f"--config={path}", "-D")[1].count("\n"), out.count("\n"), "what was printed is a file")
        equal(once(place + "/qemu-ga", "-c", place + "/none", "-D")[0], 1)
        equal(once(place + "/qemu-ga", "-D", env={"QGA_CONF": place})[0], 1, "a directory")
        for program in (oracle(), place + "/qemu-ga"):
            equal(once(program, "-D")[0], 0, "no file where QGA_CONF says")
        equal(once(place + "/qemu-ga", "--freeze-lease", "soon", "-m", "unix-listen", "-p", place + "/s")[0], 1)


@case("version, help and the commands' names, whatever else is said")
def _():
    with folder() as place:
        code, out, err = once(place + "/qemu-ga", "-V")
        equal((code, err), (0, ""))
        equal(bool(re.fullmatch(r"QEMU Guest Agent [0-9]+(\.[0-9]+)+\n", out)), True, out)
        equal(once(place + "/qemu-ga", "--version", "-x"), (code, out, err))
        code, out, err = once(place + "/qemu-ga", "-h")
        equal((code, err), (0, ""))
        for word in ("--help", "--method", "--path", "--logfile", "--pidfile", "--fsfreeze-hook", "--statedir", "--verbose", "--version",
                     "--daemonize", "--block-rpcs", "--allow-rpcs", "--dump-conf", "--retry-path", "--config"):
            has(out, word)
        theirs = set(once(oracle(), "-b", "help")[1].split()) - {"guest-get-devices"}    # that is Windows'
        for options in (["-b", "help"], ["-b", "?"], ["--block-rpcs=help", "-D"], ["-a", "?"]):
            code, out, err = once(place + "/qemu-ga", *options)
            equal((code, err), (0, ""))
            equal(sorted(theirs - set(out.split())), [], "not ours")


@case("`bellhop-agent qemu-ga` is the same; anything else called differently is not")
def _():
    with folder() as place:
        equal(once(BINARY, "qemu-ga", "-D", "-v"), once(place + "/qemu-ga", "-D", "-v"))
        equal(once(BINARY, "-D")[0], 2)
        equal(once("./qemu-ga", "-V", cwd=place), once(place + "/qemu-ga", "-V"))


# ---- lists

@case("lists of commands are separated by commas, ';' and blanks; qemu-ga silently blocks nothing by some of them")
def _():
    for text in ("guest-ping,guest-get-time", "guest-ping;guest-get-time", " guest-ping , guest-get-time", "guest-ping; guest-get-time;"):
        for options, config in ((["-b", text], None), ([], f"[general]\nblock-rpcs={text}\n")):
            with folder() as place, Running(place, *options, config=config) as agent, Host(agent.path) as host:
                for command in ("guest-ping", "guest-get-time"):
                    kind, desc = refusal(host, command)
                    equal(kind, "CommandNotFound", text)
                    has(desc, f"Command {command} has been disabled")
                equal(host.call("guest-sync", {"id": 5}), 5)
                enabled = {one["name"]: one["enabled"] for one in host.call("guest-info")["supported_commands"]}
                equal([enabled[name] for name in ("guest-ping", "guest-get-time", "guest-info")], [False, False, True])
                equal(agent.said(), "")
    oracle()
    with Oracle("-b", "guest-ping;guest-get-time") as theirs, Host(theirs.path) as host:
        equal(host.call("guest-ping"), {}, "theirs blocks it: then we need not tell")


@case("an allow-list leaves nothing else, also one without a name in it; what is blocked stays blocked")
def _():
    with folder() as place, Running(place, "-a", "guest-ping,guest-info", "-b", "guest-info") as agent, Host(agent.path) as host:
        equal(host.call("guest-ping"), {})
        for command in ("guest-info", "guest-sync", "guest-get-time"):
            equal(refusal(host, command)[0], "CommandNotFound", command)
    with folder() as place, Running(place, "-a", ",") as agent, Host(agent.path) as host:
        equal(refusal(host, "guest-ping")[0], "CommandNotFound")


@case("a name in a list that is no command is told, and with --strict the agent does not start")
def _():
    with folder() as place:
        with Running(place, "-b", "guest-pong") as agent, Host(agent.path) as host:
            equal(host.call("guest-ping"), {})
            equal([bool(LINE.fullmatch(line)) for line in agent.said().splitlines()], [True])
            has(agent.said(), "warning: ")
            has(agent.said(), "'guest-pong'")
        code, _, err = once(place + "/qemu-ga", "--strict", "-b", "guest-pong", "-m", "unix-listen", "-p", place + "/sock", "-t", place)
        equal((code, err.count("\n")), (1, 1))
        has(err, "'guest-pong'")


@case("SIGHUP reads the file again")
def _():
    with folder() as place, Running(place, "-v", config="[general]\nblock-rpcs=guest-ping\n") as agent, Host(agent.path) as host:
        equal(refusal(host, "guest-ping")[0], "CommandNotFound")
        pathlib.Path(place, "conf").write_text("[general]\nblock-rpcs=guest-info\n")
        agent.process.send_signal(signal.SIGHUP)
        eventually(lambda: "reloaded" in agent.said(), what="the reload")
        equal(host.call("guest-ping"), {})
        pathlib.Path(place, "conf").write_text("junk\n")
        agent.process.send_signal(signal.SIGHUP)
        eventually(lambda: "not reloaded" in agent.said(), what="the refusal")
        equal(refusal(host, "guest-info")[0], "CommandNotFound")


# ---- running

@case("a stale socket is replaced, the environment may be empty, the working directory stays, and the end is prompt")
def _():
    with folder() as place:
        socket.socket(socket.AF_UNIX).bind(place + "/sock")
        times = []
        for _ in range(3):    # one of which nothing else on this machine has held up
            with Running(place, "-p", "sock", "-t", ".", cwd=place, env={}) as agent, Host(agent.path) as host:
                equal(host.call("guest-ping"), {})
                equal(os.readlink(f"/proc/{agent.process.pid}/cwd"), os.path.realpath(place))
                begin = time.monotonic()
                agent.process.terminate()
                equal(agent.process.wait(20), 0, "with a client")
                times.append(time.monotonic() - begin)
            equal(agent.said(), "")
        equal(min(times) < 1, True, f"the end took {times}")
        equal(sorted(os.listdir(place)), ["log", "qemu-ga"])


@case("several clients are served at once")
def _():
    with folder() as place, Running(place) as agent:
        with contextlib.ExitStack() as all_of_them:
            hosts = [all_of_them.enter_context(Host(agent.path)) for _ in range(5)]
            for host in reversed(hosts):
                equal(host.call("guest-ping"), {})


@case("a client that hangs up on an unread answer ends nobody but itself; qemu-ga it ends")
def _():
    def hang_up(path, pid, wait):
        with Host(path) as host:
            host.send(b'{"execute":"guest-info"}\n')
            # The answer has to be there, unread.
            eventually(lambda: struct.unpack("i", fcntl.ioctl(host.socket, 0x541B, b"\0" * 4))[0] > 0, what="an answer")
        wait(pid)
    with folder() as place, Running(place) as agent:
        for _ in range(20):
            hang_up(agent.path, agent.process.pid, lambda pid: None)
        with Host(agent.path) as host:
            equal(host.call("guest-ping"), {})
    oracle()
    with Oracle() as theirs:
        hang_up(theirs.path, theirs.process.pid, lambda pid: eventually(lambda: theirs.process.poll() is not None, what="qemu-ga's end"))


@case("the log: errors and warnings only, everything with -v; -l puts it at the end of a file")
def _():
    with folder() as place:
        pathlib.Path(place, "l").write_text("before\n")
        with Running(place, "-v", "-l", place + "/l") as agent, Host(agent.path) as host:
            equal(host.call("guest-ping"), {})
            equal(agent.said(), "")
        before, *lines = pathlib.Path(place, "l").read_text().splitlines()
        equal(before, "before")
        equal([line for line in lines if not LINE.fullmatch(line)], [])
        has("\n".join(lines), f"info: listening on unix:{place}/sock=qga")


@case("a port that is not there is waited for with -r")
def _():
    with folder() as place:
        with Running(place, "-m", "virtio-serial", "-p", place + "/port", "-r", wait=False) as agent:
            eventually(lambda: "port" in agent.said(), what="a line about it")
            equal(agent.process.poll(), None)
            has(agent.said(), "warning: ")


@case("a service manager's one listening socket takes the place of method and path; two, or another kind, it refuses")
def _():
    def start(place, fds, count, *options, **popen):
        script = f'exec env -i LISTEN_PID=$$ LISTEN_FDS={count} "$0" "$@"'

        def hand_over():
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in fds]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
        return subprocess.Popen(["/bin/sh", "-c", script, place + "/qemu-ga", "-t", place, *options], stdin=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, preexec_fn=hand_over, close_fds=False, **popen)

    with folder() as place, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place + "/sock")
        listening.listen()
        agent = start(place, [listening.fileno()], 1, "-m", "unix-listen")
        with Host(place + "/sock") as host:
            equal(host.call("guest-ping"), {})
            environment = pathlib.Path(f"/proc/{agent.pid}/environ").read_text()
            has(environment, "LISTEN_FDS=1")
            with contextlib.suppress(Refused):    # where guest-exec is: children do not find them
                pid = host.call("guest-exec", {"path": "/usr/bin/env", "capture-output": True})["pid"]
                status = eventually(lambda: (s := host.call("guest-exec-status", {"pid": pid}))["exited"] and s, what="the end of env")
                equal("out-data" in status and b"LISTEN" in base64.b64decode(status["out-data"]), False)
            agent.terminate()
            equal(agent.wait(20), 0)
        with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as idle:
            tcp.listen()
            for fds, count in (([listening.fileno()] * 2, 2), ([tcp.fileno()], 1), ([idle.fileno()], 1)):
                agent = start(place, fds, count)
                err = agent.communicate(timeout=20)[1].decode()
                equal((agent.returncode, err.count("\n"), " critical: " in err), (1, 1, True), err)


# ---- as a daemon

def alive(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


@contextlib.contextmanager
def daemon(place, *options):
    """Its process id. It is ended when the block is left, and takes its pid file with it."""
    pid_file = pathlib.Path(place, "pid")
    equal(once(place + "/qemu-ga", "-d", "-f", str(pid_file), "-m", "unix-listen", "-p", place + "/sock", "-t", place, *options), (0, "", ""))
    pid = int(pid_file.read_text())
    try:
        yield pid
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not alive(pid), what="the daemon's end")
        equal(pid_file.exists(), False, "its pid file is there")
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


@case("-d: when the parent has ended the daemon answers, in a session of its own, in /, with umask 077 and nothing left open")
def _():
    with folder() as place, daemon(place, "-l", place + "/l", "-v") as pid:
        with Host(place + "/sock") as host:    # at once
            equal(host.call("guest-ping"), {})
        equal(os.getsid(pid), pid)
        equal(os.readlink(f"/proc/{pid}/cwd"), "/")
        equal(re.search(r"Umask:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1], "0077")
        equal([os.readlink(f"/proc/{pid}/fd/{n}") for n in range(3)], ["/dev/null", "/dev/null", os.path.realpath(place + "/l")])
        equal(pathlib.Path(place, "pid").read_text(), f"{pid}\n")
        has(pathlib.Path(place, "l").read_text(), "info: listening")
    with folder() as place, daemon(place) as pid:
        equal([os.readlink(f"/proc/{pid}/fd/{n}") for n in range(3)], ["/dev/null"] * 3)


@case("-d: a daemon that cannot serve is told by its parent: the pid file is held, the socket cannot be made")
def _():
    with folder() as place, daemon(place) as pid:
        for options in (["-f", place + "/pid", "-p", place + "/other"], ["-f", place + "/pid2", "-p", place + "/none/sock"]):
            code, out, err = once(place + "/qemu-ga", "-d", "-m", "unix-listen", "-t", place, *options)
            equal((code, out, err.count("\n"), " critical: " in err), (1, "", 1, True), err)
        equal(int(pathlib.Path(place, "pid").read_text()), pid)
        equal(sorted(os.listdir(place)), ["pid", "qemu-ga", "sock"])
        with Host(place + "/sock") as host:
            equal(host.call("guest-ping"), {})


@case("fsfreeze-hook runs what is in its folder by name, leaves out what a package manager or an editor left, and one failure stops nothing")
def _():
    with folder() as place:
        hook = place + "/fsfreeze-hook"
        shutil.copy(HOOK, hook)
        equal(once(hook, "freeze")[0], 0, "without a folder")
        os.mkdir(hook + ".d")
        for name in ("30 c", "10-a", "20-b", "10-a~", "x.dpkg-old", "y.rpmsave", "plain"):
            pathlib.Path(hook + ".d", name).write_text(f"#!/bin/sh\necho '{name}' $1 >> {place}/heard\necho out\nexit 1\n")
            os.chmod(f"{hook}.d/{name}", 0o644 if name == "plain" else 0o755)
        for word in ("freeze", "thaw"):
            equal(once(hook, word, env={"PATH": "/usr/bin:/bin"})[0], 0)
        equal(once(hook, "other")[0], 2)
        equal(pathlib.Path(place, "heard").read_text().splitlines(),
              [f"{name} {word}" for word in ("freeze", "thaw") for name in ("10-a", "20-b", "30 c")])


# ---- Proxmox VE: a connection for each command, both requests in one write, and what it reads has exactly two lines

def proxmox(path, number, command, arguments=None):
    request = '{"execute":"guest-sync-delimited","arguments":{"id":%d}}\n' % number
    with Host(path) as host:
        host.send((request + json.dumps({"execute": command, "arguments": arguments or {}})).encode() + b"\n")
        said = b""
        while not (match := re.fullmatch(rb"\xff([^\n]+\})\r?\n([^\n]+\})\r?\n", said)):
            data = host.socket.recv(1 << 16)
            if not data:
                raise AssertionError(f"hung up after {said!r}")
            said += data
        equal(json.loads(match[1]), {"return": number})
        return json.loads(match[2])


@case("Proxmox: ping, info, a command with its output, a file with newlines in its base64, set-user-password alike")
def _():
    with folder() as place, Running(place) as agent:
        number = iter(range(1230, 10000))

        def ask(command, arguments=None):
            equal(proxmox(agent.path, next(number), "guest-ping"), {"return": {}})
            return proxmox(agent.path, next(number), command, arguments)

        have = {one["name"] for one in ask("guest-info")["return"]["supported_commands"]}
        text = bytes(range(256)) * 20
        lined = base64.encodebytes(text).decode()    # a newline after each 76 characters, and at the end
        for command in ("guest-exec", "guest-file-open", "guest-set-user-password"):
            equal(command in have, True, f"no {command}")
        pid = ask("guest-exec", {"path": "cat", "arg": [], "capture-output": True, "input-data": lined})["return"]["pid"]
        status = eventually(lambda: (s := ask("guest-exec-status", {"pid": pid})["return"])["exited"] and s, what="the end of cat")
        equal((status["exitcode"], base64.b64decode(status["out-data"])), (0, text))
        path = place + "/file"
        handle = ask("guest-file-open", {"path": path, "mode": "wb"})["return"]
        equal(ask("guest-file-write", {"handle": handle, "buf-b64": lined})["return"]["count"], len(text))
        equal(ask("guest-file-close", {"handle": handle}), {"return": {}})
        handle = ask("guest-file-open", {"path": path})["return"]
        equal(ask("guest-file-seek", {"handle": handle, "offset": 256, "whence": "set"})["return"]["position"], 256)
        answer = ask("guest-file-read", {"handle": handle, "count": 1 << 20})["return"]
        equal((base64.b64decode(answer["buf-b64"]), answer["eof"]), (text[256:], True))
        equal(ask("guest-file-close", {"handle": handle}), {"return": {}})
        answer = ask("guest-set-user-password", {"username": "nosuchuser-bellhop", "password": lined, "crypted": False})
        equal("Base64" in answer["error"]["desc"], False, answer["error"]["desc"])


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The agent as a process: command line, endpoints, sockets it finds, inherited descriptors, its end. usage: life_test.py BELLHOP-AGENT [--only WORD]"""
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from agent import BINARY, Agent, Log, alive, dies, once, system_call_fails  # noqa: E402
from frames import DATA, JSON, OUT, Asking, Host, Torn, data_frames, listens, read, request, request_of_put, write  # noqa: E402
from tap import case, equal, eventually, has, main, skip  # noqa: E402


class At(Asking):
    def __init__(self, path):
        self.path = path


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="bellhop-wire-") as name:
        yield name


def refused(*options, status=1, naming=(), **popen):
    """The agent does not start: nothing on standard output, one line on standard error that names these."""
    code, out, err = once(*options, **popen)
    equal((code, out, err.count("\n")), (status, "", 1), f"{options}: {err!r}: exit status, stdout, lines")
    equal(err.startswith("bellhop-agent: "), True, err)
    for part in naming:
        has(err, part)


def hears_no_answer(host, but=()):
    """The end, in whatever manner an agent that ends may bring it. `but`: the tags that may come before it."""
    with contextlib.suppress(ConnectionResetError, Torn):
        for tag, payload in host.frames():
            equal(tag in but, True, f"a frame {tag}: {payload!r:.300}")


# ---- the command line

@case("--help and --version say so on standard output and end with 0")
def _():
    for option in ("--help", "-h"):
        code, out, err = once(option)
        equal((code, err), (0, ""))
        for word in ("--listen", "--log-level", "--max-connections", "--max-runs", "--max-frame", "--max-buffered", "--idle-timeout",
                     "--stall-timeout", "--grace", "--help", "--version", "unix:", "vsock:", "fd:", "frames", "LISTEN_FDS"):
            has(out, word)
    for option in ("--version", "-V"):
        code, out, err = once(option)
        equal((code, err, out.startswith("bellhop-agent "), out.count("\n")), (0, "", True, 1))
    with Agent() as agent:
        equal(out.split()[1], agent.ask("ping")["agent_version"])


@case("--help that cannot be written ends with 1")
def _():
    with open("/dev/full", "w") as full:
        equal(subprocess.run([BINARY, "--help"], stdout=full, stderr=subprocess.DEVNULL, timeout=20).returncode, 1)


@case("a wrong option ends with 2 and is named")
def _():
    for options, name in (
            (["--nope"], "--nope"), (["--help=1"], "--help=1"), (["-x"], "-x"), (["-xy"], "-x"), (["word"], "'word'"), (["--", "word"], "'word'"),
            (["--listen"], "--listen"), (["-l"], "-l"), (["--max-runs"], "--max-runs"),
            (["--listen", "unix"], "'unix'"), (["--listen", ":x"], "':x'"), (["--listen", ""], "''"), (["--listen", "unix:/x="], "'unix:/x='"),
            (["--log-level", "loud"], "'loud'"), (["--log-level", ""], "''")):
        refused(*options, status=2, naming=(name,))


@case("a count or a time that is none ends with 2, and option and value are named")
def _():
    for option, bad in (
            ("--max-connections", ("0", "-1", "1x", "x", "", "1.5", "+1", " 1", "99999999999999999999")), ("--max-runs", ("0", "-1", "many")),
            ("--max-frame", ("0", "1023", "16777217", "16M")), ("--max-buffered", ("0", "4095", "-1", "1e9")),
            ("--idle-timeout", ("-1", "nan", "inf", "", "1x", "soon", "1e300")), ("--stall-timeout", ("-0.1", "-inf", "never")),
            ("--grace", ("-1", "nan", "0,2"))):
        for value in bad:
            refused(f"{option}={value}", status=2, naming=(option, f"'{value}'"))


@case("an unknown transport or dialect, a dialect that its transport cannot carry, or an address that is none, is told and ends with 2")
def _():
    with folder() as where:
        good = ("--listen", f"unix:{where}/good")
        refused(*good, "--listen", "nope:1", status=2, naming=("--listen", "'nope'", "unix", "vsock", "fd"))
        refused(*good, "--listen", f"unix:{where}/s=zzz", status=2, naming=("--listen", "'zzz'", "frames"))
        refused(*good, "--listen", f"unix:{where}/s=nova", status=2, naming=("'nova' is not spoken over unix",))
        refused(*good, "--listen", "xenstore:=frames", status=2, naming=("'frames' is not spoken over xenstore",))
        refused(*good, "--listen", f"unix:{where}/s=frames,qga", status=2, naming=("one dialect at a time",))
        for address in ("x", "", "1:", ":1", "1:2:3", "-1", "4294967295", "99999999999", "1024 "):
            refused("--listen", "vsock:" + address, status=2, naming=(f"'{address}'",))
        refused("--listen", "unix:", status=2, naming=("unix",))
        for number in ("x", "", "-1", "0x3", "3 "):
            refused("--listen", "fd:" + number, status=2, naming=(number,))
        refused("--listen", "fd:99", naming=("99",))
        equal(os.listdir(where), [])


# ---- unix endpoints

@case("the socket's mode is 0600 whatever the umask")
def _():
    for umask in (0, 0o022, 0o077):
        with Agent(umask=umask) as agent:
            info = os.stat(agent.path)
            equal((stat.S_ISSOCK(info.st_mode), stat.S_IMODE(info.st_mode)), (True, 0o600), f"umask {umask:o}")


@case("a stale socket is replaced")
def _():
    with folder() as where:
        path = where + "/agent"
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(path)
            stale.listen()
        with Agent("--listen", "unix:" + path) as agent:
            equal(At(path).ask("ping")["ok"], True)
        equal(os.path.exists(path), False)


@case("a live socket is refused, and its agent serves on")
def _():
    with Agent() as agent:
        refused("--listen", "unix:" + agent.path, naming=(agent.path, f"bellhop-agent (pid {agent.pid}) is listening there"))
        equal(agent.ask("ping")["ok"], True)
        with contextlib.ExitStack() as held:    # one whose backlog is full is alive, too
            with folder() as where, socket.socket(socket.AF_UNIX) as busy:
                busy.bind(where + "/busy")
                busy.listen(0)
                for _ in range(3):
                    one = held.enter_context(socket.socket(socket.AF_UNIX))
                    one.setblocking(False)
                    one.connect_ex(where + "/busy")
                refused("--listen", f"unix:{where}/busy", naming=("another process is listening",))
                equal(os.path.exists(where + "/busy"), True)


@case("of twenty that start at once over one stale socket one lives, and the others say who it is")
def _():
    for _ in range(20):
        with folder() as where:
            path = where + "/agent"
            with socket.socket(socket.AF_UNIX) as stale:
                stale.bind(path)
            agents = [subprocess.Popen([BINARY, "--listen", "unix:" + path], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
                      for _ in range(20)]
            logs = {agent.pid: Log(agent.stderr) for agent in agents}
            try:
                eventually(lambda: sum(agent.poll() is None for agent in agents) <= 1, what="the end of nineteen")
                equal(At(path).ask("ping")["ok"], True)
                living, = [agent for agent in agents if agent.poll() is None]
                for agent in agents:
                    if agent is not living:
                        equal(agent.returncode, 1)
                        said = logs[agent.pid].end()
                        equal(any(f"(pid {living.pid}) is {what} there" in said for what in ("listening", "about to listen")), True, said)
                equal(os.listdir(where), ["agent"])
                living.terminate()
                equal((living.wait(20), os.listdir(where)), (0, []))
            finally:
                for agent in agents:
                    agent.kill()
                    agent.wait()


@case("a lock that a killed agent has left stops nobody, one that is held does")
def _():
    with folder() as where:
        path = where + "/agent"
        write(path + ".lock", b"")
        with Agent("--listen", "unix:" + path) as agent:
            equal(At(path).ask("ping")["ok"], True)
            equal(os.path.exists(path + ".lock"), False)
        with open(path + ".lock", "wb") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            refused("--listen", "unix:" + path, naming=(f"(pid {os.getpid()}) is about to listen there",))
        equal(os.listdir(where), ["agent.lock"])


@case("a path that is no socket is refused and untouched")
def _():
    with folder() as where:
        write(where + "/file", b"precious")
        os.mkdir(where + "/dir")
        os.mkfifo(where + "/fifo")
        os.symlink(where + "/file", where + "/link")
        for name in ("file", "dir", "fifo", "link"):
            refused("--listen", f"unix:{where}/{name}", naming=(f"{where}/{name}", "not a socket"))
        equal((read(where + "/file"), sorted(os.listdir(where))), (b"precious", ["dir", "fifo", "file", "link"]))


@case("a path that is too long, or has no directory, is told")
def _():
    with folder() as where:
        path = where + "/" + "x" * (108 - len(where) - 1)
        refused("--listen", "unix:" + path, status=2, naming=("107", path))
        fits = path[:-1]
        with Agent("--listen", "unix:" + fits):
            equal(At(fits).ask("ping")["ok"], True)
        equal(os.listdir(where), [])
    refused("--listen", "unix:/no/such/folder/agent", naming=("/no/such/folder/agent", "No such file or directory"))


@case("an agent that ends does not take its successor's socket with it")
def _():
    with folder() as where:
        path = where + "/agent"
        with Agent("--listen", "unix:" + path) as first:
            os.unlink(path)
            os.mkdir(where + "/between")    # the inode's number should not be the same by chance
            with Agent("--listen", "unix:" + path):
                first.stop()
                equal(At(path).ask("ping")["ok"], True)


@case("several endpoints are served at once, and = names the dialect")
def _():
    with folder() as where, Agent("-l", f"unix:{where}/one=frames", "--listen=unix:" + where + "/a=b=frames") as agent:
        for path in (agent.path, where + "/one", where + "/a=b"):
            equal(At(path).ask("ping")["ok"], True, path)


@case("one endpoint that cannot be had ends the start, and the others leave no socket")
def _():
    with folder() as where:
        write(where + "/file", b"")
        refused_line = f"{where}/file"
        code, out, err = once("--listen", f"unix:{where}/good", "--listen", f"unix:{where}/file")
        equal((code, os.listdir(where)), (1, ["file"]), err)
        has(err, refused_line)


@case("--check opens what an agent would listen on, leaves nothing, and tells how that one would end")
def _():
    with folder() as where:
        path = where + "/agent"
        code, out, err = once("--check", "--listen", "unix:" + path)
        equal((code, out, os.listdir(where)), (0, "", []), err)
        refused("--check", "--listen", f"unix:{where}/none/agent", naming=("none/agent",))
        refused("--check", "--listen", "vsock:77", status=3, naming=("AF_VSOCK",), preexec_fn=without_vsock())


# ---- a kernel without AF_VSOCK

def without_vsock():
    limit = system_call_fails("socket", socket.AF_VSOCK, errno.EAFNOSUPPORT)
    return limit or skip("the numbers of this machine's system calls are not known here")


@case("a kernel without AF_VSOCK is told, and ends an agent that has nothing else")
def _():
    limit = without_vsock()
    refused(status=3, naming=("vsock:1024", "AF_VSOCK"), preexec_fn=limit)
    refused("--listen", "vsock:77", status=3, naming=("vsock:77", "AF_VSOCK"), preexec_fn=limit)
    code, out, err = once("--listen", "vsock:77", "--listen", "vsock:78", preexec_fn=limit)
    equal(code, 3, err)


@case("a kernel without AF_VSOCK is only a warning where there is another endpoint")
def _():
    with Agent("--listen", "vsock:1024", preexec_fn=without_vsock()) as agent:
        agent.log.wait_for("AF_VSOCK")
        equal(any("warning" in line and "vsock:1024" in line for line in agent.log.lines), True, agent.log.text())
        equal(agent.ask("ping")["ok"], True)


@case("a vsock endpoint answers, from its own loopback")
def _():
    try:
        probe = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    except OSError as error:
        skip(f"this kernel has no AF_VSOCK: {error}")
    port = 100_000 + os.getpid()    # ports are the machine's, not the test's
    with probe, Agent("--listen", f"vsock:{port}") as agent:
        agent.log.wait_for(f"listening on vsock:{port}")
        probe.settimeout(1)    # it answers at once, or there is none
        try:
            probe.connect((1, port))    # VMADDR_CID_LOCAL
        except OSError as error:
            skip(f"no vsock loopback here (module vsock_loopback): {error}")
        with Host(probe, request(op="ping")) as host:
            equal(host.answer()["op"], "pong")


# ---- inherited descriptors

@contextlib.contextmanager
def inetd(*options, standard=False, **popen):
    """An agent on one end of a connection, and a Host on the other. `standard`: descriptors 0, 1 and 2 are all the socket."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        if standard:
            agent = Agent("--listen", "fd:0", *options, listen=None, stdin=theirs, stdout=theirs, stderr=theirs, **popen)
        else:
            agent = Agent("--listen", f"fd:{theirs.fileno()}", *options, listen=None, pass_fds=[theirs.fileno()], **popen)
        try:
            theirs.close()
            with Host(ours) as host:
                yield agent, host
        finally:
            agent.kill()


@case("on an inherited connection the agent serves it, and ends with 0 when the conversation ends")
def _():
    with inetd() as (agent, host):
        host.send(request(op="ping"))
        equal(host.answer()["op"], "pong")
        agent.has_ended()
    with inetd() as (agent, host):
        host.send(request(op="run", cmd="echo out; exit 3", shell="raw"))
        ran = host.ran()
        equal((ran.out, ran.end["exit_code"]), (b"out\n", 3))
        agent.has_ended()
    with inetd() as (agent, host):
        host.send(b"\x09\0\0\0\0")
        equal(host.closed(), True)
        host.close()
        agent.has_ended()


@case("on an inherited connection a hang-up ends the agent, its command and its upload")
def _():
    with inetd() as (agent, host):
        host.send(request(op="run", cmd="echo $$; exec sleep 300", shell="raw"))
        pid = int(host.first_output())
        host.close()
        agent.has_ended()
        dies(pid)
    with inetd() as (agent, host):
        host.send(request_of_put("file", b"12345") + data_frames(b"123"))
        eventually(agent.leftovers, what="the temporary file")
        host.close()
        agent.has_ended()
        equal(os.listdir(agent.root), [])
    with inetd() as (agent, host):
        host.close()
        agent.has_ended()


@case("where 0, 1 and 2 are the connection, no log line reaches the peer, and no command has it")
def _():
    with inetd("--log-level", "debug", standard=True) as (agent, host):
        host.send(request(op="run", cmd="readlink /proc/self/fd/0; ls -l /proc/$PPID/fd | grep -c socket", shell="raw"))
        ran = host.ran()
        equal((ran.out, ran.err), (b"/dev/null\n1\n", b""))
        agent.has_ended()
    with inetd("--log-level", "debug", standard=True) as (agent, host):
        host.send(b"\x02\0\0\0\x01x")    # worth a line in the log
        equal(host.closed(), True)
        host.close()
        agent.has_ended()
    with inetd("--listen", "unix:/no/such/folder/agent", standard=True) as (agent, host):
        host.closed()    # why it cannot start may be said here: nobody else is there to hear it
        agent.has_ended(1)


@case("an inherited listener is served like one of its own, and not removed")
def _():
    with folder() as where, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(where + "/theirs")
        listener.listen()
        for blocking in (True, False):
            listener.setblocking(blocking)
            with Agent("--listen", f"fd:{listener.fileno()}", listen=None, pass_fds=[listener.fileno()]):
                for _ in range(3):
                    equal(At(where + "/theirs").ask("ping")["ok"], True)
                equal(At(where + "/theirs").run("echo run").out, b"run\n")
            equal(os.path.exists(where + "/theirs"), True)


@case("a descriptor that is no stream socket is refused")
def _():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams, open("/dev/null") as file:
        for number in (datagrams.fileno(), file.fileno()):
            refused("--listen", f"fd:{number}", naming=(str(number), "stream socket"), pass_fds=[number])


# ---- the log

@case("a log that nobody reads, or that is gone, stops nothing")
def _():
    with folder() as where:
        ours, theirs = os.pipe()
        process = subprocess.Popen([BINARY, "--log-level", "debug", "--listen", f"unix:{where}/agent"], stdin=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        try:
            has(os.read(ours, 1000), b"listening")
            for _ in range(1500):    # some 100 bytes each: more than a pipe holds
                with At(where + "/agent").connect(b"\x02\0\0\0\x01x") as host:
                    host.closed()
            equal(At(where + "/agent").ask("ping")["ok"], True)
            os.close(ours)
            with At(where + "/agent").connect(b"\x02\0\0\0\x01x") as host:
                host.closed()
            equal(At(where + "/agent").ask("ping")["ok"], True)
            process.terminate()
            equal(process.wait(20), 0)
        finally:
            process.kill()
            process.wait()


def about_us(agent):
    return [line for line in agent.log.lines if f"pid {os.getpid()}" in line]


@case("--log-level error is silent about what goes well, and debug tells each broken conversation in one line")
def _():
    with Agent("--log-level", "debug") as agent:
        for bad in (b"\x02\0\0\0\x01x", b"\x01\0\0\0\x01{", b"\x01\xff\xff\xff\xff", b"CONNECT x\n"):
            told = about_us(agent)
            with agent.connect(bad) as host:
                host.closed()
            eventually(lambda: len(about_us(agent)) > len(told), what=f"a line about {bad!r}")
            equal(len(about_us(agent)), len(told) + 1, f"lines about {bad!r}: {agent.log.lines}")
    with folder() as where:
        path = where + "/agent"
        process = subprocess.Popen([BINARY, "--log-level", "error", "--listen", "unix:" + path], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        eventually(lambda: listens(path), what="the socket")
        eventually(lambda: not At(path).ask("zzz")["ok"])
        process.terminate()
        equal(process.communicate(timeout=20)[1], b"")
        equal(process.returncode, 0)


# ---- the end

@case("the agent's memory is closed to what it runs, which is open itself")
def _():
    if os.getuid():
        skip("needs root")
    drop, ptrace = 24, 19    # PR_CAPBSET_DROP, CAP_SYS_PTRACE
    with Agent(preexec_fn=lambda: ctypes.CDLL(None).prctl(drop, ptrace, 0, 0, 0)) as agent:
        equal(agent.run("exec 3< /proc/$$/mem && echo open").out, b"open\n")
        equal(agent.run("exec 3< /proc/$PPID/mem && echo open").out, b"")


@case("SIGTERM and SIGINT end an agent with nothing to do")
def _():
    for number in (signal.SIGTERM, signal.SIGINT):
        with Agent() as agent:
            agent.process.send_signal(number)
            agent.process.send_signal(number)
            agent.has_ended()
            equal(os.path.exists(agent.path), False)


def last_answer(host):
    frames = [(tag, payload) for tag, payload in host.frames() if tag != OUT]
    equal([tag for tag, _ in frames], [JSON])
    return json.loads(frames[0][1])


@case("SIGTERM lets what runs end by itself for a while, and answers it")
def _():
    with Agent("--drain-timeout", "10") as agent:
        host = agent.start("echo begun; sleep 0.3; echo done; exit 5")
        host.first_output()
        silent = agent.connect()
        agent.process.terminate()
        equal(silent.closed(), True)    # it has begun nothing
        equal(last_answer(host)["exit_code"], 5)
        agent.has_ended()


@case("a second SIGTERM ends at once")
def _():
    with Agent("--drain-timeout", "60") as agent:
        host = agent.start("echo $$; exec sleep 300")
        pid = int(host.first_output())
        agent.process.terminate()
        eventually(lambda: not os.path.exists(agent.path), what="no socket")
        agent.process.terminate()
        agent.has_ended(seconds=5)
        dies(pid)


@case("SIGTERM at work ends with 0 and leaves no command, no temporary file and no socket", ahead=True)
def _():
    with Agent("--max-runs", "2", "--drain-timeout", "0.1") as agent, contextlib.ExitStack() as hosts:
        write(agent.at("file"), b"")
        os.truncate(agent.at("file"), 100 << 20)
        silent = hosts.enter_context(agent.start("trap '' TERM HUP; echo $$; sleep 300 & echo $!; wait"))
        pids = silent.first_output()
        while pids.count(b"\n") < 2:
            pids += silent.first_output()
        loud = hosts.enter_context(agent.start("echo $$; exec yes"))
        pids += loud.first_output().split()[0] + b"\n"
        others = [hosts.enter_context(agent.connect(one)) for one in (
            request(op="run", cmd="echo waited > waited"), request(op="ping")[:9], b"",
            request(op="put_file", path="target", size=1000) + data_frames(b"abc"), request(op="put_file", path="/no/such/x", size=1000))]
        download = hosts.enter_context(agent.connect(request(op="get_file", path="file")))
        eventually(agent.leftovers, what="the temporary file")
        agent.turn()
        before = time.monotonic()
        agent.stop()
        equal(time.monotonic() - before < 4, True, "the end took longer than 4 s")
        for pid in pids.split():
            dies(int(pid))
        equal(last_answer(silent)["signal"], signal.SIGKILL)    # it does not hear SIGTERM
        hears_no_answer(loud, but=(OUT,))    # whose output nobody took
        equal(last_answer(others[0]), {"ok": False, "op": "error", "error": "spawn failed: the agent is ending"})
        for host in others[1:]:
            hears_no_answer(host)
        hears_no_answer(download, but=(JSON, DATA))
        equal(os.listdir(agent.root), ["file"])


@case("SIGTERM lets what a finished command left running live on")
def _():
    with Agent() as agent:
        pid = int(agent.run("sleep 300 & echo $!").out)
        try:
            agent.stop()
            equal(alive(pid), True)
        finally:
            os.kill(pid, signal.SIGKILL)


@case("an agent that is killed leaves no command of its own behind that holds its socket")
def _():
    with folder() as where:
        path = where + "/agent"
        first = Agent("--listen", "unix:" + path)
        try:
            with At(path).start("echo $$; exec sleep 300") as host:
                pid = int(host.first_output())
                first.process.kill()
                first.process.wait()
                hears_no_answer(host)    # the command does not have the connection either
            with Agent("--listen", "unix:" + path):
                equal(At(path).ask("ping")["ok"], True)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            first.kill()


@case("an idle agent sleeps: not one context switch in 3 s, fresh or after traffic", ahead=True)
def _():
    with Agent() as fresh, Agent("--max-connections", "20", "--idle-timeout", "1") as used:
        for _ in range(10):
            used.ask("ping"), used.ask("zzz"), used.run("echo x; exit 1"), used.put("f", bytes(100_000)), used.get("f"), used.get("/proc/version")
        used.run("sleep 10", timeout=0.05)
        os.kill(int(used.run("sleep 300 & echo $!").out), signal.SIGKILL)
        with contextlib.ExitStack() as hosts:
            for _ in range(30):
                hosts.enter_context(used.start("sleep 300"))
        with used.connect(b"\x09\0\0\0\0") as host:
            host.closed()
        used.quiet()
        before = fresh.switches(), used.switches()
        time.sleep(3)    # time itself
        equal((fresh.switches() - before[0], used.switches() - before[1]), (0, 0), "switches")



# ---- the process that orphans come to

def children_of(pid):
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


@case("as PID 1 it reaps what is orphaned, and its own commands keep their exit codes")
def _():
    if os.geteuid() != 0:
        skip("needs root, to make a pid namespace")
    with folder() as there:
        path = os.path.join(there, "agent")
        command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", BINARY, "--listen", f"unix:{path}"]
        outer = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "SHELL": "/bin/sh"})
        try:
            equal(b"listening" in outer.stderr.readline(), True)
            agent = At(path)
            inner, = children_of(outer.pid)
            for number in range(20):
                answer = agent.run(f"for i in 1 2 3 4 5; do (setsid sleep 0.0$i &) ; done; exit {number}").end
                equal(answer["exit_code"], number)
            equal(agent.run("cat /proc/1/comm").out, b"bellhop-agent\n")
            eventually(lambda: children_of(inner) == [], what="a PID 1 without children")
            os.kill(inner, signal.SIGTERM)
            equal(outer.wait(20), 0)
        finally:
            outer.kill()
            outer.wait()
            outer.stderr.close()


# ---- out of memory

@contextlib.contextmanager
def memory_group(limit):
    """A cgroup of either version whose members share so much memory."""
    if os.geteuid() != 0:
        skip("needs root, to make a memory cgroup")
    for base, limits in (("/sys/fs/cgroup/memory", ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")),
                         ("/sys/fs/cgroup", ("memory.max", "memory.swap.max"))):
        group = os.path.join(base, f"bellhop-test-{os.getpid()}")
        try:
            os.mkdir(group)
            write(os.path.join(group, limits[0]), str(limit).encode())
        except OSError:
            with contextlib.suppress(OSError):
                os.rmdir(group)
            continue
        with contextlib.suppress(OSError):
            write(os.path.join(group, limits[1]), b"0" if "swap" in limits[1] and base.endswith("cgroup") else str(limit).encode())
        try:
            yield group
        finally:
            eventually(lambda: not read(os.path.join(group, "cgroup.procs")).strip(), what="an empty cgroup")
            os.rmdir(group)
        return
    skip("no memory cgroup can be made here")


@case("a command that the kernel kills for memory is told as such, one that we kill is not")
def _():
    with memory_group(20 << 20) as group, Agent() as agent:
        answer = agent.run(f"echo $$ > {group}/cgroup.procs; exec {sys.executable} -c 'x = bytearray(1 << 28)'").end
        equal((answer["exit_code"], answer["oom"]), (-9, True))
        answer = agent.run("kill -9 $$").end
        equal((answer["exit_code"], answer["oom"]), (-9, False))


main()

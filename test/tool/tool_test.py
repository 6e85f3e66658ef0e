#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The host tool, as a user meets it. usage: tool_test.py BELLHOP AGENT [--only WORD]"""
import contextlib
import hashlib
import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from fakes import DATA, EOF, ERR, JSON, OUT, answer, fake, frame, hold, read_line, read_request, says  # noqa: E402
from tap import args, case, equal, eventually, has, main, skip  # noqa: E402

BELLHOP, AGENT = (os.path.abspath(path) for path in args)
ROOT = tempfile.mkdtemp(prefix="bellhop-tool-test-")
AT = f"unix:{ROOT}/agent"
PONG = answer(ok=True, op="pong", agent_version="9.9", proto=1)
EXIT_0 = answer(ok=True, op="exit", exit_code=0)
BLOB = bytes(range(256)) * 5000 + b"tail\0"


def command(*words, at=AT):
    return [BELLHOP, *(["--at", at] if at else []), *words]


def environment(**more):
    return {**{k: v for k, v in os.environ.items() if k != "BELLHOP_AT"}, **more}


def tool(*words, at=AT, **more):
    more.setdefault("env", environment())
    if "input" not in more:
        more.setdefault("stdin", subprocess.DEVNULL)
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("stderr", subprocess.PIPE)
    return subprocess.run(command(*words, at=at), timeout=50, **more)


def start(*words, at=AT, **more):
    more.setdefault("env", environment())
    more.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(command(*words, at=at), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def ends(done, code, out=b"", err=""):
    """Exit code, all of stdout, a part of stderr; without a part, stderr must be empty."""
    equal(done.returncode, code, f"exit code; stderr {done.stderr!r}")
    equal(done.stdout, out, "stdout")
    has(done.stderr.decode(), err)
    if not err:
        equal(done.stderr, b"", "stderr")


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(dir=ROOT) as name:
        yield name


def write(path, data, mode=0o644):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def mode_of(path):
    return os.stat(path).st_mode & 0o7777


@contextlib.contextmanager
def fake_agent(talk):
    with folder() as name, fake(name + "/s", talk) as at:
        yield at


# ---- ping, wait, info, the command line

@case("ping prints the agent's version and the round trip")
def _():
    done = tool("ping")
    equal((done.returncode, done.stderr), (0, b""))
    has(done.stdout.decode(), f"answers on {AT} in ")
    members = json.loads(tool("ping", "--json").stdout)
    equal((members["ok"], members["proto"]), (True, 1))
    has(done.stdout.decode(), members["agent_version"])
    assert 0 < members["round_trip_ms"] < 10_000, members


@case("info is a table for people and the agent's answer with --json")
def _():
    done = tool("info")
    equal((done.returncode, done.stderr), (0, b""))
    rows = {line[:12].strip(): line[12:] for line in done.stdout.decode().splitlines()}
    members = json.loads(tool("info", "--json").stdout)
    equal((members["ok"], members["op"]), (True, "info"))
    has(rows["agent"], members["agent_version"])
    has(rows["kernel"], os.uname().machine)
    equal(rows.get("system"), members["os"].get("PRETTY_NAME"))
    enabled = [operation["name"] for operation in members["operations"] if operation["enabled"]]
    equal(rows["operations"], ", ".join(enabled))


@case("info of an agent that does not know the word is a refusal, in its words")
def _():
    with fake_agent(says(answer(ok=False, error="unknown op 'info'"))) as at:
        ends(tool("info", at=at), 1, err="unknown op 'info'")


@case("wait returns as soon as an agent appears")
def _():
    with folder() as name:
        waiting = start("wait", "--timeout", "30", at=f"unix:{name}/s")
        time.sleep(0.05)    # not for an event: so that at least one try finds nobody
        with fake(name + "/s", says(PONG)):
            out, err = waiting.communicate(timeout=20)
    equal((waiting.returncode, out, err), (0, f"agent 9.9 answers on unix:{name}/s\n".encode(), b""))


@case("wait gives up at its limit and tells the last reason")
def _():
    ends(tool("wait", "--timeout", "0.2", at="unix:/nowhere/s"), 3, err="nobody listens on unix:/nowhere/s: No such file")
    ends(tool("wait", "--timeout", "0", at="unix:/nowhere/s"), 3, err="gave up after 1 try: ")
    with fake_agent(hold) as at:
        ends(tool("wait", "--timeout", "0.2", at=at), 3, err="is silent")


@case("wait tries no more when the agent has answered and that cannot be written")
def _():
    for words in (("wait",), ("wait", "--json")):
        with fake_agent(says(PONG)) as at, open("/dev/full", "w") as full:
            done = tool(*words, "--timeout", "20", at=at, stdout=full)
        equal(done.returncode, 1, done.stderr)
        has(done.stderr.decode(), "cannot write to stdout: No space left on device")
        equal(b"gave up" in done.stderr, False, done.stderr)


@case("get without a name to write to asks for nothing")
def _():
    asked = []
    with fake_agent(asked.append) as at:
        ends(tool("get", "/etc/hostname", "", at=at), 2, err="LOCAL is empty")
    equal(asked, [])


@case("wait outlives probes that are swallowed, refused or answered with nonsense")
def _():
    tries = []

    def talk(connection):
        tries.append(1)
        if len(tries) == 4:
            says(PONG)(connection)
        elif len(tries) == 3:
            says(b"HTTP/1.1 400 Bad Request\r\n\r\n")(connection)
        elif len(tries) == 2:
            hold(connection)
    with fake_agent(talk) as at:
        members = json.loads(tool("wait", "--json", at=at).stdout)
    equal((members["ok"], members["agent_version"], members["tries"]), (True, "9.9", 4))


@case("the endpoint comes from --at, else from BELLHOP_AT, else an error says what they take")
def _():
    equal(tool("ping", at=None, env=environment(BELLHOP_AT=AT)).returncode, 0)
    equal(tool("ping", "--at", AT + "=frames", at=None, env=environment(BELLHOP_AT="unix:/nowhere")).returncode, 0)
    none = tool("ping", at=None)
    ends(none, 2, err="Give --at ENDPOINT, or set BELLHOP_AT")
    has(none.stderr.decode(), "vsock:CID[:PORT]")


@case("a wrong endpoint is a usage error that says what is wrong")
def _():
    for at, why in [("nonsense", "no transport"), ("tcp:localhost", "unknown transport 'tcp'"), ("unix:", "path is empty"),
                    ("vsock:x", "numbers"), ("vsock:3:", "numbers"), ("vsock:3:99999999999", "numbers"), ("hybrid:", "path is empty"),
                    ("unix:/x=nope", "unknown dialect 'nope'"), ("unix:" + "x" * 200, "too long")]:
        ends(tool("ping", at=at), 2, err=why)


@case("a wrong command line is exit 2, or 125 for run")
def _():
    for words in [(), ("fly",), ("put", "x"), ("get",), ("ping", "--nope"), ("wait", "--timeout", "nan"), ("wait", "--timeout", "-1"),
                  ("put", "x", "y", "--mode", "9"), ("put", "x", "y", "--mode", "77777"), ("get", "x", "-", "--json")]:
        equal((words, tool(*words).returncode), (words, 2))
    for words in [("run",), ("run", "--"), ("run", "-c", "x", "--", "y"), ("run", "--shell", "fish", "-c", "x"), ("run", "ls", "-l"),
                  ("run", "--env", "x", "-c", "y"), ("run", "--timeout", "inf", "-c", "y"), ("run", "-c", b"\xff")]:
        equal((words, tool(*words).returncode), (words, 125))
    has(tool("run", "ls").stderr.decode(), "bellhop run -- uname -a")


@case("--help of every command goes to stdout, and --version")
def _():
    for words in [("--help",), ("-h",)] + [(name, "--help") for name in ("ping", "wait", "info", "run", "put", "get")]:
        done = tool(*words, at=None)
        ends(done, 0, out=done.stdout)
        for part in ("Usage: bellhop", "--at ENDPOINT", "--json", "Exit codes"):
            has(done.stdout.decode(), part)
    has(tool("--version", at=None).stdout.decode(), "bellhop ")


@case("nobody listening is exit 3, with the name and the cure; 125 for run")
def _():
    done = tool("ping", at="unix:/nowhere/s")
    ends(done, 3, err="nobody listens on unix:/nowhere/s")
    has(done.stderr.decode(), "bellhop --at unix:/nowhere/s wait")
    equal(tool("run", "-c", "true", at="unix:/nowhere/s").returncode, 125)
    members = json.loads(tool("ping", "--json", at="unix:/nowhere/s").stdout)
    equal(members["ok"], False)
    has(members["error"], "nobody listens")
    has(members["hint"], "wait")


@case("a socket that takes no connection in time is exit 3")
def _():
    with folder() as name, socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(name + "/s")
        listener.listen(0)
        first.connect(name + "/s")
        ends(tool("ping", "--connect-timeout", "0.2", at=f"unix:{name}/s"), 3, err="did not take the connection in time")


@case("files may have the names of commands, lists and options")
def _():
    for odd in ("ping", "run", "[a,b]", "-x", "--json", "a=b", "é", "new\nline"):
        with folder() as name:
            write(f"{name}/{odd}", b"x")
            ends(tool("get", "--", f"{name}/{odd}", odd + "2", cwd=name), 0)
            ends(tool("put", "--", odd, name + "/3", cwd=name), 0)
            equal((read(f"{name}/{odd}2"), read(name + "/3")), (b"x", b"x"), odd)


# ---- hybrid vsock

@case("hybrid: what follows the OK line's newline is the agent's")
def _():
    seen = []

    def vmm(connection):
        seen.append(read_line(connection))
        connection.sendall(b"OK 1073741824\n" + PONG)
        seen.append(read_request(connection)["op"])
    with fake_agent(vmm) as at:
        equal(tool("ping", at=at.replace("unix:", "hybrid:")).returncode, 0)
        equal(tool("ping", at=at.replace("unix:", "hybrid:") + ":52=frames").returncode, 0)
        eventually(lambda: len(seen) == 4, what="a VMM that has read two requests")    # it answers before it reads them
    equal(seen, [b"CONNECT 1024\n", "ping", b"CONNECT 52\n", "ping"])


@case("hybrid: every command works through the agent's own CONNECT")
def _():
    ends(tool("run", "--", "echo", "hi", at=AT.replace("unix:", "hybrid:")), 0, out=b"hi\n")


@case("hybrid: a refused port is exit 3, however the VMM refuses")
def _():
    for refusal in (b"", b"OK", b"no such port\n", b"x" * 100_000):
        def vmm(connection):
            read_line(connection)
            connection.sendall(refusal)
        with fake_agent(vmm) as at:
            ends(tool("ping", at=at.replace("unix:", "hybrid:")), 3, err="nobody listens on port 1024 of the guest behind hybrid:")


@case("hybrid: a silent VMM is not waited for")
def _():
    with fake_agent(hold) as at:
        ends(tool("ping", "--connect-timeout", "0.2", at=at.replace("unix:", "hybrid:")), 3, err="did not take the connection in time")


# ---- vsock

def vsock_loopback():
    """Whether this kernel connects a vsock socket to itself, asked without the tool."""
    try:
        with socket.socket(socket.AF_VSOCK) as listener, socket.socket(socket.AF_VSOCK) as dialler:
            listener.bind((socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY))
            listener.listen()
            dialler.settimeout(2)
            dialler.connect((1, listener.getsockname()[1]))    # 1: VMADDR_CID_LOCAL
            return None
    except OSError as reason:
        return f"no vsock loopback in this kernel ({reason})"


@case("vsock: ping, put and get work, and a port without a listener is exit 3")
def _():
    if reason := vsock_loopback():
        skip(reason)
    port = 20_000 + os.getpid() % 10_000
    agent = subprocess.Popen([AGENT, "--listen", f"vsock:{port}=frames", "--log-level", "warning"])
    try:
        at = f"vsock:1:{port}"
        equal(tool("wait", at=at).returncode, 0)
        with folder() as name:
            write(name + "/a", BLOB)
            ends(tool("put", name + "/a", name + "/b", at=at), 0)
            ends(tool("get", name + "/b", name + "/c", at=at), 0)
            equal(read(name + "/c") == BLOB, True)
        ends(tool("ping", at=f"vsock:1:{port + 1}"), 3, err="nobody listens")
    finally:
        agent.terminate()
        agent.wait()


@case("vsock: a guest that does not exist is exit 3")
def _():
    ends(tool("ping", "--connect-timeout", "1", at="vsock:4000000000"), 3, err="vsock")


# ---- run

@case("run: stdout, stderr and the exit code are the command's")
def _():
    ends(tool("run", "-c", "echo out; echo err >&2; exit 7"), 7, out=b"out\n", err="err\n")
    ends(tool("run", "--shell", "raw", "-c", "printf 'a\\000\\377b'"), 0, out=b"a\0\xffb")
    ends(tool("run", "--", "true"), 0)


@case("run: words behind -- arrive as they were given")
def _():
    words = ["", " ", "a b", "'", "''", '"', "\\", "\\n", "$HOME", "`id`", "$(id)", "*", "?", "~", "#x", "!x", "&", ";", "|", ">f", "a\nb", "\t", "-n",
             "--", "--json", "[a,b]", "{}", "%%", "A=1", "if", "é€😀", "x" * 50_000]
    done = tool("run", "--", "printf", "%s\\0", *words)
    ends(done, 0, out=b"".join(word.encode() + b"\0" for word in words))


@case("run: a keyword or an assignment behind -- is the command's name")
def _():
    for name in ("if", "A=1"):
        equal(tool("run", "--", name).returncode, 127)


@case("run: -c gives the line to the guest's shell untouched")
def _():
    ends(tool("run", "-c", "[ 1 = 1 ] && echo \"$((1+1))\" | tr 2 3"), 0, out=b"3\n")
    ends(tool("run", "-c", "[a,b]"), 127, err="[a,b]")


@case("run: --env sets variables")
def _():
    ends(tool("run", "--env", "A=1=2", "--env", "B=[x,y]", "--env", "C=", "-c", 'echo "$A $B ${C-unset}"'), 0, out=b"1=2 [x,y] \n")


@case("run: a signal is 128+N, a time limit 124, a command that does not start 125")
def _():
    ends(tool("run", "-c", "kill -9 $$"), 137)
    ends(tool("run", "-c", "kill -TERM $$"), 143)
    ends(tool("run", "--timeout", "0.2", "-c", "echo began; sleep 60"), 124, out=b"began\n", err="killed at its time limit of 0.2 s")
    ends(tool("run", "-c", ""), 125, err="missing 'cmd'")


@case("run: output comes when it is printed")
def _():
    with folder() as name:
        os.mkfifo(name + "/go")
        running = start("run", "-c", f"echo ready; read line < {name}/go; echo $line")
        equal(running.stdout.readline(), b"ready\n")
        with open(name + "/go", "w") as go:
            go.write("done\n")
        equal(running.communicate(timeout=20), (b"done\n", b""))


@case("run: much output on both streams loses nothing and mixes nothing")
def _():
    done = tool("run", "--shell", "raw", "-c", "head -c 30000000 /dev/zero & head -c 3000000 /dev/zero | tr '\\0' x >&2; wait")
    equal(done.returncode, 0)
    equal(hashlib.sha256(done.stdout).digest(), hashlib.sha256(bytes(30_000_000)).digest())
    equal(hashlib.sha256(done.stderr).digest(), hashlib.sha256(b"x" * 3_000_000).digest())


@case("run --json: one object with the output as text, and as base64 where text would lie")
def _():
    done = tool("run", "--json", "-c", "printf 'h\\303\\251\\n'; printf 'a\\377b' >&2; exit 3")
    members = json.loads(done.stdout)
    equal((done.returncode, members["ok"], members["exit_code"], done.stderr), (3, True, 3, b""))
    equal((members["stdout"], members["stderr"], members["stderr_base64"]), ("hé\n", "a\ufffdb", "Yf9i"))
    assert "stdout_base64" not in members
    limited = tool("run", "--json", "--timeout", "0.2", "-c", "echo x; sleep 60")
    members = json.loads(limited.stdout)
    equal((limited.returncode, members["op"], members["stdout"], members["exit_code"]), (124, "timeout", "x\n", None))


@case("run --json: output without end is refused at 64 MiB")
def _():
    done = tool("run", "--json", "-c", "yes")
    equal(done.returncode, 125)
    has(json.loads(done.stdout)["error"], "64 MiB")


@case("run: interrupting the tool ends the command")
def _():
    running = start("run", "-c", "echo $$; exec sleep 300")
    pid = int(running.stdout.readline())
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=20)
    equal(running.returncode, -signal.SIGINT)
    eventually(lambda: not os.path.exists(f"/proc/{pid}"), what="the command's end")


@case("a reader that goes away ends the tool quietly, as it ends any filter")
def _():
    with folder() as name:
        write(name + "/big", bytes(10_000_000))
        for words in (("run", "-c", "yes"), ("get", name + "/big", "-")):
            running = start(*words)
            running.stdout.read(10)
            running.stdout.close()
            running.wait(timeout=20)
            equal((running.returncode, running.stderr.read()), (-signal.SIGPIPE, b""))
            running.stderr.close()


@case("stdout that cannot be written is an error")
def _():
    with folder() as name, open("/dev/full", "wb") as full:
        write(name + "/f", b"x")
        for words, code in [(("get", name + "/f", "-"), 1), (("run", "-c", "echo"), 125), (("ping",), 1)]:
            done = tool(*words, stdout=full)
            equal(done.returncode, code)
            has(done.stderr.decode(), "cannot write to stdout: No space left")
        done = tool("ping", preexec_fn=lambda: os.close(1))
        equal(done.returncode, 1)
        has(done.stderr.decode(), "cannot write to stdout: Bad file descriptor")


# ---- put and get

@case("put and get carry binary, empty and odd sizes, with their modes")
def _():
    with folder() as name:
        for data in (b"", b"\0", BLOB, b"\xff" * 65536, os.urandom(3_000_001)):
            for mode in (0o600, 0o755, 0o444):
                write(name + "/a", data, mode)
                ends(tool("put", name + "/a", name + "/b"), 0)
                equal((read(name + "/b") == data, mode_of(name + "/b")), (True, mode), f"put {len(data)}")
                ends(tool("get", name + "/b", name + "/c"), 0)
                equal((read(name + "/c") == data, mode_of(name + "/c")), (True, mode), f"get {len(data)}")
                for file in ("/a", "/b", "/c"):
                    os.unlink(name + file)
        equal(os.listdir(name), [])


@case("put --mode sets the mode there")
def _():
    with folder() as name:
        write(name + "/a", b"x")
        ends(tool("put", "--mode", "0751", name + "/a", name + "/b"), 0)
        equal(mode_of(name + "/b"), 0o751)


@case("put - reads stdin: a pipe, a file from its position, nothing")
def _():
    with folder() as name:
        ends(tool("put", "-", name + "/pipe", input=BLOB), 0)
        equal((read(name + "/pipe") == BLOB, mode_of(name + "/pipe")), (True, 0o600))
        with open(write(name + "/a", BLOB), "rb", buffering=0) as file:
            file.seek(1000)
            ends(tool("put", "-", name + "/file", stdin=file), 0)
        equal(read(name + "/file") == BLOB[1000:], True)
        ends(tool("put", "-", name + "/empty"), 0)
        equal(read(name + "/empty"), b"")
        equal(sorted(os.listdir(name)), ["a", "empty", "file", "pipe"])


@case("put of a file whose size says nothing sends what is in it")
def _():
    with folder() as name:
        ends(tool("put", "/proc/version", name + "/v"), 0)
        equal(read(name + "/v"), read("/proc/version"))


@case("get - writes stdout, and nothing else")
def _():
    with folder() as name:
        write(name + "/a", BLOB)
        done = tool("get", name + "/a", "-")
        equal((done.returncode, done.stdout == BLOB, done.stderr), (0, True, b""))


@case("a directory as target takes the file under its own name")
def _():
    with folder() as name:
        os.makedirs(name + "/there")
        os.makedirs(name + "/here")
        write(name + "/a b", b"x")
        ends(tool("put", name + "/a b", name + "/there"), 0)
        equal(read(name + "/there/a b"), b"x")
        ends(tool("get", name + "/there/a b", name + "/here/"), 0)
        equal(read(name + "/here/a b"), b"x")
        ends(tool("put", "-", name + "/there", input=b"x"), 1, err="no filename was provided")
        ends(tool("get", name + "/there/..", name + "/here"), 2, err="gives no name")


@case("get replaces the file at its target, follows a link to it, and writes into a FIFO")
def _():
    with folder() as name:
        write(name + "/a", b"new", 0o640)
        write(name + "/old", b"old")
        os.symlink("old", name + "/link")
        ends(tool("get", name + "/a", name + "/link"), 0)
        equal((os.readlink(name + "/link"), read(name + "/old"), mode_of(name + "/old")), ("old", b"new", 0o640))
        os.mkfifo(name + "/fifo")
        running = start("get", name + "/a", name + "/fifo")
        equal(read(name + "/fifo"), b"new")
        equal(running.wait(timeout=20), 0)
        running.communicate()
        equal(sorted(os.listdir(name)), ["a", "fifo", "link", "old"])


@case("put and get of what is not there, is no file or may not land are exit 1, with the name")
def _():
    with folder() as name:
        write(name + "/a", b"x")
        ends(tool("get", "/no/such", name + "/b"), 1, err="No such file or directory: '/no/such'")
        ends(tool("get", name, name + "/b"), 1, err="the guest refused: ")
        ends(tool("get", name + "/a", name + "/none/b"), 1, err=f"cannot create a file in {name}/none/")
        ends(tool("put", name + "/none", name + "/b"), 1, err=f"cannot open {name}/none")
        ends(tool("put", name, name + "/b"), 1, err="is a directory")
        ends(tool("put", name + "/a", "/no/such/dir/b"), 1, err="the guest refused: ")
        equal(os.listdir(name), ["a"])


@case("a large put into nowhere is refused by the agent, not broken off")
def _():
    with folder() as name:
        write(name + "/big", bytes(20_000_000))
        ends(tool("put", name + "/big", "/no/such/dir/b"), 1, err="the guest refused: ")


@case("put and get --json tell what was copied")
def _():
    with folder() as name:
        write(name + "/a", BLOB, 0o640)
        for words, path in [(("put", name + "/a", name + "/b"), name + "/b"), (("get", name + "/a", name + "/c"), name + "/c")]:
            members = json.loads(tool(*words, "--json").stdout)
            equal((members["ok"], members["bytes"], members["mode"], members["path"]), (True, len(BLOB), 0o640, path))
        members = json.loads(tool("get", "/no/such", name + "/d", "--json").stdout)
        equal(members["ok"], False)
        has(members["error"], "No such file")


@case("put stops when the agent has refused before it has everything")
def _():
    for then in (hold, None):
        with folder() as name, fake_agent(says(answer(ok=False, error="not here"), then=then)) as at:
            write(name + "/big", bytes(50_000_000))
            ends(tool("put", name + "/big", "/x", at=at), 1, err="the guest refused: not here")


@case("put of a file that shrinks meanwhile is an error that names it")
def _():
    with folder() as name:
        path = write(name + "/big", bytes(50_000_000))

        def talk(connection):
            read_request(connection)
            os.truncate(path, 10_000_000)
            hold(connection)
        with fake_agent(talk) as at:
            ends(tool("put", path, "/x", at=at), 1, err=f"cannot send {path}: it became shorter")


@case("put calls an agent that hangs up midway, or praises half a file, broken")
def _():
    with folder() as name:
        write(name + "/big", bytes(50_000_000))
        with fake_agent(says()) as at:
            ends(tool("put", name + "/big", "/x", at=at), 4, err="hung up without an answer")
        with fake_agent(says(answer(ok=True), then=hold)) as at:
            ends(tool("put", name + "/big", "/x", at=at), 4, err="before all of it was sent")


@case("put and get give up on an agent that stands still")
def _():
    with folder() as name:
        write(name + "/big", bytes(50_000_000))
        with fake_agent(lambda connection: threading.Event().wait(5)) as at:
            ends(tool("put", "--answer-timeout", "0.3", name + "/big", "/x", at=at), 4, err="is silent")
        with fake_agent(says(answer(ok=True, mode=0o600, size=10), frame(DATA, b"12345"), then=hold)) as at:
            ends(tool("get", "--answer-timeout", "0.3", "/x", name + "/c", at=at), 4, err="is silent")
        equal(os.listdir(name), ["big"])


@case("get that fails midway leaves no file, and the old one as it was")
def _():
    header = answer(ok=True, mode=0o644, size=10)
    for pieces in ([frame(DATA, b"12345")], [frame(DATA, b"12345")[:-1]], [], [frame(DATA, b"12345"), frame(OUT, b"x")],
                   [frame(DATA, b"12345"), b"\x04\x01\x00\x00\x01"]):
        with folder() as name, fake_agent(says(header, *pieces)) as at:
            write(name + "/old", b"old")
            equal(tool("get", "/x", name + "/new", at=at).returncode, 4)
            equal(tool("get", "/x", name + "/old", at=at).returncode, 4)
            equal((os.listdir(name), read(name + "/old")), (["old"], b"old"))


@case("a disk that is full midway leaves no file")
def _():
    def limited():
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    with folder() as name:
        write(name + "/a", BLOB)
        ends(tool("get", name + "/a", name + "/b", preexec_fn=limited), 1, err=f"cannot write to {name}/b: File too large")
        equal(os.listdir(name), ["a"])


@case("SIGINT, SIGTERM and SIGHUP amid get leave no temporary file")
def _():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)    # under nohup it is ignored, and children inherit that
        with folder() as name, fake_agent(says(answer(ok=True, mode=0o644, size=10), frame(DATA, b"12345"), then=hold)) as at:
            running = start("get", "/x", name + "/f", at=at)
            eventually(lambda: os.listdir(name), what="the temporary file")
            running.send_signal(number)
            running.communicate(timeout=20)
            equal((running.returncode, os.listdir(name)), (-number, []))


@case("SIGINT amid put from stdin leaves no temporary file")
def _():
    with folder() as name:
        running = start("put", "-", "/x", stdin=subprocess.PIPE, env=environment(TMPDIR=name))
        running.stdin.write(bytes(1_000_000))    # more than a pipe holds: it is being read
        running.stdin.flush()
        equal(os.listdir(name), [])
        running.send_signal(signal.SIGINT)
        running.wait(timeout=20)
        running.stdin.close()
        running.stdout.close()
        running.stderr.close()
        equal((running.returncode, os.listdir(name)), (-signal.SIGINT, []))


# ---- the progress bar

def under_terminal(*words, at=AT, until=None, seen=None):
    """Runs the tool with stderr on a terminal; sets `seen` when `until` has been shown. Gives the exit code and what was shown."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(command(*words, at=at), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs, env=environment())
    os.close(theirs)
    shown = b""
    while True:
        ready, _, _ = select.select([ours], [], [], 20)
        assert ready, f"nothing for 20 s after {shown!r}"
        try:
            piece = os.read(ours, 65536)
        except OSError:    # EIO: the last writer has gone
            break
        shown += piece
        if seen and until in shown:
            seen.set()
    os.close(ours)
    return running.wait(timeout=20), shown.decode()


@case("a get that lasts shows a bar with share, rate and time left on a terminal")
def _():
    seen = threading.Event()

    def talk(connection):
        read_request(connection)
        connection.sendall(answer(ok=True, mode=0o644, size=1 << 24))
        while not seen.is_set():
            connection.sendall(frame(DATA, bytes(1024)))
            seen.wait(0.02)
        connection.sendall(frame(EOF))
    with folder() as name, fake_agent(talk) as at:
        code, shown = under_terminal("get", "/some/file", name + "/f", at=at, until=b"ETA ", seen=seen)
    equal(code, 0)
    for part in ("\rfile   0% [", "KiB/s", "ETA "):
        has(shown, part)
    equal(shown[-2:], "\r\n")


@case("a put that lasts shows a bar too")
def _():
    seen = threading.Event()

    def talk(connection):
        left = read_request(connection)["size"]
        while left > 0:
            if not seen.is_set():
                seen.wait(0.02)
            left -= len(connection.recv(20_000 if not seen.is_set() else 1 << 20))
        connection.sendall(answer(ok=True))
        hold(connection)
    with folder() as name, fake_agent(talk) as at:
        write(name + "/file", bytes(50_000_000))
        code, shown = under_terminal("put", name + "/file", "/x", at=at, until=b"ETA ", seen=seen)
    equal(code, 0)
    has(shown, "\rfile ")


@case("a quick copy shows no bar, and no copy shows one where stderr is no terminal")
def _():
    with folder() as name:
        write(name + "/a", BLOB)
        equal(under_terminal("get", name + "/a", name + "/b"), (0, ""))
        ends(tool("get", name + "/a", name + "/b"), 0)


# ---- a guest that is not to be trusted

@case("an agent that is silent, or drips, is left at the deadline")
def _():
    def drip(connection):
        read_request(connection)
        for byte in PONG:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)    # the pace of the hostile peer
    for talk in (hold, says(PONG[:7], then=hold), drip):
        with fake_agent(talk) as at:
            ends(tool("ping", "--answer-timeout", "0.4", at=at), 4, err="is silent")
    with fake_agent(says(frame(OUT, b"x"), then=hold)) as at:
        ends(tool("run", "--answer-timeout", "0.3", "-c", "x", at=at), 125, out=b"x", err="is silent")


@case("garbage, oversized frames and hang-ups end in exit 4 with a reason")
def _():
    for pieces, why in [((), "hung up without an answer"),
                        ((PONG[:3],), "hung up in the middle"),
                        ((PONG[:-1],), "hung up in the middle"),
                        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "does not speak frames"),
                        ((b"\x01\x01\x00\x00\x01",), "a frame of 16777217 bytes"),
                        ((b"\x01\x00\x10\x00\x01" + b" " * 0x100001,), "its answer has 1048577 bytes"),
                        ((frame(JSON, b"{"),), "not a JSON object"),
                        ((frame(JSON, b"[1]"),), "not a JSON object"),
                        ((frame(JSON, b""),), "not a JSON object"),
                        ((frame(JSON, b'"\xff"'),), "not a JSON object"),
                        ((frame(JSON, b"[" * 100_000),), "not a JSON object"),
                        ((frame(EOF),), "frame of type 5"),
                        ((frame(0x77),), "frame of type 119")]:
        with fake_agent(says(*pieces)) as at:
            ends(tool("ping", at=at), 4, err=why)


@case("answers with members of the wrong type are refused, not believed")
def _():
    for words, pieces, code in [(("ping",), [answer(ok="yes")], 1),
                                (("ping",), [answer(ok=True, agent_version=[1])], 0),
                                (("info",), [answer(ok=True, os=3, operations={"a": 1}, limits=[1], dialects="x", uptime_ms="y")], 0),
                                (("info",), [answer(ok=True, uptime_ms=1e300, memory_kib=1e300)], 0),
                                (("get", "/x", "-"), [answer(ok=True, mode="x", size=1)], 4),
                                (("get", "/x", "-"), [answer(ok=True, mode=-1, size=1)], 4),
                                (("get", "/x", "-"), [answer(ok=True, mode=420, size=-5), frame(EOF)], 0),
                                (("run", "-c", "x"), [answer(ok=True, op="exit", exit_code="3")], 125),
                                (("run", "-c", "x"), [answer(ok=True, op="exit")], 125),
                                (("run", "-c", "x"), [answer(ok=True, op="what", exit_code=0)], 125),
                                (("run", "-c", "x"), [answer(ok=True, op="exit", exit_code=-(1 << 63))], 255),
                                (("run", "-c", "x"), [frame(DATA, b"x"), EXIT_0], 125)]:
        with fake_agent(says(*pieces)) as at:
            equal((words, pieces, tool(*words, at=at).returncode), (words, pieces, code))


@case("a STDOUT frame of 16 MiB passes through without being held")
def _():
    with fake_agent(says(frame(OUT, b"x" * (1 << 24)), frame(ERR), EXIT_0)) as at:
        running = start("run", "-c", "x", at=at)
        peaks = []
        for _ in range(2):
            running.stdout.read(1 << 22)
            with open(f"/proc/{running.pid}/status") as status:
                peaks.append(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")))
        equal(len(running.stdout.read()), 1 << 23)
        equal((running.wait(timeout=20), running.stderr.read()), (0, b""))
        running.stdout.close()
        running.stderr.close()
    assert peaks[1] - peaks[0] < 2048, f"{peaks} KiB"


@case("a guest's words cannot drive our terminal")
def _():
    with fake_agent(says(answer(ok=False, error="\x1b]0;owned\x07 \x9b31m bad"))) as at:
        done = tool("ping", at=at)
    ends(done, 1, err="?]0;owned? ?31m bad")


@case("a guest cannot make a set-user-ID file here, nor choose its name")
def _():
    with folder() as name, fake_agent(says(answer(ok=True, mode=0o6755, size=1, name="../evil"), frame(DATA, b"x"), frame(EOF))) as at:
        ends(tool("get", "/some/f", name, at=at), 0)
        equal((os.listdir(name), mode_of(name + "/f")), (["f"], 0o755))


def start_agent():
    """Its login shell is plain sh with no profile of ours: what a machine's own profile does is not tested here."""
    home = os.path.join(ROOT, "home")
    os.mkdir(home)
    return subprocess.Popen([AGENT, "--listen", AT + "=frames", "--log-level", "warning"], cwd=home,
                            env=environment(HOME=home, SHELL="/bin/sh"))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    agent = start_agent()
    try:
        equal(tool("wait", "--timeout", "20").returncode, 0)
        main()
    finally:
        agent.terminate()
        agent.wait()
        shutil.rmtree(ROOT)

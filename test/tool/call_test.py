#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The host tool's call and password. usage: call_test.py BELLHOP AGENT [--only WORD]"""
import base64
import contextlib
import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "test/support"))
from fakes import answer, fake, hold, read_request, says  # noqa: E402
from tap import args, case, equal, eventually, has, main, skip  # noqa: E402

BELLHOP, AGENT = (os.path.abspath(path) for path in args)
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "BELLHOP_AT"}


def tool(at, *words, **more):
    if "input" not in more:
        more["stdin"] = subprocess.DEVNULL
    done = subprocess.run([BELLHOP, "--at", at, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=50, env=ENVIRONMENT, **more)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@contextlib.contextmanager
def guest(dialect):
    """An agent with own commands. Gives the endpoint and a function that adds one."""
    if os.geteuid() != 0:
        skip("what belongs to root only root can make")
    with tempfile.TemporaryDirectory(prefix="bellhop-call-") as root:
        folder = pathlib.Path(root, "etc/bellhop/commands.d")
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        agent = subprocess.Popen([AGENT, "--root", root, "--listen", f"unix:{root}/s={dialect}"], stdin=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)

        def add(name, script):
            (folder / name).write_text("#!/bin/sh\n" + script)
            (folder / name).chmod(0o755)
        try:
            at = f"unix:{root}/s={dialect}"
            equal(tool(at, "wait")[0], 0)
            yield at, add
        finally:
            agent.terminate()
            agent.wait()


@case("frames: call prints a text as it is and anything else as JSON")
def _():
    with guest("frames") as (at, add):
        add("echo", "cat")
        add("text", r"printf 'two\nlines\n'")
        for argument, wanted in (('{"a": [1, null]}', '{"a":[1,null]}\n'), ('"t"', "t\n"), ("7", "7\n"), (None, "null\n")):
            equal(tool(at, "call", "echo", *([argument] if argument else [])), (0, wanted, ""))
        equal(tool(at, "call", "text"), (0, "two\nlines\n", ""))
        code, out, err = tool(at, "--json", "call", "echo", '{"a": 1}')
        equal((code, json.loads(out), err), (0, {"ok": True, "code": 0, "out": {"a": 1}}, ""))


@case("frames: call exits with 1 when the command fails, and says how")
def _():
    with guest("frames") as (at, add):
        add("fail", "echo partly; echo why >&2; exit 3")
        add("mute", "exit 4")
        equal(tool(at, "call", "fail"), (1, "partly\n", "bellhop: fail ended with 3: why\n"))
        equal(tool(at, "call", "mute"), (1, "", "bellhop: mute ended with 4\n"))
        code, out, err = tool(at, "--json", "call", "fail")
        equal((code, json.loads(out), err), (1, {"ok": True, "code": 3, "out": "partly", "stderr": "why"}, ""))
        equal(tool(at, "call", "none"), (1, "", "bellhop: the guest refused: there is no own command 'none'\n"))


@case("frames: call has a time limit, an answer as large as there are, and takes JSON only")
def _():
    with guest("frames") as (at, add):
        add("sleep", "exec sleep 300")
        add("fill", "head -c 1048576 /dev/zero | tr '\\0' '\\001'")
        code, out, err = tool(at, "call", "--timeout", "0.2", "sleep")
        equal((code, out), (1, ""))
        has(err, "it took longer than 200 ms")
        equal(tool(at, "call", "fill"), (0, "\1" * (1 << 20) + "\n", ""))
        code, out, err = tool(at, "call", "fill", "{a: 1}")
        equal((code, out), (2, ""))
        has(err, "the argument is not JSON: {a: 1}")


@case("frames: info lists own commands")
def _():
    with guest("frames") as (at, add):
        add("one", "")
        add("two", "")
        has(tool(at, "info")[1], "commands    one, two\n")


@case("frames: an answer that does not say how the command ended is nonsense, and silence has an end")
def _():
    with tempfile.TemporaryDirectory() as folder:
        with fake(f"{folder}/s", says(answer(ok=True, op="call", out=1))) as at:
            code, out, err = tool(at, "call", "x")
            equal((code, out), (4, ""))
            has(err, "does not speak frames")
        with fake(f"{folder}/s", hold) as at:
            code, _, err = tool(at, "--answer-timeout", "0.2", "call", "x")
            equal(code, 4)
            has(err, "is silent")


@case("frames: call asks for what it was given and for no more")
def _():
    asked = []

    def talk(connection):
        asked.append(read_request(connection))
        connection.sendall(answer(ok=True, op="call", code=0, out=None))
    with tempfile.TemporaryDirectory() as folder, fake(f"{folder}/s", talk) as at:
        tool(at, "call", "x")
        tool(at, "call", "--timeout", "1.5", "x", '{"a": "b"}')
    equal(asked, [{"v": 1, "op": "call", "name": "x", "args": None},
                  {"v": 1, "op": "call", "name": "x", "args": {"a": "b"}, "timeout": 1.5}])


@case("qga: own commands are called by bellhop-call, and info lists them")
def _():
    with guest("qga") as (at, add):
        add("echo", "cat")
        add("slow", "sleep 0.5; echo done")
        code, out, err = tool(at, "call", "bellhop-call", '{"name": "echo", "args": [1]}')
        equal((code, json.loads(out), err), (0, {"code": 0, "out": [1]}, ""))
        has(tool(at, "call", "bellhop-call", '{"name": "slow"}')[1], "done")
        has(tool(at, "info")[1], "commands    echo, slow\n")
        code, _, err = tool(at, "call", "--timeout", "1", "guest-ping")
        equal(code, 2)
        has(err, "time-limit-ms")


# ---- password

def takes_password(asked):
    """A talk that speaks as much of QGA as password needs."""
    def talk(connection):
        text = b""
        while text.count(b"\n") < 2 and (more := connection.recv(4096)):
            text += more
            for line in text.split(b"\n")[:-1]:
                request = json.loads(line.lstrip(b"\xff"))
                if request["execute"] == "guest-sync-delimited":
                    connection.sendall(b"\xff" + json.dumps({"return": request["arguments"]["id"]}).encode() + b"\n")
                else:
                    asked.append(request)
                    connection.sendall(b'{"return": {}}\n')
                    return
            text = text.rpartition(b"\n")[2]
    return talk


def request_of(user, password):
    return {"execute": "guest-set-user-password",
            "arguments": {"username": user, "password": base64.b64encode(password.encode()).decode(), "crypted": False}}


@case("qga: password takes the first line of stdin, and is silent")
def _():
    asked = []
    with tempfile.TemporaryDirectory() as folder, fake(f"{folder}/s", takes_password(asked)) as at:
        equal(tool(at + "=qga", "password", "alice", input="s\u00e4cret word\nrest\n".encode()), (0, "", ""))
        equal(tool(at + "=qga", "password", input=b"no newline"), (0, "", ""))
        code, out, err = tool(at + "=qga", "--json", "password", "bob", input=b"x\n")
        equal((code, json.loads(out), err), (0, {"ok": True, "user": "bob"}, ""))
    equal(asked, [request_of("alice", "s\u00e4cret word"), request_of("root", "no newline"), request_of("bob", "x")])


@case("a password that is none, too long or not UTF-8 is refused before anybody is asked")
def _():
    for text, why in ((b"", "no password"), (b"\n", "no password"), (b"x" * 1025, "more than 1024"), (b"\xff\n", "not UTF-8")):
        code, out, err = tool("unix:/no/such=qga", "password", input=text)
        equal((code, out), (2, ""), why)
        has(err, why)
    code, _, err = tool("unix:/no/such", "password", input=b"x\n")
    equal(code, 2)
    has(err, "frames has no passwords")


def at_terminal(at, typed, stop=None):
    """(exit code, what stood on the screen, is the echo on again) of password at a terminal."""
    keyboard, terminal = pty.openpty()
    try:
        child = subprocess.Popen([BELLHOP, "--at", at, "password"], stdin=terminal, stdout=subprocess.PIPE, stderr=terminal, env=ENVIRONMENT)
        screen = b""
        for line in typed:
            while not screen.endswith(b": "):
                screen += os.read(keyboard, 4096)
            if line is None:
                child.send_signal(stop)
            else:
                os.write(keyboard, line)
                screen += os.read(keyboard, 1)
        child.communicate(timeout=20)
        os.set_blocking(keyboard, False)
        with contextlib.suppress(BlockingIOError):
            screen += os.read(keyboard, 4096)
        settings = subprocess.run(["stty", "-a"], stdin=terminal, stdout=subprocess.PIPE, check=True).stdout.decode()
        return child.returncode, screen.decode(), " echo " in settings
    finally:
        os.close(keyboard)
        os.close(terminal)


@case("at a terminal the password is asked for twice and not shown; interrupted, the echo is on again")
def _():
    asked = []
    with tempfile.TemporaryDirectory() as folder, fake(f"{folder}/s", takes_password(asked)) as at:
        code, screen, echo = at_terminal(at + "=qga", [b"secret\n", b"secret\n"])
        equal((code, echo), (0, True))
        has(screen, "New password of root: \r\nOnce more: ")
        equal("secret" in screen, False)
        code, screen, echo = at_terminal(at + "=qga", [b"secret\n", b"secre\n"])
        equal((code, echo), (2, True))
        has(screen, "two different passwords")
        for number in (signal.SIGINT, signal.SIGTERM):
            code, screen, echo = at_terminal(at + "=qga", [b"secret\n", None], stop=number)
            equal((code, echo), (128 + number, True))
    equal(asked, [request_of("root", "secret")])


main()

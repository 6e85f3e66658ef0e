#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The host tool speaking QGA, to our agent and to Debian's qemu-ga alike. usage: qga_test.py BELLHOP AGENT [--only WORD]"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tap import args, case, equal, eventually, has, main, skip  # noqa: E402

BELLHOP, AGENT = (os.path.abspath(path) for path in args)
ROOT = tempfile.mkdtemp(prefix="bellhop-tool-qga-")
BLOB = bytes(range(256)) * 9000 + b"tail\0"
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "BELLHOP_AT"}


def answers(path):
    with socket.socket(socket.AF_UNIX) as peer:
        try:
            peer.connect(path)
        except OSError:
            return False
    return True


def begin(name, command):
    folder = f"{ROOT}/{name}"
    os.mkdir(folder)
    path = folder + "/s"
    process = subprocess.Popen([word.format(path=path, folder=folder) for word in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: answers(path), what=f"{name}'s socket")
    return process, f"unix:{path}=qga"


QEMU_GA = shutil.which("qemu-ga", path="/usr/sbin:/usr/bin")
COMMANDS = {"bellhop-agent": [AGENT, "--listen", "unix:{path}=qga"],
            "qemu-ga": [QEMU_GA, "-m", "unix-listen", "-p", "{path}", "-t", "{folder}"]}
begun = {}    # (process, endpoint) of each


def tool(at, *words, **more):
    if "input" not in more:
        more["stdin"] = subprocess.DEVNULL
    return subprocess.run([BELLHOP, "--at", at, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=50, env=ENVIRONMENT,
                          **more)


def endpoint(name):
    if not QEMU_GA and name == "qemu-ga":
        skip("qemu-ga is not installed")
    if name not in begun:
        begun[name] = begin(name, COMMANDS[name])
    return begun[name][1]


def both(sentence):
    """The case once for each agent."""
    def register(function):
        for name in COMMANDS:
            case(f"{sentence} ({name})")(lambda name=name: function(endpoint(name)))
    return register


@both("ping, wait and info tell the agent's version")
def _(at):
    for verb in ("ping", "wait"):
        done = tool(at, verb)
        equal((done.returncode, done.stderr), (0, b""))
        has(done.stdout.decode(), f"answers on {at}")
    told = json.loads(tool(at, "info", "--json").stdout)
    assert any(one["name"] == "guest-ping" and one["enabled"] for one in told["operations"]), told
    equal(told["os"]["machine"], os.uname().machine)
    has(tool(at, "info").stdout.decode(), told["agent_version"])


@both("run gives the command's output and exit code")
def _(at):
    done = tool(at, "run", "-c", "echo out; echo err >&2; exit 7")
    equal((done.returncode, done.stdout, done.stderr), (7, b"out\n", b"err\n"))
    equal(tool(at, "run", "--", "printf", "%s", "a b'c").stdout, b"a b'c")
    equal(tool(at, "run", "--env", "NAME=a value", "-c", "printf %s \"$NAME\"").stdout, b"a value")
    equal(tool(at, "run", "--shell", "raw", "-c", "kill -9 $$").returncode, 137)
    equal(json.loads(tool(at, "run", "--json", "-c", "echo x; exit 3").stdout)["exit_code"], 3)


@both("a command over its time limit is killed, and told as 124")
def _(at):
    mark = tempfile.mktemp(dir=ROOT)
    done = tool(at, "run", "--timeout", "0.5", "-c", f"echo $$ > {mark}; exec sleep 1000")
    equal(done.returncode, 124)
    pid = int(open(mark).read())
    eventually(lambda: not os.path.exists(f"/proc/{pid}") or "Z" in open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1],
               what="the end of the command")


@both("a file there and back is the same, with its permissions")
def _(at):
    folder = tempfile.mkdtemp(dir=ROOT)
    with open(folder + "/here", "wb") as file:
        file.write(BLOB)
    os.chmod(folder + "/here", 0o640)
    done = tool(at, "put", folder + "/here", folder + "/there")
    equal((done.returncode, done.stderr), (0, b""))
    equal(os.stat(folder + "/there").st_mode & 0o777, 0o640)
    os.mkdir(folder + "/into")
    equal(tool(at, "put", folder + "/here", folder + "/into").returncode, 0)
    equal(tool(at, "put", "-", folder + "/piped", input=b"from a pipe").returncode, 0)
    equal(open(folder + "/piped", "rb").read(), b"from a pipe")
    equal(tool(at, "get", folder + "/into/here", folder + "/back").returncode, 0)
    equal(open(folder + "/back", "rb").read(), BLOB)
    equal(os.stat(folder + "/back").st_mode & 0o777, 0o640)
    equal(tool(at, "get", folder + "/there", "-").stdout, BLOB)
    equal(sorted(os.listdir(folder)), ["back", "here", "into", "piped", "there"])


@both("nobody else in the guest can read or write a file that is on its way into it")
def _(at):
    folder = tempfile.mkdtemp(dir=ROOT)
    with open(folder + "/here", "wb") as file:
        file.write(BLOB * 8)
    os.chmod(folder + "/here", 0o640)
    process = subprocess.Popen([BELLHOP, "--at", at, "put", folder + "/here", folder + "/there"], stdin=subprocess.DEVNULL,
                               env=ENVIRONMENT)
    modes = set()
    while process.poll() is None:
        for name in os.listdir(folder):
            if name.startswith(".bellhop-put-"):
                try:
                    modes.add(os.stat(f"{folder}/{name}").st_mode & 0o777)
                except FileNotFoundError:    # it is in its place now
                    pass
    equal((process.returncode, modes - {0o640}), (0, {0o600}))    # chmod's moment before mv's: the file is whole


@both("what the guest refuses is told with its words, and nothing is left")
def _(at):
    folder = tempfile.mkdtemp(dir=ROOT)
    done = tool(at, "get", "/nowhere/at/all", folder + "/x")
    equal(done.returncode, 1)
    has(done.stderr.decode(), "No such file or directory")
    with open(folder + "/here", "wb") as file:
        file.write(b"x")
    done = tool(at, "put", folder + "/here", "/nowhere/at/all")
    equal(done.returncode, 1)
    has(done.stderr.decode(), "No such file or directory")
    equal(os.listdir(folder), ["here"])


@both("call sends any request and prints what it returns")
def _(at):
    equal(tool(at, "call", "guest-ping").stdout, b"{}\n")
    equal(tool(at, "call", "guest-sync", '{"id": 42}').stdout, b"42\n")
    equal(json.loads(tool(at, "call", "--json", "guest-sync", '{"id": 42}').stdout), {"ok": True, "return": 42})
    done = tool(at, "call", "guest-nope")
    equal(done.returncode, 1)
    has(done.stderr.decode(), "The command guest-nope has not been found")
    done = tool(at, "call", "guest-ping", "[1]")
    equal(done.returncode, 2)
    has(done.stderr.decode(), "not a JSON object")


@case("what an earlier client left behind is not taken for an answer")
def _():
    at = endpoint("bellhop-agent")
    path = at[5:-4]
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)
        peer.sendall(b'{"execute":"guest-')
        equal(tool(at, "ping").returncode, 0)


@case("a peer that is no agent is told apart")
def _():
    path = ROOT + "/odd"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def talk():
            peer, _ = listener.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(b"\xffHTTP/1.1 400 Bad Request\r\n\r\n")
                peer.recv(1000)
        thread = threading.Thread(target=talk)
        thread.start()
        done = tool(f"unix:{path}=qga", "--answer-timeout", "2", "ping")
        equal(done.returncode, 4)
        has(done.stderr.decode(), "does not speak QGA")
        thread.join()


@case("nothing of ours is left when the agents end")
def _():
    for name, (process, _) in begun.items():
        process.terminate()
        equal(process.wait(timeout=20), 0, name)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
try:
    main()
finally:
    for left, _ in begun.values():
        left.kill()
        left.wait()
    shutil.rmtree(ROOT)

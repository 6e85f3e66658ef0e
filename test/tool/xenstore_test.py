#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The host tool over XenStore: against the agent, and against a stand-in for one. usage: xenstore_test.py BELLHOP AGENT [--only WORD]"""
import base64
import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from fakes import fake, hold  # noqa: E402
from store import INTRODUCED, READ, RELEASE, RM, WATCH, WRITE, Client, Device, StandIn, StoreDaemon  # noqa: E402
from tap import args, case, equal, eventually, has, main, skip  # noqa: E402
from xenstored import Lacking, Xenstored  # noqa: E402

BELLHOP, AGENT = (os.path.abspath(path) for path in args)
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("BELLHOP_AT", "XENSTORED_PATH", "XENSTORED_RUNDIR")}
HOME = "/local/domain/7"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
VERSION = {"version": lambda value: ("0", "1.39.1")}


def command(at, *words):
    return [BELLHOP, "--at", at if isinstance(at, str) else f"xenstore:7@{at.path}", *words]


def tool(at, *words, **more):
    if "input" not in more:
        more["stdin"] = subprocess.DEVNULL
    more.setdefault("env", ENVIRONMENT)
    done = subprocess.run(command(at, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=50, **more)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def start(at, *words):
    return subprocess.Popen(command(at, *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)


def ended(child):
    out, err = child.communicate(timeout=50)
    return child.returncode, out.decode(), err.decode()


def said(*words, **more):
    """(exit code, the JSON)"""
    code, out, err = tool(*words, "--json", **more)
    equal((err, out.count("\n")), ("", 1))
    return code, json.loads(out)


def fails(result, code, *parts):
    equal((result[0], result[1]), (code, ""), result[2])
    for part in parts:
        has(result[2], part)


def clean(store):
    """Nothing of any request is left."""
    equal((store.children(HOME + "/data/host"), store.children(HOME + "/data/guest")), ([], []))


def request_of(store):
    """The path of the request that is laid down."""
    def path():
        return next((one for one in list(store.tree) if "/data/host/" in one), None)
    return eventually(path, what="a request")


@contextlib.contextmanager
def agent(store, endpoint=None):
    """The real one; gives the root of its guest."""
    with tempfile.TemporaryDirectory(prefix="bellhop-xen-") as root:
        process = subprocess.Popen([AGENT, "--root", root, "--listen", endpoint or f"xenstore:7@{store.path}"],
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            yield pathlib.Path(root)
        finally:
            process.terminate()
            process.communicate(timeout=20)


# ---- the verbs

@case("ping and wait tell the version that the agent answers")
def _():
    with StoreDaemon() as store, StandIn(store.path, VERSION) as guest:
        for verb in ("ping", "wait"):
            code, out, err = tool(store, verb)
            equal((code, err), (0, ""))
            has(out, f"agent 1.39.1 answers on xenstore:7@{store.path}")
        code, told = said(store, "ping")
        equal((code, told["ok"], told["agent_version"], told["proto"]), (0, True, "1.39.1", "nova"))
        equal(guest.asked, [("version", "agent")] * 3)
        clean(store)


@case("each request has a random UUID of its own")
def _():
    with StoreDaemon() as store, StandIn(store.path, VERSION):
        for _ in range(20):
            equal(tool(store, "ping")[0], 0)
        names = {path.rpartition("/")[2] for path in store.written if "/data/host/" in path}
        equal(len(names), 20)
        for name in names:
            equal(bool(UUID.match(name)), True, name)


@case("info tells the version, the features and the store's facts of the domain")
def _():
    with StoreDaemon() as store, StandIn(store.path, {**VERSION, "features": lambda value: ("0", "features,injectfile,version")}):
        store.tree |= {HOME + "/vm": b"/vm/11111111-2222-3333-4444-555555555557", HOME + "/data/os_name": b"Debian 12.5",
                       HOME + "/data/os_uname": b"6.1", HOME + "/vm-data/hostname": b"web1"}
        code, told = said(store, "info")
        equal((code, told), (0, {"ok": True, "agent": "nova", "agent_version": "1.39.1", "dialects": ["nova"],
                                 "operations": [{"name": name, "enabled": True} for name in ("features", "injectfile", "version")],
                                 "os": {"PRETTY_NAME": "Debian 12.5", "kernel": "6.1"},
                                 "domain": {"id": 7, "name": "vm", "uuid": "11111111-2222-3333-4444-555555555557", "hostname": "web1"}}))
        code, out, _ = tool(store, "info")
        has(out, "operations  features, injectfile, version\n")
        has(out, "domain      id 7, name vm")
        clean(store)


@case("call sends JSON as JSON and a text as a text, and prints the message")
def _():
    with StoreDaemon() as store, StandIn(store.path, {"x": lambda value: ("0", "done")}) as guest:
        for given, wanted in (('{"a": [1]}', {"a": [1]}), ("plain text", "plain text"), ('"quoted"', "quoted"), ("7", 7), (None, "")):
            equal(tool(store, "call", "x", *([given] if given else [])), (0, "done\n", ""))
            equal(guest.asked.pop(), ("x", wanted))
        equal(said(store, "call", "x"), (0, {"ok": True, "returncode": "0", "message": "done"}))
        fails(tool(store, "call", "y"), 1, "the guest refused: No such agent command 'y' (returncode 404)")
        equal(said(store, "call", "y")[1]["ok"], False)
        fails(tool(store, "call", "--timeout", "3", "x"), 2, "--answer-timeout")
        clean(store)


@case("a file goes in by file_inject, or by injectfile where there is no other")
def _():
    data = bytes(range(256)) * 2

    def b64(text):
        return base64.b64encode(text).decode()
    with tempfile.NamedTemporaryFile() as file, StoreDaemon() as store:
        file.write(data)
        file.flush()
        takes = {"file_inject": lambda value: ("0", ""), "injectfile": lambda value: ("0", ""), "features": None}
        for features, wanted in (("version,file_inject,injectfile", ("file_inject", {"b64_path": b64(b"/a,b"), "b64_file": b64(data)})),
                                 ("version,injectfile", ("injectfile", b64(b"/a" + b"," + data)))):
            takes["features"] = lambda value, features=features: ("0", features)
            with StandIn(store.path, takes) as guest:
                equal(tool(store, "put", file.name, "/a,b" if "file_inject" in features else "/a"), (0, "", ""))
                equal(guest.asked, [("features", ""), wanted])
                equal(tool(store, "put", "-", "/etc/", input=b"x")[0], 0)
                equal(tool(store, "put", file.name, "/etc/")[0], 0)
                has(json.dumps(guest.asked[-1]), b64(b"/etc/" + os.path.basename(file.name).encode())[:12])
                code, told = said(store, "put", file.name, "/a")
                equal((code, told["ok"], told["bytes"]), (0, True, len(data)))
        with StandIn(store.path, takes):
            fails(tool(store, "put", file.name, "/a,b"), 1, "ends a path at its first comma")
            fails(tool(store, "put", "--mode", "644", file.name, "/a"), 2, "--mode")
        takes["features"] = lambda value: ("0", "version")
        with StandIn(store.path, takes):
            fails(tool(store, "put", file.name, "/a"), 1, "takes no files")
        clean(store)


@case("a file that the store cannot carry is refused with the limit, and nothing of it is written")
def _():
    with StoreDaemon() as store, tempfile.NamedTemporaryFile() as file:
        with StandIn(store.path, {"features": lambda value: ("0", "file_inject")}) as guest:
            for size, why in ((100_000, "has 100000 bytes"), (3100, "has 3100 bytes")):
                file.truncate(size)
                fails(tool(store, "put", file.name, "/a"), 1, why, "XenStore carries files of about 2.9 KB")
            file.truncate(2000)    # a message has room for it, this daemon's nodes have not
            fails(tool(store, "put", file.name, "/a"), 1, "no room", "oxenstored takes 2048 bytes")
            equal({name for name, _ in guest.asked}, {"features"})
        clean(store)


@case("run and get are not to be had, and the error says what is")
def _():
    with StoreDaemon() as store:
        fails(tool(store, "run", "--", "true"), 125, "no way to run a command", "call")
        fails(tool(store, "get", "/a", "/tmp/never"), 2, "no way to get a file")
        equal(store.written, [])


# ---- password

PRIME = (1 << 107) - 1


class Keys:
    """The other side of the key exchange, and openssl to look behind the cipher."""

    def __init__(self):
        self.got = []
        self.private = secrets.randbits(128)
        self.handlers = {"keyinit": self.keyinit, "password": self.password}

    def keyinit(self, value):
        self.shared = pow(int(value), self.private, PRIME)
        return "D0", str(pow(5, self.private, PRIME))

    def password(self, value):
        self.got.append(subprocess.run(["openssl", "enc", "-d", "-aes-128-cbc", "-A", "-a", "-md", "md5", "-nosalt", "-pass", f"pass:{self.shared}"],
                                       input=value.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode())
        return "0", ""


@case("password agrees on a key and sends what openssl decrypts, and nobody sees the password")
def _():
    if not shutil.which("openssl"):
        skip("there is no openssl here")
    for password in ("mEoW4567", "p\u00e4ssw\u00f6rd with blanks ", "0123456789abcde", "x" * 1024):
        keys = Keys()
        with StoreDaemon() as store, StandIn(store.path, keys.handlers) as guest:
            equal(tool(store, "password", input=password.encode() + b"\n"), (0, "", ""))
            equal(said(store, "password", "root", input=password.encode()), (0, {"ok": True, "user": "root"}))
            equal(keys.got, [password + "\n"] * 2)
            equal([name for name, _ in guest.asked], ["keyinit", "password"] * 2)
            equal(len({value for _, value in guest.asked}), 4, "fresh keys each time")
            clean(store)
            for value in store.values:
                equal(password.encode() in value or base64.b64encode(password.encode()) in value, False)


@case("password: what is no key, a refusal and another user are told")
def _():
    def with_answers(keyinit, password=("0", "")):
        with StoreDaemon() as store, StandIn(store.path, {"keyinit": lambda value: keyinit, "password": lambda value: password}) as guest:
            result = tool(store, "password", input=b"secret\n")
            clean(store)
            equal("secret" in result[2], False)
            return result, [name for name, _ in guest.asked]
    for key in ("", "x", "-1", "0", "1", str(PRIME - 1), str(PRIME), "1 2"):
        result, asked = with_answers(("D0", key))
        fails(result, 4)
        equal(asked, ["keyinit"])
    fails(with_answers(("0", "1234567"))[0], 1, "the guest refused")
    fails(with_answers(("500", "no keys"))[0], 1, "the guest refused: no keys")
    fails(with_answers(("D0", "1234567"), ("500", "Failed to change password"))[0], 1, "the guest refused: Failed to change password")
    with StoreDaemon() as store:
        fails(tool(store, "password", "alice", input=b"x\n"), 2, "root's password only")
        fails(tool(store, "password", input=b""), 2, "no password")
        equal(store.written, [])


# ---- what does not come

@case("an agent that never answers: silence has an end, and nothing is left")
def _():
    with StoreDaemon() as store, StandIn(store.path, {"version": lambda value: None}):
        fails(tool(store, "--answer-timeout", "0.3", "ping"), 4, "is silent", "--answer-timeout")
        equal(said(store, "--answer-timeout", "0.3", "ping")[1]["ok"], False)
        fails(tool(store, "wait", "--timeout", "0.3"), 3, "gave up after 1 try")
        clean(store)


@case("interrupted it takes back what it laid down, and says so by its exit code")
def _():
    with StoreDaemon() as store:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)    # under nohup it is ignored, and children inherit that
            for words in (["ping"], ["wait"], ["call", "x"]):
                child = start(store, *words)
                request_of(store)
                child.send_signal(number)
                equal(ended(child), (128 + number, "", ""), f"{words} {number}")
                clean(store)


@case("a request waits for an agent that comes later, and wait lays down only one")
def _():
    with StoreDaemon() as store:
        child = start(store, "wait", "--timeout", "20")
        request_of(store)
        with StandIn(store.path, VERSION):
            code, out, err = ended(child)
        equal((code, err), (0, ""))
        equal(sum("/data/host/" in path for path in store.written), 1)
        clean(store)


@case("a domain that is not there, or that goes meanwhile, is told at once")
def _():
    with StoreDaemon() as store:
        fails(tool(f"xenstore:9@{store.path}", "ping"), 3, "there is no domain 9 here")
        for release in (store.release, lambda: (store.domains.discard(7), store._answer(None, RM, HOME.encode() + b"\0"))):
            child = start(store, "ping")
            request_of(store)
            release()
            fails(ended(child), 3, "there is no domain 7 here, or no longer", "another number")
            equal([path for path in store.tree if "/data/host/" in path], [])
            store.domains.add(7)
            store.tree |= {HOME: b"", HOME + "/data": b""}


# ---- answers

@case("answers as agents write them are understood: numbers, blanks, escapes of old agents for Windows, no message")
def _():
    for text, wanted in ((b' {"message": "1.0", "returncode": "0"}\n', "1.0"), (b'{"returncode": 0, "message": "1.0"}', "1.0"),
                         (b'{"message": "1.0\\\\r\\\\n", "returncode": "0", "more": [1]}', "1.0"), (b'{"returncode": "0"}', ""),
                         (b'{"message": "a\\u00e4\\nb", "returncode": "0"}', "a\u00e4\nb")):
        with StoreDaemon() as store, StandIn(store.path, {"x": lambda value, text=text: text}):
            equal(tool(store, "call", "x"), (0, wanted + "\n", ""))
            clean(store)


@case("what is no answer is nonsense")
def _():
    for text in (b"abc", b"[]", b"1", b"{}", b'{"message": "x"}', b'{"returncode": [], "message": "x"}', b'{"returncode": "0", "message": 7}',
                 b'{"returncode": 0.5, "message": "x"}', b'{"returncode": "0", "message": "\xff"}', b"x" * 2000):
        with StoreDaemon() as store, StandIn(store.path, {"x": lambda value, text=text: text}):
            fails(tool(store, "call", "x"), 4, "does not speak nova")
            clean(store)


@case("control characters of an error stay away from the terminal")
def _():
    with StoreDaemon() as store, StandIn(store.path, {"x": lambda value: ("500", "bad\x1b[2J\nthing")}):
        fails(tool(store, "call", "x"), 1, "the guest refused: bad?[2J?thing (returncode 500)")


@case("an answer that is there but empty is waited on")
def _():
    with StoreDaemon() as store:
        child = start(store, "ping")
        name = os.path.basename(request_of(store))
        store._answer(None, WRITE, f"{HOME}/data/guest/{name}".encode() + b"\0")
        store._answer(None, WRITE, f"{HOME}/data/guest/{name}".encode() + b'\0{"message": "3", "returncode": "0"}')
        equal(ended(child)[0], 0)
        clean(store)


# ---- the daemon

@case("the socket is found as libxenstore finds it")
def _():
    with StoreDaemon() as store, StandIn(store.path, VERSION):
        for more in ({"XENSTORED_PATH": store.path}, {"XENSTORED_RUNDIR": store.folder},
                     {"XENSTORED_PATH": store.path, "XENSTORED_RUNDIR": "/no/such"}):
            equal(tool("xenstore:7", "ping", env={**ENVIRONMENT, **more})[0], 0)
        fails(tool("xenstore:7", "ping", env={**ENVIRONMENT, "XENSTORED_PATH": "/no/such"}), 3, "cannot reach xenstored at /no/such")


@case("on the kernel's device one message is under way at a time, and none is longer than it takes")
def _():
    def on_device(store, *words):
        with Device(store) as device:    # each open file is a client of its own
            result = tool(f"xenstore:7@{device.path}", *words)
            equal(device.broken, [])
            return result

    with StoreDaemon() as store, StandIn(store.path, {**VERSION, "features": lambda value: ("0", "file_inject"),
                                                      "file_inject": lambda value: ("0", "")}) as guest, \
            tempfile.NamedTemporaryFile() as file:
        store.most_value = 4096
        for size, code in ((2900, 0), (2970, 1)):    # the socket takes these 2970
            file.truncate(size)
            equal(on_device(store, "ping")[0], 0)
            equal(on_device(store, "put", file.name, "/a")[0], code)
            equal(tool(store, "put", file.name, "/a")[0], 0)
        equal([name for name, _ in guest.asked].count("file_inject"), 3)
        clean(store)


@case("a daemon that is not there, silent, hung up or no xenstored is told")
def _():
    fails(tool("xenstore:7@/no/such", "ping"), 3, "cannot reach xenstored at /no/such: No such file or directory")
    with StoreDaemon() as store:
        store.silent = True
        fails(tool(store, "ping"), 4, "hung up")    # it serves nobody
    with StoreDaemon() as store:
        child = start(store, "ping")
        request_of(store)
        store.hang_up()
        fails(ended(child), 4, "hung up")
    with tempfile.TemporaryDirectory() as folder:
        with fake(f"{folder}/s", hold):
            fails(tool(f"xenstore:7@{folder}/s", "--connect-timeout", "0.3", "ping"), 4, "is silent")
        with fake(f"{folder}/s", lambda connection: connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")):
            fails(tool(f"xenstore:7@{folder}/s", "ping"), 4, "no xenstored")


@case("a daemon that has stopped taking connections is waited for no longer than was said, and not against a signal")
def _():
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(f"{folder}/s")
        listener.listen(0)
        held.enter_context(socket.socket(socket.AF_UNIX)).connect(f"{folder}/s")    # its queue is full
        at = f"xenstore:7@{folder}/s"
        fails(tool(at, "--connect-timeout", "0.3", "ping"), 3, "did not take the connection in time")
        child = start(at, "ping")
        eventually(lambda: ") S " in pathlib.Path(f"/proc/{child.pid}/stat").read_text(), what="a tool that waits")
        child.terminate()
        equal(child.wait(20), -signal.SIGTERM)
        child.communicate()


@case("what the daemon refuses is told, and nothing is left")
def _():
    for refused, part, name, code in ((WRITE, "data/host", "ENOSPC", 1), (WRITE, "data/host", "EACCES", 1), (WATCH, "data/guest", "E2BIG", 1),
                                      (WATCH, "@release", "EACCES", 1), (READ, "data/guest", "EACCES", 4)):
        with StoreDaemon() as store:    # and nobody there, who might answer what has been taken back
            store.refuses[refused, part] = name
            fails(tool(store, "ping"), code, name)
            clean(store)
    with StoreDaemon() as store, StandIn(store.path, VERSION):
        store.refuses[INTRODUCED, ""] = "EACCES"    # then it is not known, and not asked
        equal(tool(store, "ping")[0], 0)


@case("endpoints are read strictly")
def _():
    for at, why in (("xenstore:", "the domain is a number"), ("xenstore:x", "the domain is a number"), ("xenstore:-1", "the domain is a number"),
                    ("xenstore:32752", "the domain is a number"), ("xenstore:7@", "begins with /"), ("xenstore:7@socket", "begins with /"),
                    ("xenstore:7=frames", "it is nova that is spoken"), ("unix:/x=nova", "over xenstore: only")):
        fails(tool(at, "ping"), 2, f"'{at}' is no endpoint: ")
        has(tool(at, "ping")[2], why)
    fails(tool("xenstore:7@/no/such=nova", "ping"), 3)


# ---- the agent

@case("our agent answers ping, wait, info and call")
def _():
    with StoreDaemon() as store, agent(store):
        equal(tool(store, "wait")[0], 0)
        equal(tool(store, "ping")[0], 0)
        code, told = said(store, "info")
        equal(code, 0)
        equal({one["name"] for one in told["operations"]} >= {"features", "version"}, True)
        fails(tool(store, "call", "nope"), 1, "No such agent command 'nope'")
        equal(store.children(HOME + "/data/host"), [])
        equal(store.children(HOME + "/data/guest"), [])


@case("an own command is called by its name, a built-in one of that name wins, and the log says so once, at the start")
def _():
    if os.geteuid() != 0:
        skip("what belongs to root only root can make")
    with StoreDaemon() as store, tempfile.TemporaryDirectory(prefix="bellhop-xen-") as root:
        folder = pathlib.Path(root, "etc/bellhop/commands.d")
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        for name, script in (("echo", "cat"), ("env", "echo $BELLHOP_DIALECT $BELLHOP_COMMAND $BELLHOP_PEER"), ("version", "echo mine"),
                             ("fail", "echo lost; echo why >&2; exit 3")):
            (folder / name).write_text("#!/bin/sh\n" + script + "\n")
            (folder / name).chmod(0o755)
        process = subprocess.Popen([AGENT, "--root", root, "--listen", f"xenstore:7@{store.path}"], stdin=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        try:
            equal(tool(store, "wait")[0], 0)
            equal(tool(store, "call", "echo", '{"a": [1, "b"]}'), (0, '{"a":[1,"b"]}\n', ""))
            equal(tool(store, "call", "echo", "null"), (0, "null\n", ""))
            has(tool(store, "call", "env")[1], "nova env ")
            equal("mine" in tool(store, "call", "version")[1], False)
            fails(tool(store, "call", "fail"), 1, "the guest refused: own command 'fail' ended with 3: why (returncode 500)")
            names = [one["name"] for one in said(store, "info")[1]["operations"]]
            equal((names.count("version"), names[-3:]), (1, ["echo", "env", "fail"]))
            (folder / "echo").chmod(0o777)
            fails(tool(store, "call", "echo"), 1, "No such agent command 'echo'")
        finally:
            process.terminate()
            log = process.communicate(timeout=20)[1].decode()
        lines = [line for line in log.splitlines() if "not a command" in line]
        equal(len(lines), 2, log)
        has(lines[0], f"{folder}/version is not called over nova, which has its own")
        has(lines[1], "can be written by others")


@case("a request outlives an agent that is restarted")
def _():
    with StoreDaemon() as store:
        with agent(store):
            equal(tool(store, "wait")[0], 0)
        child = start(store, "ping")
        request_of(store)
        with agent(store):
            equal(ended(child)[0], 0)
        clean(store)


@case("many tools at once each get their own answer")
def _():
    with StoreDaemon() as store, StandIn(store.path, {"x": lambda value: ("0", f"answer to {value}")}):
        children = [start(store, "call", "x", f"question {n}") for n in range(20)]
        for n, child in enumerate(children):
            equal(ended(child), (0, f"answer to question {n}\n", ""))
        clean(store)


# ---- real daemons

class Real:
    """One of them, as the cases above look at theirs."""

    def __init__(self, kind):
        try:
            self.daemon = Xenstored(kind)
        except Lacking as why:
            skip(why)
        self.path, self.guest = self.daemon.socket, self.daemon.guest
        self.client = Client(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.daemon.stop()
        self.daemon.__exit__()

    def children(self, path):
        return self.client.children(path)

    def request(self):
        return eventually(lambda: self.children(HOME + "/data/host"), what="a request")


def on_real(sentence):
    def register(function):
        for kind in ("c", "ocaml"):
            def run(kind=kind):
                with Real(kind) as store:
                    function(store)
            case(f"{'xenstored' if kind == 'c' else 'oxenstored'}: {sentence}")(run)
    return register


@on_real("our agent on its guest's ring answers ping, wait, info and an own command")
def _(store):
    with agent(store, endpoint=f"xenstore:{store.guest}") as root:
        equal(tool(store, "wait")[0], 0)
        equal(tool(store, "ping")[0], 0)
        code, told = said(store, "info")
        equal((code, told["agent"], told["domain"]["name"]), (0, "nova", "vm7"))
        if os.geteuid() == 0:
            folder = root / "etc/bellhop/commands.d"
            folder.mkdir(parents=True)
            folder.chmod(0o755)
            (folder / "echo").write_text("#!/bin/sh\ncat\n")
            (folder / "echo").chmod(0o755)
            equal(tool(store, "call", "echo", '{"a": 1}'), (0, '{"a":1}\n', ""))
            (folder / "fill").write_text("#!/bin/sh\nhead -c 100000 /dev/zero | tr '\\0' x\n")
            (folder / "fill").chmod(0o755)
            code, out, _ = tool(store, "call", "fill")
            equal((code, set(out), 1000 < len(out) < 2015), (0, {"x", "\n"}, True), "as much as a node has room for")
        clean(store)


@on_real("a password, a file, and a file that is too large")
def _(store):
    keys = Keys()
    takes = {"features": lambda value: ("0", "file_inject"), "file_inject": lambda value: ("0", "")}
    with StandIn(store.path, {**takes, **keys.handlers}) as guest, tempfile.NamedTemporaryFile() as file:
        if shutil.which("openssl"):
            equal(tool(store, "password", input=b"mEoW4567\n"), (0, "", ""))
            equal(keys.got, ["mEoW4567\n"])
        file.truncate(1400)
        equal(tool(store, "put", file.name, "/a"), (0, "", ""))
        equal(len(base64.b64decode(guest.asked[-1][1]["b64_file"])), 1400)
        file.truncate(2500)
        if store.daemon.kind == "c":
            equal(tool(store, "put", file.name, "/a"), (0, "", ""))
        else:
            fails(tool(store, "put", file.name, "/a"), 1, "no room", "E2BIG", "2048")
        file.truncate(3100)
        fails(tool(store, "put", file.name, "/a"), 1, "has 3100 bytes")
        clean(store)


@on_real("silence, an interruption, and a domain that goes leave nothing")
def _(store):
    with StandIn(store.path, {"x": lambda value: None}):
        fails(tool(store, "--answer-timeout", "0.3", "call", "x"), 4, "is silent")
        clean(store)
        for number in (signal.SIGINT, signal.SIGTERM):
            child = start(store, "call", "x")
            store.request()
            child.send_signal(number)
            equal(ended(child), (128 + number, "", ""))
            clean(store)
        child = start(store, "call", "x")
        store.request()
        store.client.ask(RELEASE, 7)
        fails(ended(child), 3, "there is no domain 7 here, or no longer")
        clean(store)


main()

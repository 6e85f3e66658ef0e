#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The operator's own commands, in each language. usage: own_commands_test.py BELLHOP-AGENT [--only WORD]"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "test/support"))
from agent import Agent, alive, dies  # noqa: E402
from frames import read, request, write  # noqa: E402
from qga import Host  # noqa: E402
from store import Client, StoreDaemon  # noqa: E402
from tap import case, equal, eventually, has, main, skip  # noqa: E402

MIB = 1 << 20
NONE = object()    # no argument at all


class Guest:
    """An agent, and the folder that it takes for its guest's /etc/bellhop/commands.d."""

    def __init__(self, dialect, *options):
        if os.geteuid() != 0:
            skip("what belongs to root only root can make")
        self.root = tempfile.mkdtemp(prefix="bellhop-own-")
        self.folder = os.path.join(self.root, "etc/bellhop/commands.d")
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        self.dialect = dialect
        self.agent = self.start("--root", self.root, *options)

    def start(self, *options):
        return Agent(*options, dialect=self.dialect)

    def quiet(self):
        self.agent.quiet()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        try:
            if why[0] is None:
                self.quiet()
            return self.agent.__exit__(*why)
        finally:
            shutil.rmtree(self.root)

    def path(self, name):
        return os.path.join(self.folder, name)

    def add(self, name, script, mode=0o755):
        data = script if isinstance(script, bytes) else script.encode()
        whole = write(f"{self.root}/new-command", data if data.startswith(b"#!") else b"#!/bin/sh\n" + data, mode)
        os.rename(whole, self.path(name))    # the agent may be looking

    def ignored(self, count):
        """The lines about ignored files, of which there must be so many."""
        def lines():
            return [line for line in self.agent.log.lines if "not a command" in line]
        eventually(lambda: len(lines()) >= count, what=f"{count} lines")
        equal(len(lines()), count, str(lines()))
        return lines()


class Frames(Guest):
    def __init__(self, *options):
        super().__init__("frames", *options)

    def words(self, name, argument=NONE, limit=None):
        members = {"name": name} if argument is NONE else {"name": name, "args": argument}
        if limit is not None:
            members["timeout"] = limit
        return request(op="call", **members)

    def ask(self, *words, **more):
        """(code, out, stderr) or the error's text."""
        with self.agent.connect(self.words(*words, **more)) as host:
            answer = host.answer()
        if not answer["ok"]:
            equal(set(answer), {"ok", "error"})
            return answer["error"]
        equal((answer.pop("ok"), answer.pop("op")), (True, "call"))
        return told(answer)

    def names(self):
        return self.agent.ask("info")["commands"]

    begin = contextlib.contextmanager(lambda self, *words, **more: (yield self.agent.connect(self.words(*words, **more))))


class Qga(Guest):
    def __init__(self, *options):
        super().__init__("qga", *options)

    def words(self, name, argument=NONE, limit=None):
        members = {"name": name} if argument is NONE else {"name": name, "args": argument}
        if limit is not None:
            members["time-limit-ms"] = round(limit * 1000)
        return json.dumps({"execute": "bellhop-call", "arguments": members}).encode() + b"\n"

    def ask(self, *words, **more):
        with Host(self.agent.path) as host:
            host.send(self.words(*words, **more))
            answer = json.loads(host.line())
        if "error" in answer:
            self.error_class = answer["error"]["class"]
            return answer["error"]["desc"]
        equal(set(answer), {"return"})
        return told(answer["return"])

    def names(self):
        with Host(self.agent.path) as host:
            return host.call("bellhop-call-list")


class Nova(Guest):
    """Over a store: an answer is a text, and a failure says its code in one."""

    def __init__(self, *options):
        self.store = StoreDaemon()
        self.client = Client(self.store.path)
        self.client.watch(HOME + "/data/guest")
        self.count = 0
        super().__init__("nova", *options)

    def start(self, *options):
        agent = Agent("--listen", f"xenstore:7@{self.store.path}", *options, listen="none")
        agent.log.wait_for("listening on xenstore")
        return agent

    def quiet(self):
        eventually(lambda: not self.agent.children(), what="the end of all children")

    def __exit__(self, *why):
        try:
            return super().__exit__(*why)
        finally:
            self.client.close()
            self.store.__exit__()

    def request(self, name, argument=NONE):
        """Lays it down, and gives where the answer will be."""
        self.count += 1
        members = {"name": name} if argument is NONE else {"name": name, "value": argument}
        self.client.write(f"{HOME}/data/host/{self.count}", json.dumps(members))
        return f"{HOME}/data/guest/{self.count}"

    def ask(self, name, argument=NONE):
        place = self.request(name, argument)
        while (text := self.client.read(place)) is None:
            self.client.event()
        answer = json.loads(text)
        equal(set(answer), {"message", "returncode"})
        message = answer["message"]
        if answer["returncode"] == "0":
            return 0, value_of(message), ""
        if answer["returncode"] == "404":
            equal(message, f"No such agent command '{name}'"[:len(message)])
            return f"there is no own command '{name}'"
        equal(answer["returncode"], "500")
        failed = re.match(r"own command '.*' ended with (-?\d+)(?:: (.*))?$", message)
        return (int(failed[1]), "", failed[2] or "") if failed else message

    def names(self):
        return [name for name in self.ask("features")[1].split(",") if name not in BUILT_IN]


BUILT_IN = {"features", "file_inject", "injectfile", "keyinit", "kmsactivate", "password", "resetnetwork", "version"}
HOME = "/local/domain/7"


def value_of(text):
    """What JSON means, or else the text."""
    def none(word):
        raise ValueError(word)
    try:
        return json.loads(text, parse_constant=none)
    except ValueError:
        return text


def told(answer):
    equal(set(answer), {"code", "out"} | ({"stderr"} if answer["code"] else set()))
    return answer["code"], answer["out"], answer.get("stderr", "")


def in_each(sentence, seconds=60, kinds=(Frames, Qga)):
    """A case for each language; it is given the class of the guest."""
    def register(function):
        for kind in kinds:
            case(f"{kind.__name__.lower()}: {sentence}", seconds)(lambda kind=kind: function(kind))
    return register


def in_all(sentence):
    return in_each(sentence, kinds=(Frames, Nova, Qga))


# ---- what is passed on

@in_each("the argument is on standard input as one JSON value, null when there is none, and then the end")
def _(kind):
    with kind() as guest:
        guest.add("keep", f"cat > {guest.root}/kept")
        for argument in (NONE, None, True, 7, -1.5, "a \"b\"\n\u00e4\U0001f600", [], {"a": [1, {"b": None}]}, "x" * 300_000):
            equal(guest.ask("keep", argument), (0, "", ""))
            kept = read(f"{guest.root}/kept")
            equal(json.loads(kept), None if argument is NONE else argument)
            equal(kept, kept.strip(), "nothing around the value")


@in_each("a command that does not read its argument is no error")
def _(kind):
    with kind() as guest:
        guest.add("deaf", "exec <&-; echo done")
        equal(guest.ask("deaf", "x" * 500_000), (0, "done", ""))


@in_all("JSON is answered as JSON, anything else as text without its last newline")
def _(kind):
    with kind() as guest:
        for text, wanted in ((r'{"a": [1, 2.5, true, null, "x"]}\n', {"a": [1, 2.5, True, None, "x"]}), ("42", 42), ('"t"\\n', "t"),
                             (r'[\n 1,\n 2\n]\n', [1, 2]), ("null", None), ("", ""), (r"\n", ""), (r"a\n", "a"), (r"a\n\n", "a\n"),
                             (r"two\nlines", "two\nlines"), ("{", "{"), ("1 2", "1 2"), ("NaN", "NaN"), (r"nul\0", "nul\0"),
                             (r"\303\244", "\u00e4"), (r"bin\377\200ary", "bin\ufffd\ufffdary")):
            guest.add("say", f"printf '{text}'")
            equal(guest.ask("say"), (0, wanted, ""), text)


@in_all("another exit status than 0 is told with the first line of standard error, a signal as its negative number")
def _(kind):
    with kind() as guest:
        guest.add("fail", "echo partly; echo first >&2; echo second >&2; exit 3")
        equal(guest.ask("fail"), (3, "" if kind is Nova else "partly", "first"))
        guest.add("mute", "exit 255")
        equal(guest.ask("mute"), (255, "", ""))
        guest.add("killed", "kill -9 $$")
        equal(guest.ask("killed"), (-9, "", ""))


@in_all("its argument list is its path, its folder /, its environment six variables, its session its own")
def _(kind):
    with kind() as guest:
        guest.add("facts", r"""tr '\0' '|' < /proc/$$/cmdline; echo
readlink /proc/$$/cwd
tr '\0' '\n' < /proc/$$/environ | sort | tr '\n' '|'; echo
cut -d' ' -f5,6 /proc/$$/stat; echo $$ $$
for one in /proc/$$/fd/*; do readlink $one; done | grep -v commands.d | sed 's/:.*//' | tr '\n' ' '""")
        code, out, _ = guest.ask("facts")
        equal(code, 0)
        words, folder, variables, group, own, descriptors = out.split("\n")
        equal(words, f"/bin/sh|{guest.path('facts')}|")
        equal(folder, "/")
        peer = f"xenstore 7@{guest.store.path}" if kind is Nova else f"unix uid 0 pid {os.getpid()}"
        equal(variables.split("|")[:-1], ["BELLHOP_COMMAND=facts", f"BELLHOP_DIALECT={guest.dialect}", f"BELLHOP_PEER={peer}",
                                          "LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
        equal(group, own, "group and session")
        equal(descriptors, "pipe pipe pipe ")


@in_all("standard error goes to the log, 4 KiB of it")
def _(kind):
    with kind() as guest:
        guest.add("grumble", "echo one >&2; echo two >&2; head -c 100000 /dev/zero | tr '\\0' x >&2")
        equal(guest.ask("grumble"), (0, "", ""))
        guest.agent.log.wait_for("own command grumble: two")
        guest.add("after", "echo end >&2; exit 1")
        equal(guest.ask("after"), (1, "", "end"))
        guest.agent.log.wait_for("warning: own command after: end")    # the last: all before it are there
        lines = [line for line in guest.agent.log.lines if "own command grumble" in line]
        equal(len(lines), 3)
        equal(lines[0], "bellhop-agent: info: own command grumble: one")
        equal(sum(len(line) for line in lines) <= 4096, True)


# ---- limits

@in_each("a MiB of output is passed on, and one byte more is an error that names the limit")
def _(kind):
    with kind() as guest:
        guest.add("fill", f"head -c {MIB} /dev/zero | tr '\\0' x")
        equal(guest.ask("fill"), (0, "x" * MIB, ""))
        guest.add("spill", f"echo $$ > {guest.root}/pid; head -c {MIB + 1} /dev/zero | tr '\\0' x; sleep 300")
        has(guest.ask("spill"), "'spill' was killed: it wrote more than 1048576 bytes")
        dies(int(read(f"{guest.root}/pid")))
        guest.add("binary", f"head -c {MIB} /dev/zero | tr '\\0' '\\377'")    # as large as an answer becomes
        equal(guest.ask("binary"), (0, "\ufffd" * MIB, ""))


@in_each("the caller's time limit kills it with all that it has started")
def _(kind):
    with kind() as guest:
        guest.add("sleep", f"sleep 300 & echo $! > {guest.root}/pid; trap '' TERM; sleep 300")
        has(guest.ask("sleep", limit=0.3), "'sleep' was killed: it took longer than 300 ms")
        dies(int(read(f"{guest.root}/pid")))


@in_each("the usual time limit is configured, and so is the most that a caller gets")
def _(kind):
    with kind("--command-time-limit", "0.2", "--max-command-time-limit", "0.4") as guest:
        guest.add("sleep", "exec sleep 300")
        has(guest.ask("sleep"), "longer than 200 ms")
        has(guest.ask("sleep", limit=100), "longer than 400 ms")
    with kind("--max-command-time-limit", "0.3") as guest:
        guest.add("sleep", "exec sleep 300")
        has(guest.ask("sleep"), "longer than 300 ms")


@in_each("a wrong time limit is refused")
def _(kind):
    with kind() as guest:
        guest.add("true", "")
        for limit in (0, -1):
            equal(type(guest.ask("true", limit=limit)), str)


@in_all("its background processes do not delay the answer, and live on")
def _(kind):
    with kind() as guest:
        guest.add("daemon", "sleep 300 & echo $!")
        code, pid, _ = guest.ask("daemon")
        equal((code, alive(pid)), (0, True))
        os.kill(pid, 9)


@case("nova: the usual time limit kills it with all that it has started, and an argument is passed on whole")
def _():
    with Nova("--command-time-limit", "0.3") as guest:
        guest.add("sleep", f"sleep 300 & echo $! > {guest.root}/pid; sleep 300")
        has(guest.ask("sleep"), "'sleep' was killed: it took longer than 300 ms")
        dies(int(read(f"{guest.root}/pid")))
        guest.add("keep", f"cat > {guest.root}/kept")
        for argument in (NONE, None, "", "text", 7, {"a": [1, "b\n"]}, "x" * 1900):
            equal(guest.ask("keep", argument), (0, "", ""))
            equal(json.loads(read(f"{guest.root}/kept")), None if argument is NONE else argument)
        guest.add("spill", f"head -c {MIB + 1} /dev/zero | tr '\\0' x")
        has(guest.ask("spill"), "it wrote more than 1048576 bytes")


@case("nova: an agent that is to end takes it along")
def _():
    with Nova("--drain-timeout", "0") as guest:
        guest.add("sleep", f"echo $$ > {guest.root}/new; mv {guest.root}/new {guest.root}/pid; exec sleep 300")
        guest.request("sleep")
        eventually(lambda: os.path.exists(f"{guest.root}/pid"), what="the start")
        guest.agent.stop()
        dies(int(read(f"{guest.root}/pid")))
        guest.quiet = lambda: None    # there is no agent to ask


@in_each("it counts among the commands at a time")
def _(kind):
    with kind("--max-runs", "1") as guest:
        guest.add("once", f"mkdir {guest.root}/busy || exit 9; sleep 0.1; rmdir {guest.root}/busy")
        hosts = [guest.agent.connect(guest.words("once")) for _ in range(3)]
        for host in hosts:
            with host:
                has(host.answer() if kind is Frames else json.loads(host.socket.makefile("rb").readline())["return"], "code")
        equal(guest.ask("once"), (0, "", ""))


@in_each("unfinished requests over the limit of buffered bytes are refused, and none of it is kept")
def _(kind):
    with kind("--max-buffered", "200000") as guest:
        guest.add("fill", "head -c 400000 /dev/zero | tr '\\0' x")
        has(guest.ask("fill"), "over the limit of buffered bytes")
        guest.add("less", "head -c 150000 /dev/zero | tr '\\0' x")
        for _ in range(3):
            equal(guest.ask("less"), (0, "x" * 150_000, ""))


@case("frames: a caller that hangs up takes it along")
def _():
    with Frames() as guest:
        guest.add("sleep", f"echo $$ > {guest.root}/new; mv {guest.root}/new {guest.root}/pid; exec sleep 300")
        with guest.agent.connect(guest.words("sleep")):
            eventually(lambda: os.path.exists(f"{guest.root}/pid"), what="the start")
        dies(int(read(f"{guest.root}/pid")))


@case("qga: a caller that hangs up does not end it")
def _():
    with Qga() as guest:
        guest.add("slow", f"touch {guest.root}/begun; sleep 0.2; touch {guest.root}/whole")
        with Host(guest.agent.path) as host:
            host.send(guest.words("slow"))
            eventually(lambda: os.path.exists(f"{guest.root}/begun"), what="the start")
        eventually(lambda: os.path.exists(f"{guest.root}/whole"), what="its end")


# ---- which files

@in_all("without the folder there is none; a file that is added or removed is seen without a restart")
def _(kind):
    with kind() as guest:
        os.rmdir(guest.folder)
        equal(guest.names(), [])
        equal(guest.ask("new"), "there is no own command 'new'")
        os.mkdir(guest.folder, 0o755)
        guest.add("new", "echo hello")
        guest.add("also.new-2_B", "")
        equal(guest.names(), ["also.new-2_B", "new"])
        equal(guest.ask("new"), (0, "hello", ""))
        os.unlink(guest.path("new"))
        equal(guest.ask("new"), "there is no own command 'new'")
        equal(guest.names(), ["also.new-2_B"])
        guest.ignored(0)


def make_link(guest):
    write(f"{guest.root}/target", b"#!/bin/sh\n", 0o755)
    os.unlink(guest.path("c"))
    os.symlink(f"{guest.root}/target", guest.path("c"))


def make_pipe(guest):
    os.unlink(guest.path("c"))
    os.mkfifo(guest.path("c"), 0o755)


def make_folder(guest):
    os.unlink(guest.path("c"))
    os.mkdir(guest.path("c"), 0o755)


WRONG = {
    "a file of another user": (lambda guest: os.chown(guest.path("c"), 1, 0), "does not belong to root"),
    "a file that its group can write": (lambda guest: os.chmod(guest.path("c"), 0o775), "can be written by others"),
    "a file that everybody can write": (lambda guest: os.chmod(guest.path("c"), 0o757), "can be written by others"),
    "a file that is not executable": (lambda guest: os.chmod(guest.path("c"), 0o644), "is not executable"),
    "a symbolic link": (make_link, "is a symbolic link"),
    "a pipe": (make_pipe, "is no regular file"),
    "a folder": (make_folder, "is no regular file"),
}

for what, (spoil, why) in WRONG.items():
    @in_all(f"{what} is ignored, with one line in the log")
    def _(kind, spoil=spoil, why=why):
        with kind() as guest:
            guest.add("c", "echo run")
            equal(guest.ask("c"), (0, "run", ""))
            spoil(guest)
            for _ in range(3):
                equal(guest.ask("c"), "there is no own command 'c'")
                equal(guest.names(), [])
            has(guest.ignored(1)[0], f"warning: not a command: {guest.path('c')} {why}")


@in_all("a folder of another user, that others can write, or that is a link is ignored as a whole, with one line in the log")
def _(kind):
    with kind() as guest:
        guest.add("c", "echo run")

        def ignored(lines, why):
            for _ in range(3):
                equal(guest.ask("c"), "there is no own command 'c'")
                equal(guest.names(), [])
            has(guest.ignored(lines)[-1], f"not a command: {guest.folder} {why}")

        os.chmod(guest.folder, 0o775)
        ignored(1, "can be written by others")
        os.chmod(guest.folder, 0o757)
        ignored(1, "can be written by others")
        os.chmod(guest.folder, 0o755)
        os.chown(guest.folder, 1, 0)
        ignored(2, "does not belong to root")
        os.chown(guest.folder, 0, 0)
        equal(guest.ask("c"), (0, "run", ""))
        os.chmod(guest.folder, 0o777)
        ignored(3, "can be written by others")    # again, after it was right
        os.chmod(guest.folder, 0o755)
        os.rename(guest.folder, guest.folder + ".real")
        os.symlink(guest.folder + ".real", guest.folder)
        ignored(4, "is a symbolic link")
        os.unlink(guest.folder)
        write(guest.folder, b"", 0o755)
        ignored(5, "is no directory")


@in_each("a name that is none is an unknown one, wherever it points")
def _(kind):
    with kind() as guest:
        guest.add(".hidden", "echo run")
        guest.add("a b", "echo run")
        guest.add("n" * 64, "echo run")
        guest.add("n" * 65, "echo run")
        write(f"{guest.root}/etc/bellhop/outside", b"#!/bin/sh\necho run\n", 0o755)
        for name in (".hidden", "a b", "n" * 65, "../outside", ".", "..", "../commands.d/x", "/bin/true", "a/b", "\u00e4", "x\0y", "x" * 100_000):
            equal(guest.ask(name), "the name of an own command is 1 to 64 letters, digits, _ . and -", name[:80])
        equal(guest.ask("n" * 64), (0, "run", ""))
        equal(guest.names(), ["n" * 64])
        guest.ignored(2)    # 'a b', and 65 letters


@in_all("one that cannot start is an error that says why")
def _(kind):
    with kind() as guest:
        guest.add("broken", "#!/no/such/interpreter\n")
        has(guest.ask("broken"), "own command 'broken' cannot start: exec ")
        equal(getattr(guest, "error_class", "GenericError"), "GenericError")    # of qga: it is there


# ---- the languages' own

@case("frames: a request without a name, or with a wrong one, is refused")
def _():
    with Frames() as guest:
        for members in ({}, {"name": ""}, {"name": 7}, {"name": None}):
            equal(guest.agent.ask("call", **members), {"ok": False, "error": "missing 'name'"})
        guest.add("x", "")
        for limit in ("soon", [], False):
            equal(guest.agent.ask("call", name="x", timeout=limit), {"ok": False, "error": "bad 'timeout'"})


@case("qga: an unknown one is CommandNotFound, a failure of the agent's GenericError, and guest-info lists the commands")
def _():
    with Qga() as guest:
        guest.add("slow", "exec sleep 300")
        guest.ask("none")
        equal(guest.error_class, "CommandNotFound")
        guest.ask("slow", limit=0.1)
        equal(guest.error_class, "GenericError")
        with Host(guest.agent.path) as host:
            equal(host.ask("bellhop-call")["error"]["desc"], "Parameter 'name' is missing")
            listed = {one["name"]: one["enabled"] for one in host.call("guest-info")["supported_commands"]}
            equal((listed["bellhop-call"], listed["bellhop-call-list"]), (True, True))


@case("own_command can be blocked: for all, and in one language")
def _():
    with Frames("--block", "own_command") as guest:
        guest.add("x", "echo run")
        equal(guest.ask("x"), "own_command is blocked in this guest")
        equal(guest.names(), [])
    with Qga("--block", "own_command") as guest:
        guest.add("x", "echo run")
        has(guest.ask("x"), "has been disabled")
        equal(guest.error_class, "CommandNotFound")
    with Qga("--allow", "run") as guest:
        with Host(guest.agent.path) as host:
            equal(host.ask("bellhop-call-list")["error"]["class"], "CommandNotFound")


@case("many calls at once are each answered with their own, and nothing is left")
def _():
    with Frames() as guest:
        guest.add("echo", "cat")
        hosts = [guest.agent.connect(guest.words("echo", {"n": n, "x": "y" * 5000})) for n in range(100)]
        for n, host in enumerate(hosts):
            with host:
                equal(host.answer()["out"]["n"], n)


@in_all("the example of docs/own-commands.md does what it says there")
def _(kind):
    script = re.search(r"```sh\n(.*?)```", (TOP / "docs/own-commands.md").read_text(), re.DOTALL)[1]
    with kind() as guest:
        guest.add("free-space", script)
        code, out, _ = guest.ask("free-space", "/")
        equal((code, set(out), type(out["free-kib"])), (0, {"free-kib"}, int))
        equal(guest.ask("free-space", "/no/such"), (3, "", "no folder /no/such"))


main()

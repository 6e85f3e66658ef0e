#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guest-exec: what QEMU's own agent answers, and what is better here. usage: exec_test.py BELLHOP-AGENT [--only WORD]"""
import base64
import ctypes
import json
import os
import pathlib
import pwd
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import Agent, dies  # noqa: E402
from qga import Host, Oracle, Refused  # noqa: E402
from tap import case, equal, eventually, has, main, skip  # noqa: E402

MIB = 1 << 20


def b64(data):
    return base64.b64encode(data).decode()


def finished(host, pid, seconds=30):
    """The status of a command that is over."""
    def over():
        status = host.call("guest-exec-status", {"pid": pid})
        return status if status["exited"] else equal(status, {"exited": False})
    return eventually(over, seconds, f"the end of command {pid}")


def run(host, path, *arguments, **more):
    return finished(host, host.call("guest-exec", {"path": path, "arg": list(arguments), **more})["pid"])


def shell(host, script, **more):
    return run(host, "/bin/sh", "-c", script, **more)


def out(status):
    return base64.b64decode(status.get("out-data", ""))


def err(status):
    return base64.b64decode(status.get("err-data", ""))


def refusal(host, command, arguments):
    try:
        value = host.call(command, arguments)
    except Refused as why:
        equal(why.kind, "GenericError")
        return why.desc
    raise AssertionError(f"{command} {arguments!r:.300} was not refused but answered {value!r:.300}")


class One:
    def __init__(self, *options, **popen):
        self.agent = Agent(*options, dialect="qga", **popen)
        self.host = Host(self.agent.path)

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        self.host.__exit__()
        self.agent.__exit__(kind, *rest)


def oracle(*options, **popen):
    if not Oracle.BINARY:
        raise AssertionError("no qemu-ga here; tools/install-needs build")
    return Oracle(*options, **popen)


# ---- the same as qemu-ga

STARTED = [    # guest-exec's arguments; the results are compared
    {"path": "/bin/true"},
    {"path": "/bin/false"},
    {"path": "true", "capture-output": True},
    {"path": "echo", "arg": ["hi"], "capture-output": True},
    {"path": "echo", "arg": ["hi"], "capture-output": False},
    {"path": "echo", "arg": ["hi"]},
    {"path": "sh", "arg": ["-c", "echo out; echo err >&2; echo out2"], "capture-output": True},
    {"path": "sh", "arg": ["-c", "kill -9 $$"], "capture-output": True},
    {"path": "sh", "arg": ["-c", "exit 300"]},
    {"path": "env", "env": ["FOO=bar"], "capture-output": True},
    {"path": "env", "env": ["FOO=bar", "PATH=/usr/bin"], "capture-output": True},
    {"path": "env", "env": [], "capture-output": True},
    {"path": "cat", "input-data": "aGVsbG8=", "capture-output": True},
    {"path": "cat", "input-data": "aGVs\nbG8=\n", "capture-output": True},
    {"path": "cat", "input-data": "", "capture-output": True},
    {"path": "cat", "capture-output": True},
    {"path": "cat", "input-data": "aGVsbG8="},
    {"path": "pwd", "capture-output": True},
    {"path": "sh", "arg": ["-c", "head -c 70000 /dev/zero"], "capture-output": True},
]
REFUSED = [
    ("guest-exec", {"arg": ["x"]}),
    ("guest-exec", {"path": "echo", "arg": "notalist"}),
    ("guest-exec", {"path": "echo", "arg": [1]}),
    ("guest-exec", {"path": "echo", "env": [None]}),
    ("guest-exec", {"path": "echo", "zzz": 1}),
    ("guest-exec", {"path": "cat", "input-data": "!!!"}),
    ("guest-exec-status", {}),
    ("guest-exec-status", {"pid": "x"}),
]


@case("commands end as they do under qemu-ga")
def _():
    with One() as one, oracle(cwd=one.agent.root) as theirs, Host(theirs.path) as host:
        for arguments in STARTED:
            got, want = (finished(asked, asked.call("guest-exec", arguments)["pid"]) for asked in (one.host, host))
            equal(got, want, str(arguments))


@case("what is no request for a command is refused in qemu-ga's words")
def _():
    with One() as one, oracle() as theirs, Host(theirs.path) as host:
        for command, arguments in REFUSED:
            equal(refusal(one.host, command, arguments), refusal(host, command, arguments), f"{command} {arguments}")


@case("a program that cannot be started is told at once, in GLib's words")
def _():
    with One() as one, oracle() as their_agent, Host(their_agent.path) as host:
        for path in ("/bin/nonexistent", "nonexistent-cmd", "/etc/passwd", "/tmp", ""):
            said = refusal(one.host, "guest-exec", {"path": path})
            has(said, f"Failed to execute child process \u201c{path}\u201d (")
            theirs = refusal(host, "guest-exec", {"path": path})
            if theirs != said:
                equal(theirs, f"Guest agent command failed, error was '{said}'", "the frame that older ones put around it")


@case("each way to capture gives its streams and nothing else")
def _():
    with One() as one:
        script = "echo out; echo err >&2; echo out2"
        for mode, wanted in (("none", {}), ("stdout", {"out": b"out\nout2\n"}), ("stderr", {"err": b"err\n"}),
                             ("separated", {"out": b"out\nout2\n", "err": b"err\n"}), ("merged", {"out": b"out\nerr\nout2\n"}),
                             (True, {"out": b"out\nout2\n", "err": b"err\n"}), (False, {})):
            status = shell(one.host, script, **{"capture-output": mode})
            got = {name: base64.b64decode(status[name + "-data"]) for name in ("out", "err") if name + "-data" in status}
            equal(got, wanted, str(mode))
        for wrong, why in (("all", "Parameter 'capture-output' does not accept value 'all'"),
                           (5, "Invalid parameter type for 'capture-output', expected: GuestExecCaptureOutput"),
                           (None, "Invalid parameter type for 'capture-output', expected: GuestExecCaptureOutput")):
            equal(refusal(one.host, "guest-exec", {"path": "true", "capture-output": wrong}), why)


@case("what is not captured goes to /dev/null, and so does the input that nobody gave")
def _():
    with One() as one:
        for mode, null in (("none", (0, 1, 2)), ("stdout", (0, 2)), ("stderr", (0, 1)), ("separated", (0,)), ("merged", (0,))):
            pid = one.host.call("guest-exec", {"path": "sleep", "arg": ["300"], "capture-output": mode})["pid"]
            links = [os.readlink(f"/proc/{pid}/fd/{n}") for n in range(3)]
            eventually(lambda: len(os.listdir(f"/proc/{pid}/fd")) == 3, what="nothing else of ours is open")    # its loader is done
            equal(tuple(n for n in range(3) if links[n] == "/dev/null"), null, f"{mode}: {links}")
            equal(links[1] == links[2], mode in ("none", "merged"), f"{mode}: {links}")
            os.kill(pid, signal.SIGKILL)
            equal(finished(one.host, pid), {"exited": True, "signal": 9})


@case("a command that captures stderr only, or stdout only, ends, and takes nothing of the next one's")
def _():
    with One() as one:
        for mode in ("stderr", "stdout"):
            first = one.host.call("guest-exec", {"path": "true", "capture-output": mode})["pid"]
            second = one.host.call("guest-exec", {"path": "echo", "arg": ["mine"], "capture-output": True})["pid"]
            equal(out(finished(one.host, second)), b"mine\n")
            equal(finished(one.host, first), {"exited": True, "exitcode": 0})
            equal(out(run(one.host, "cat", **{"capture-output": True, "input-data": b64(b"input")})), b"input", "input goes on after")


# ---- better than qemu-ga

@case("the variable PATH of a command's own environment is where it is looked up")
def _():
    with One() as one:
        os.mkdir(one.agent.at("bin"))
        program = pathlib.Path(one.agent.at("bin", "of-its-own"))
        program.write_text("#!/bin/sh\necho found\n")
        program.chmod(0o755)
        equal(out(run(one.host, "of-its-own", env=["PATH=" + one.agent.at("bin")], **{"capture-output": True})), b"found\n")
        has(refusal(one.host, "guest-exec", {"path": "of-its-own"}), "No such file or directory")


@case("a large input reaches a command that reads slowly")
def _():
    with One() as one:
        data = os.urandom(MIB) * 8
        pathlib.Path(one.agent.at("wanted")).write_bytes(data)
        equal(shell(one.host, "sleep 0.2; cmp - wanted", **{"input-data": b64(data), "capture-output": True}),
              {"exited": True, "exitcode": 0})
        equal(shell(one.host, "exit 3", **{"input-data": b64(data)}), {"exited": True, "exitcode": 3}, "and one that reads nothing")


@case("output is kept up to 16 MiB, spilled out of our memory, and what is more is said to be missing", seconds=180)
def _():
    with One() as one:
        status = run(one.host, "head", "-c", "20000000", "/dev/zero", **{"capture-output": True})
        equal((len(out(status)), status["out-truncated"], status["exitcode"]), (16 * MIB, True, 0))
        status = shell(one.host, "seq 400000; seq 300000 >&2", **{"capture-output": True})
        equal(out(status) == b"".join(b"%d\n" % n for n in range(1, 400001)), True, "stdout")
        equal(err(status) == b"".join(b"%d\n" % n for n in range(1, 300001)), True, "stderr")
        equal((status["out-truncated"], status["err-truncated"]), (False, False))


@case("a peer that synchronised as libvirt does gets a result of less than 10 MiB that says it is shortened", seconds=180)
def _():
    with One() as one:
        pid = one.host.call("guest-exec", {"path": "sh", "arg": ["-c", "head -c 9000000 /dev/zero; head -c 2000000 /dev/zero >&2"],
                                           "capture-output": True})["pid"]
        whole = finished(one.host, pid)
        equal((len(out(whole)), len(err(whole)), whole["out-truncated"]), (9_000_000, 2_000_000, False))
        one.host.call("guest-sync", {"id": 1})
        one.host.send(b'{"execute":"guest-exec-status","arguments":{"pid":%d}}\n' % pid)
        line = one.host.line()
        equal(len(line) < 10 * MIB, True, f"{len(line)} bytes")
        short = json.loads(line)["return"]
        equal((len(out(short)), short["out-truncated"]), (7 * MIB - 2_000_000, True))
        equal((len(err(short)), short["err-truncated"]), (2_000_000, False))


@case("a daemon that keeps the output does not keep a command from being over")
def _():
    with One() as one:
        status = shell(one.host, "sleep 300 & echo $!", **{"capture-output": True})
        equal(status["exitcode"], 0)
        left = int(out(status))
        os.kill(left, 15)
        dies(left)


@case("a command outlives the connection that started it, and its result the one that read it first")
def _():
    with One() as one:
        os.mkfifo(one.agent.at("go"))
        with Host(one.agent.path) as other:
            pid = other.call("guest-exec", {"path": "sh", "arg": ["-c", "read x < go; echo $x"], "capture-output": True})["pid"]
            equal(other.call("guest-exec-status", {"pid": pid}), {"exited": False})
        pathlib.Path(one.agent.at("go")).write_text("on\n")
        wanted = {"exited": True, "exitcode": 0, "out-data": b64(b"on\n"), "out-truncated": False}
        equal(finished(one.host, pid), wanted)
        with Host(one.agent.path) as other:
            equal(other.call("guest-exec-status", {"pid": pid}), wanted)


@case("a pid that nobody started does not exist")
def _():
    with One() as one:
        for pid in (0, -1, 999999, one.agent.pid):
            equal(refusal(one.host, "guest-exec-status", {"pid": pid}), f"PID {pid} does not exist")


@case("results are forgotten when there are many, those that were read first")
def _():
    with One() as one:
        unread = one.host.call("guest-exec", {"path": "true"})["pid"]
        pids = []
        for _ in range(140):
            pids.append(one.host.call("guest-exec", {"path": "true"})["pid"])
            finished(one.host, pids[-1])
        equal(one.host.call("guest-exec-status", {"pid": unread})["exited"], True)
        equal(refusal(one.host, "guest-exec-status", {"pid": pids[0]}), f"PID {pids[0]} does not exist")


@case("a command too many is refused at once, and those that run are none the worse")
def _():
    with One("--max-runs", "2") as one:
        pids = [one.host.call("guest-exec", {"path": "sleep", "arg": ["300"]})["pid"] for _ in range(2)]
        equal(refusal(one.host, "guest-exec", {"path": "true"}), "too many commands run at a time")
        for pid in pids:
            equal(one.host.call("guest-exec-status", {"pid": pid}), {"exited": False})
            os.kill(pid, signal.SIGTERM)
            equal(finished(one.host, pid), {"exited": True, "signal": 15})
        equal(run(one.host, "true"), {"exited": True, "exitcode": 0})


@case("zero bytes in what a command is given are refused")
def _():
    with One() as one:
        for arguments in ({"path": "a\0b"}, {"path": "true", "arg": ["\0"]}, {"path": "true", "env": ["A=\0"]}):
            has(refusal(one.host, "guest-exec", arguments), "zero byte")


@case("commands leave no child, descriptor or memory file behind")
def _():
    with One() as one:
        one.host.call("guest-ping")
        before = one.agent.descriptors()
        for _ in range(20):
            shell(one.host, "echo x; cat", **{"capture-output": True, "input-data": b64(b"y")})
        eventually(lambda: one.agent.descriptors() == before, what="as many descriptors as before")
        equal(one.agent.children(), [])


# ---- bellhop-exec*

def read(host, pid, stream="stdout", offset=0, **more):
    answer = host.call("bellhop-exec-read", {"pid": pid, "stream": stream, "offset": offset, **more})
    data = base64.b64decode(answer["buf-b64"], validate=True)
    equal((answer["offset"], answer["count"]), (offset, len(data)))
    return data, answer


def read_all(host, pid, stream="stdout", **more):
    """Everything, as it comes, and the last answer."""
    got = b""
    while True:
        data, answer = read(host, pid, stream, len(got), **more)
        got += data
        if answer["eof"]:
            return got, answer


@case("bellhop-exec: output can be read while the command runs, and its input goes on")
def _():
    with One() as one:
        pid = one.host.call("bellhop-exec", {"path": "cat", "input": True})["pid"]
        at = 0
        for word in (b"one\n", b"two\n"):
            equal(one.host.call("bellhop-exec-write", {"pid": pid, "buf-b64": b64(word)}), {"count": 4, "busy": False})
            data = eventually(lambda: read(one.host, pid, offset=at)[0], what="the echo")
            equal(data, word)
            at += len(word)
        equal(read(one.host, pid, offset=at)[1]["exited"], False)
        one.host.call("bellhop-exec-write", {"pid": pid, "buf-b64": b64(b"end"), "end": True})
        eventually(lambda: read(one.host, pid, offset=at)[1]["exited"], what="the end of cat")
        data, answer = read(one.host, pid, offset=at)
        equal((data, answer["eof"], answer["exitcode"]), (b"end", True, 0))
        has(refusal(one.host, "bellhop-exec-write", {"pid": pid}), "takes no input")
        equal(refusal(one.host, "bellhop-exec-read", {"pid": pid, "offset": 0}), "value '0' is invalid for argument offset")


@case("bellhop-exec: a command that writes more than is kept waits for its reader, and nothing is lost", seconds=180)
def _():
    with One() as one:
        pid = one.host.call("bellhop-exec", {"path": "seq", "arg": ["4000000"]})["pid"]
        got, answer = read_all(one.host, pid, count=4 * MIB)
        equal(got == b"".join(b"%d\n" % n for n in range(1, 4000001)), True, f"{len(got)} bytes")
        equal(("truncated" in answer, answer["exitcode"]), (False, 0))


@case("bellhop-exec: a command that has ended leaves its place, though nobody reads what it wrote")
def _():
    size = 16 * MIB + 60_000    # what is kept, and most of a small pipe
    with One("--max-runs", "1") as one:
        pid = one.host.call("bellhop-exec", {"path": "head", "arg": ["-c", str(size), "/dev/zero"]})["pid"]

        def another():
            try:
                return one.host.call("guest-exec", {"path": "true"})["pid"]
            except Refused:
                return None
        finished(one.host, eventually(another, 30, "a place"))
        got, answer = read_all(one.host, pid, count=4 * MIB)
        equal((len(got), got.count(0), "truncated" in answer, answer["exitcode"]), (size, size, False, 0))


@case("bellhop-exec: environment, directory, merged output, time limit and signals are as asked")
def _():
    with One(env={**os.environ, "OURS": "1", "SHELL": "/bin/sh"}) as one:
        def said(script, **more):
            pid = one.host.call("bellhop-exec", {"path": "/bin/sh", "arg": ["-c", script], **more})["pid"]
            return read_all(one.host, pid)
        equal(said("echo $OURS $THEIRS", env=["THEIRS=2"])[0], b"1 2\n")
        equal(said("echo $OURS $THEIRS", env=["THEIRS=2"], **{"inherit-env": False})[0], b"2\n")
        equal(said("pwd", cwd="/")[0], b"/\n")
        equal(said("echo a; echo b >&2; echo c", merge=True)[0], b"a\nb\nc\n")
        limited = said("echo begun; exec sleep 300", **{"time-limit-ms": 300})
        equal((limited[0], limited[1]["signal"], limited[1]["timed-out"]), (b"begun\n", 9, True))
        has(refusal(one.host, "bellhop-exec", {"path": "true", "cwd": "/nowhere"}), "No such file or directory")
        pid = one.host.call("bellhop-exec", {"path": "sleep", "arg": ["300"]})["pid"]
        equal(one.host.call("bellhop-exec-signal", {"pid": pid, "signal": 15}), {})
        equal(finished(one.host, pid), {"exited": True, "signal": 15})
        has(refusal(one.host, "bellhop-exec-signal", {"pid": pid, "signal": 15}), "is over")


def as_user(host, script, **more):
    pid = host.call("bellhop-exec", {"path": "/bin/sh", "arg": ["-c", script], **more})["pid"]
    output, answer = read_all(host, pid)
    return output.decode().split(), answer["exitcode"]


@case("bellhop-exec: a user's command has that user's rights, groups and environment, and no others")
def _():
    if os.getuid():
        skip("needs root")
    user = "nobody"
    account = pwd.getpwnam(user)
    groups = sorted(os.getgrouplist(user, account.pw_gid))
    with One(env={**os.environ, "HOME": "/ours", "SHELL": "/ours"}) as one, tempfile.TemporaryDirectory() as closed:
        ids = "id -ru; id -u; id -rg; id -g; grep -c 'CapEff:.0*$' /proc/self/status"
        equal(as_user(one.host, ids, user=user), ([str(account.pw_uid)] * 2 + [str(account.pw_gid)] * 2 + ["1"], 0))
        equal(sorted(map(int, as_user(one.host, "id -G", user=user)[0])), groups)
        equal(as_user(one.host, "echo $HOME $USER $LOGNAME $SHELL", user=user)[0],
              [account.pw_dir, user, user, account.pw_shell])
        equal(as_user(one.host, "echo $HOME $USER", user=user, env=["HOME=/given"], **{"inherit-env": False})[0],
              ["/given", user])
        equal(as_user(one.host, f"test -r {closed} || echo closed", user=user)[0], ["closed"])
        has(refusal(one.host, "bellhop-exec", {"path": "true", "user": user, "cwd": closed}), "Permission denied")
        for unknown in ("no-such-user", "", f"{user}:x"):
            equal(refusal(one.host, "bellhop-exec", {"path": "true", "user": unknown}), f"there is no user '{unknown}'")
        equal(as_user(one.host, "id -u", user="root")[0], ["0"])
        equal(one.agent.children(), [])


@case("bellhop-exec: an agent that may not be somebody else says so")
def _():
    if os.getuid():
        skip("needs root")
    drop, setgid = 24, 6    # PR_CAPBSET_DROP, CAP_SETGID
    with One(preexec_fn=lambda: ctypes.CDLL(None).prctl(drop, setgid, 0, 0, 0)) as one:
        why = refusal(one.host, "bellhop-exec", {"path": "true", "user": "nobody"})
        equal(why, "setuid true: Operation not permitted")
        equal(one.agent.children(), [])


@case("the extensions are among the supported commands")
def _():
    with One() as one:
        names = {command["name"] for command in one.host.call("guest-info")["supported_commands"] if command["enabled"]}
        equal({"bellhop-exec", "bellhop-exec-read", "bellhop-exec-write", "bellhop-exec-signal",
               "bellhop-file-read", "bellhop-file-write"} - names, set())


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Man pages and bash completions say what the programs do. usage: man_test.py BELLHOP-AGENT BELLHOP [--only WORD]
Completions are asked for at the keyboard of a real bash: M-* inserts all of them, then the line is printed word by word."""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import tty

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "test/support"))
from tap import args, case, equal, main, skip  # noqa: E402

AGENT, BELLHOP = (os.path.abspath(path) for path in args)
LONG = r"(?<![\w-])--([a-z][a-z-]*)"


def read(path):
    return (TOP / path).read_text()


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def options_of_page(path):
    return set(re.findall(r"Fl -([a-z][a-z-]*)", read(path)))


def help_of_tool():
    return "".join(output(BELLHOP, *verb, "--help") for verb in ([], *([v] for v in verbs())))


def verbs():
    return re.findall(r"^  ([a-z]+) .*  ", output(BELLHOP, "--help").split("Commands:")[1].split("'bellhop")[0], re.MULTILINE)


def type_at_bash(line):
    """The words of the line after all completions of its last word have been inserted."""
    if not shutil.which("bash"):
        skip("there is no bash here")
    keyboard, terminal = pty.openpty()
    tty.setraw(terminal)
    answers, told = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("one file.txt", "other.txt"):
            pathlib.Path(folder, name).touch()
        env = {"PATH": os.environ["PATH"], "HOME": folder, "TERM": "dumb", "INPUTRC": "/dev/null"}
        bash = subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], stdin=terminal, stdout=terminal, stderr=terminal,
                                cwd=folder, env=env, pass_fds=[told], start_new_session=True)
        os.close(terminal)
        os.close(told)
        try:
            for name in ("bellhop", "bellhop-agent", "qemu-ga"):
                os.write(keyboard, f". '{TOP}/tools/completion/{name}'\r".encode())
            os.write(keyboard, f"{line}\x1b*\x01printf '%s\\0' \x05 >&{told}; exit\r".encode())
            return written(keyboard, answers).split("\0")[:-1]
        finally:
            bash.kill()
            bash.wait()
            os.close(keyboard)
            os.close(answers)


def written(keyboard, answers):
    """What bash writes to `answers` until it ends; its screen is read and dropped. A hang ends with the case's time limit."""
    text = b""
    waiting = [keyboard, answers]
    while answers in waiting:
        for ready in select.select(waiting, [], [])[0]:
            try:
                data = os.read(ready, 4096)
            except OSError:  # EIO: the terminal has no user left
                data = b""
            if not data:
                waiting.remove(ready)
            elif ready == answers:
                text += data
    return text.decode()


def completions(line):
    """Those of the last word of the line."""
    before = line.split()[:None if line.endswith(" ") else -1]
    words = type_at_bash(line)
    equal(words[:len(before)], before)
    return words[len(before):]


def long_ones(words):
    return {word[2:] for word in words if word.startswith("--")}


@case("bellhop-agent.8 has the options that --help has, and no other")
def _():
    equal(options_of_page("docs/man/bellhop-agent.8"), set(re.findall(LONG, output(AGENT, "--help"))))


@case("qemu-ga.8 has the options that --help has in the place of QEMU's guest agent, and no other")
def _():
    equal(options_of_page("docs/man/qemu-ga.8"), set(re.findall(LONG, output(AGENT, "qemu-ga", "--help"))))


@case("bellhop.1 has the options and commands that --help has, and no other")
def _():
    page = read("docs/man/bellhop.1")
    equal(options_of_page("docs/man/bellhop.1"), set(re.findall(LONG, help_of_tool())))
    equal(re.findall(r"^\.It Cm ([a-z]+)$", page, re.MULTILINE), verbs())


@case("agent.conf.5 has the keys and defaults that --print-config has, and no other")
def _():
    def keys(text, group_line, key_line):
        group, found = None, {}
        for line in text.splitlines():
            if heading := re.match(group_line, line):
                group = heading[1]
            elif group and (key := re.match(key_line, line)):
                found[group, key[1]] = key[2] or ""
        return found

    with tempfile.NamedTemporaryFile("w") as file:
        file.write("[dialect frames]\nallow=\n")
        file.flush()
        config = output(AGENT, "--config", file.name, "--print-config").replace("[dialect frames]", "[dialect NAME]")
    page = keys(read("docs/man/agent.conf.5"), r"\.Ss \[(.+)\]", r"\.It Cm ([\w-]+) Ns = .*?(?:No default (\S+))?$")
    equal(page, keys(config, r"\[(.+)\]", r"([\w-]+)=(.*?);?$"))


@case("agent.conf.5 and the completion name the operations that rules can be about, agent.conf.5 the dialects, and no other")
def _():
    def there_are(*config):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("\n".join(config))
            file.flush()
            refused = subprocess.run([AGENT, "--config", file.name, "--check"], stderr=subprocess.PIPE, text=True)
        return re.search(r"there are: (.*)\)", refused.stderr)[1].split(", ")

    def named(begin, end):
        text = read("docs/man/agent.conf.5").split(begin)[1].split(end)[0]
        return [word for line in re.findall(r"^\.Cm (.*)$", text, re.MULTILINE) for word in re.findall(r"\w+", line)]

    operations = there_are("[operations]", "block=nothing")
    equal(named("The operations, ", "A name that"), operations)
    equal(sorted(named("The dialects are", ".Bl")), sorted(there_are("[dialect nothing]", "block=run")))
    equal(completions("bellhop-agent --block "), operations)


@case("every option of bellhop-agent is completed, and no other")
def _():
    equal(long_ones(completions("bellhop-agent --")), set(re.findall(LONG, output(AGENT, "--help"))))


@case("every option of qemu-ga is completed, and no other")
def _():
    equal(long_ones(completions("qemu-ga --")), set(re.findall(LONG, output(AGENT, "qemu-ga", "--help"))))


@case("every command of bellhop and each one's options are completed, and no other")
def _():
    equal(sorted(completions("bellhop ")), sorted(verbs()))
    for verb in verbs():
        text = output(BELLHOP, verb, "--help")
        equal(long_ones(completions(f"bellhop {verb} --")), set(re.findall(r"^  (?:-h, )?--([a-z][a-z-]*) ", text, re.MULTILINE)), verb)


@case("values are completed: endpoints, dialects, levels, lists")
def _():
    dialects = re.search(r"dialects: (.*)", output(AGENT, "--help"))[1].replace(",", " ").split()
    for line, wanted in {
            "bellhop --at ": ["hybrid:", "unix:", "vsock:", "xenstore:"],
            "bellhop --at=h": ["--at=hybrid:"],
            "bellhop ping --at vs": ["vsock:"],
            "bellhop --at unix:/x run --shell ": ["login", "raw"],
            "bellhop run -- --": ["--"],
            "bellhop-agent -l ": ["fd:", "serial:", "unix:", "vsock:", "xenstore:"],
            "bellhop-agent --log-level ": ["debug", "error", "info", "warning"],
            "bellhop-agent --log-target=k": ["--log-target=kmsg"],
            "bellhop-agent --block run,get_f": ["run,get_file"],
            "qemu-ga -m v": ["virtio-serial", "vsock-listen"],
    }.items():
        equal(sorted(completions(line)), wanted, line)
    equal(completions("bellhop --at unix:/x="), ["unix:/x=" + dialects[0], *dialects[1:]])
    equal(completions("bellhop-agent -l vsock:1="), ["vsock:1=" + dialects[0], *dialects[1:]])


@case("file names are completed on this side only")
def _():
    for line, wanted in {
            "bellhop put on": "one file.txt",
            "bellhop put one\\ file.txt o": "o",
            "bellhop --at unix:/x get /remote on": "one file.txt",
            "bellhop get on": "on",
            "bellhop --at unix:on": "unix:one file.txt",
            "bellhop-agent --config ot": "other.txt",
            "bellhop-agent --listen unix:ot": "unix:other.txt",
    }.items():
        equal(type_at_bash(line)[-1], wanted, line)


@case("the completions pass bash -n")
def _():
    if not shutil.which("bash"):
        skip("there is no bash here")
    for name in ("bellhop", "bellhop-agent", "qemu-ga"):
        subprocess.run(["bash", "-n", TOP / "tools/completion" / name], check=True)


main()

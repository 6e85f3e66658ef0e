#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The agent as the first process of a pid namespace. usage: pid_1_test.py BELLHOP-AGENT [--only WORD]"""
import concurrent.futures
import contextlib
import os
import signal
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), folder) for folder in (".", "../support")]
from agent import BINARY, SANITIZED, state  # noqa: E402
from frames import read, write  # noqa: E402
from place import (BARE, MAKE_ROOT, children_of, in_namespaces, lets_a_command_end, needs_root, place, started)  # noqa: E402
from tap import case, equal, eventually, has, main  # noqa: E402


@case("as PID 1, a thousand commands that leave orphans leave no zombie and no memory")
def _():
    needs_root()
    with place() as here, started("unshare", "--pid", "--mount-proc", "--fork", "--kill-child", BINARY, "--config", here.at("agent.conf")) as outer:
        outer.log.wait_for("listening")
        inner, = children_of(outer.pid)

        def memory():
            status = read(f"/proc/{inner}/status").decode()
            return int(status.split("RssAnon:")[1].split()[0])

        def orphans(number):
            answer = here.run(f"(setsid sleep 0.0{number % 10} &) & exit {number % 100}").end
            return answer["exit_code"] == number % 100

        def commands(count):
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                equal(all(pool.map(orphans, range(count))), True, "an exit code was lost")
            eventually(lambda: children_of(inner) == [], what="a PID 1 without children")

        commands(200)
        before = memory()
        commands(1000)
        grown = memory() - before
        print(f"# RssAnon {before} KiB, grown by {grown} KiB")
        if not SANITIZED:
            equal(grown < 512, True, f"RssAnon grew by {grown} KiB")
        os.kill(inner, signal.SIGTERM)
        equal(outer.wait(20), 0)


def usual_ends():
    """For preexec_fn: the signals by which unshare(1) tells how its PID 1 has ended."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def as_pid_1(here, *words, before=":"):
    """The agent as PID 1 of a root of its own with empty /proc, /sys, /dev and /run. `before`: what the shell does that becomes it."""
    os.makedirs(here.at("copied"), exist_ok=True)
    script = MAKE_ROOT + before + """
        agent=$2
        set -- --config "$0/agent.conf" $3
        exec env -i "$(command -v chroot)" "$root" "$agent" "$@"
        """
    folder, name = os.path.split(BINARY)
    with in_namespaces(script, here.folder, folder, BINARY, " ".join(words), preexec_fn=usual_ends) as outer:
        outer.log.wait_for("listening")
        inner, = children_of(outer.pid)
        yield outer, inner
    with contextlib.suppress(FileNotFoundError):
        os.unlink(here.path)    # the whole namespace may have been killed


@case("as PID 1, what is missing is mounted, what is there is left, and words of the kernel's are no options")
def _():
    needs_root()
    mounts = (("/proc", "proc"), ("/sys", "sysfs"), ("/dev", "devtmpfs"), ("/run", "tmpfs"))
    all_there = "\n".join(f'mount -t {kind} {kind} "$root{path}"' for path, kind in mounts) + '\ntouch "$root/run/kept"'
    with place() as here:
        for before in ('rmdir "$root/run"', all_there):
            with as_pid_1(here, "splash", "single", before=before) as (outer, inner):
                there = [tuple(line.split()[1:3]) for line in here.run("cat /proc/mounts").out.decode().splitlines()]
                for one in mounts:
                    equal(there.count(one), 1, f"{one} in {there}")
                equal(b"kept" in here.run("ls /run").out, before == all_there)
                equal(here.run("echo $PATH; readlink /proc/1/fd/0").out.decode().splitlines(), [BARE["PATH"], "/dev/null"])
                equal("warning" in outer.log.text(), False, outer.log.text())


@case("as PID 1, what is missing and cannot be mounted is told, and the host is served all the same")
def _():
    needs_root()
    with place() as here, as_pid_1(here, before='rmdir "$root/proc" "$root/sys" "$root/dev" "$root/run"; mount -o remount,ro "$root"') as (outer, inner):
        for path in ("/proc", "/sys", "/dev", "/run"):
            outer.log.wait_for(f"warning: no {path}, and it cannot be mounted: ")
        write(here.at("file"), b"content")
        equal(here.get(here.at("file")).data, b"content")
        has(here.ask("run", cmd="true")["error"], "spawn failed")
        os.kill(inner, signal.SIGTERM)
        equal(outer.wait(20), 1 if SANITIZED else 0)    # LeakSanitizer gives up without a /proc


@case("as PID 1, SIGUSR1 halts, SIGUSR2 and SIGPWR power off, SIGINT reboots, SIGTERM only ends a container, SIGHUP reloads")
def _():
    needs_root()
    for number, end in ((signal.SIGUSR1, -signal.SIGINT), (signal.SIGUSR2, -signal.SIGINT), (signal.SIGPWR, -signal.SIGINT),
                        (signal.SIGINT, -signal.SIGHUP), (signal.SIGTERM, 0)):    # pid_namespaces(7): how reboot(2) ends a namespace
        with place() as here, as_pid_1(here) as (outer, inner):
            os.kill(inner, signal.SIGHUP)
            outer.log.wait_for("reloaded")
            lets_a_command_end(here, lambda: os.kill(inner, number))
            equal(outer.wait(20), end, f"{number!r}: {outer.log.text()}")
            equal(os.path.exists(here.path), False)


@case("as PID 1, everybody hears SIGTERM at the end, and nobody holds it up for longer than the drain time")
def _():
    needs_root()
    with place() as here:
        here.configure("[limits]\ndrain-timeout=1\n")
        with as_pid_1(here) as (outer, inner):
            heeds = f"trap 'echo heard > {here.at('heeds')}; exit' TERM; echo ready > {here.at('heeds')}"
            ignores = f"trap '' TERM; echo ready > {here.at('ignores')}"
            for what in (heeds, ignores):
                here.run(f"setsid sh -c \"{what}; while :; do sleep 0.05; done\" > /dev/null 2>&1 &")
            eventually(lambda: all(os.path.exists(here.at(one)) and read(here.at(one)) == b"ready\n" for one in ("heeds", "ignores")), what="two daemons")
            os.kill(inner, signal.SIGUSR2)
            equal(outer.wait(20), -signal.SIGINT)
            equal(read(here.at("heeds")), b"heard\n")


@case("as PID 1, a wrong configuration in a container ends with 2")
def _():
    needs_root()
    with place() as here:
        here.configure("[limits]\nruns=none\n")
        with started("unshare", "--pid", "--mount-proc", "--fork", "--kill-child", BINARY, "--config", here.at("agent.conf")) as outer:
            equal(outer.wait(20), 2)
            has(outer.log.end(), "runs takes a whole number")


@case("on a kernel that lists no children, orphans are reaped all the same, also behind a leader that is kept")
def _():
    needs_root()
    with place() as here:
        here.configure("[limits]\ngrace=300\n")
        with as_pid_1(here, before='mount -t proc proc "$root/proc"; mount -t tmpfs tmpfs "$root/proc/1/task"') as (outer, inner):
            equal(here.run("ls /proc/1/task").out, b"")

            def zombies():
                return [pid for pid in children_of(inner) if state(pid) == "Z"]

            for _ in range(20):
                equal(here.run("(setsid sleep 0.01 > /dev/null 2>&1 &) & exit 3").end["exit_code"], 3)
            eventually(lambda: children_of(inner) == [], what="a PID 1 without children")
            with here.start("sleep 300 & echo begun") as host:    # its leader has ended, its output has not
                equal(host.first_output(), b"begun\n")
                eventually(lambda: len(zombies()) == 1, what="the leader's end")
                for _ in range(20):
                    here.run("(setsid sleep 0.01 > /dev/null 2>&1 &) & exit 3")
                eventually(lambda: len(children_of(inner)) == 2, what="a PID 1 with a leader and what that has left")


main()

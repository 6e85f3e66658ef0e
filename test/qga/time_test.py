#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guest-get-time and guest-set-time, by an agent that may not set this machine's clock. usage: time_test.py BELLHOP-AGENT [--only WORD]"""
import contextlib
import ctypes
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import Agent  # noqa: E402
from fake_guest import FakeGuest  # noqa: E402
from qga import Host, Refused  # noqa: E402
from tap import case, equal, main  # noqa: E402

libc = ctypes.CDLL(None)


def without_the_right_to_set_the_clock():
    libc.prctl(24, 25, 0, 0, 0)    # PR_CAPBSET_DROP, CAP_SYS_TIME: root does not get it back by execve
    if os.geteuid() == 0 and libc.prctl(23, 25, 0, 0, 0) != 0:    # PR_CAPBSET_READ
        os._exit(99)


@contextlib.contextmanager
def guest():
    with FakeGuest() as made, Agent("--root", made.path, dialect="qga", preexec_fn=without_the_right_to_set_the_clock) as agent, \
            Host(agent.path) as host:
        made.host = host
        yield made


def refused(made, arguments):
    try:
        made.host.call("guest-set-time", arguments)
    except Refused as error:
        return error.desc
    raise AssertionError("it was not refused")


@case("guest-get-time is the time in nanoseconds")
def _():
    with guest() as made:
        before = time.time_ns()
        got = made.host.call("guest-get-time")
        equal(before <= got <= time.time_ns(), True, f"{before} <= {got}")


@case("guest-set-time without a time takes the hardware clock's, by hwclock")
def _():
    with guest() as made:
        equal(refused(made, {}), "this guest has no hwclock to ask its hardware clock with")
        made.program("sbin/hwclock")
        equal((made.host.call("guest-set-time"), made.calls()), ({}, ["hwclock -s"]))
        made.program("sbin/hwclock", "echo no clock here; exit 1")
        equal(refused(made, {}), "child process has failed to set system time to hardware clock: no clock here")


@case("guest-set-time refuses what is no time from 1970 to 2069, and says what the kernel refuses")
def _():
    with guest() as made:
        made.program("sbin/hwclock")
        for wrong in (-1, -2 ** 63, 3155760000 * 10 ** 9, 2 ** 63 - 1):
            equal(refused(made, {"time": wrong}).startswith("Invalid time"), True, wrong)
        for right in (0, 1795340285000000000, 3155760000 * 10 ** 9 - 1):
            equal(refused(made, {"time": right}), "Failed to set time to guest: Operation not permitted")
        equal(made.calls(), [])


main()

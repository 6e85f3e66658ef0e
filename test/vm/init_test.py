#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The agent as process 1 of a real guest, where its end is the machine's.

    init_test.py BELLHOP_AGENT BELLHOP CACHE [--only WORD]

BELLHOP_AGENT is a static amd64 binary, CACHE what fetch-guest has filled. The guest's /init loads vsock's modules and becomes the
agent, with a word that only a kernel would say to it.
"""
import contextlib
import pathlib
import signal
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
from guest import Guest  # noqa: E402
from tap import args, case, equal, has, main  # noqa: E402

agent_binary, tool_binary = (pathlib.Path(path).resolve() for path in args[:2])
cache = pathlib.Path(args[2]).resolve() / "amd64"

init = """#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
busybox mount -t proc proc /proc  # where --install finds its own path
busybox --install -s
modprobe -a virtio_pci vmw_vsock_virtio_transport
echo "init: started"
umount /proc
unset PATH
exec /bin/bellhop-agent splash {options}
"""


@contextlib.contextmanager
def booted(options="", vsock=True):
    with tempfile.TemporaryDirectory(prefix="bellhop-init-test.") as scratch:
        script = pathlib.Path(scratch) / "init"
        script.write_text(init.format(options=options))
        with Guest(cache, "", {"bin/bellhop-agent": agent_binary, "init": script}, vsock=vsock) as guest:
            if vsock:
                tool(guest, "wait", "--timeout", "30")
            yield guest


def tool(guest, *words, code=0):
    done = subprocess.run([tool_binary, "--at", f"hybrid:{guest.vsock}", *words], capture_output=True, timeout=40)
    if code is not None:
        equal(done.returncode, code, f"bellhop {' '.join(map(str, words))}: {done.stderr.decode()}")
    return done.stdout.decode()


def shell(guest, line, **how):
    return tool(guest, "run", "-c", line, **how)


def ends_by(guest, words):
    guest.wait_for(rf"reboot: {words}")
    equal("panic" in guest.log, False, guest.log)


@case("process 1 mounts what is missing, reaps what is orphaned, and BusyBox's poweroff powers off")
def _():
    with booted() as guest:
        there = [tuple(line.split()[1:3]) for line in shell(guest, "cat /proc/mounts").splitlines()]
        for one in (("/proc", "proc"), ("/sys", "sysfs"), ("/dev", "devtmpfs"), ("/run", "tmpfs")):
            equal(there.count(one), 1, f"{one} in {there}")
        equal(shell(guest, "cat /proc/1/comm"), "bellhop-agent\n")
        has(shell(guest, "echo $PATH"), "/usr/local/sbin:")
        shell(guest, "for i in 1 2 3 4 5; do setsid sleep 0.01 > /dev/null 2>&1 & done")
        shell(guest, "until ! ps -o stat | grep -q Z; do usleep 10000; done")
        # Who hears SIGTERM at the end says so where the host sees it.
        shell(guest, "setsid sh -c 'trap \"echo heard > /dev/ttyS0; exit\" TERM; touch /run/ready; while :; do usleep 50000; done' > /dev/null 2>&1 &")
        shell(guest, "until [ -e /run/ready ]; do usleep 10000; done")
        shell(guest, "poweroff", code=None)
        ends_by(guest, "Power down")
        has(guest.log, "heard")


@case("BusyBox's reboot, a SIGTERM, restarts the machine")
def _():
    with booted() as guest:
        shell(guest, "reboot", code=None)
        ends_by(guest, "Restarting system")


@case("a wrong option is told and powers off, and the kernel does not panic")
def _():
    with booted("--nope", vsock=False) as guest:
        ends_by(guest, "Power down")
        has(guest.log, "no such option, or it takes no value: --nope")


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
main()

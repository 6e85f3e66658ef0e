#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The arm64 agent and host tool, both inside one emulated arm64 guest.

    arm64_test.py BELLHOP_AGENT BELLHOP CACHE [--only WORD]

Both are static arm64 binaries, CACHE is what fetch-guest has filled. They talk over vsock's loopback and over
a unix socket, and the guest's console tells how that went.
"""
import contextlib
import functools
import pathlib
import signal
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
from guest import Guest  # noqa: E402
from tap import args, case, equal, main  # noqa: E402

agent_binary, tool_binary = args[:2]
cache = pathlib.Path(args[2]).resolve() / "arm64"
guests = contextlib.ExitStack()

script = """
modprobe vsock_loopback
head -c 3000001 /dev/urandom > /root/original
bellhop-agent --listen vsock:1024 --listen unix:/tmp/agent --vsock-cids 1 &
agent=$!
bellhop-agent --listen vsock:1025 2>/tmp/log &
until grep -q listening /tmp/log; do usleep 10000; done
bellhop --at vsock:1:1025 ping
echo "refused ping: $?"
echo "refusals: $(grep -c 'refused.*vsock 1:' /tmp/log)"
kill $!

for at in vsock:1:1024 unix:/tmp/agent; do
    export BELLHOP_AT=$at
    name=${at%%:*}
    bellhop wait --timeout 20
    echo "$name wait: $?"
    out=$(bellhop run -c 'uname -m; exit 7')
    echo "$name run: $? $out"
    bellhop run --timeout 0.5 -- sleep 60
    echo "$name time limit: $?"
    bellhop put /root/original /root/there
    echo "$name put: $?"
    bellhop get /root/there /root/copy
    echo "$name get: $?"
    cmp /root/original /root/copy
    echo "$name cmp: $?"
    rm /root/there /root/copy
done

kill -TERM $agent
wait $agent
echo "agent ended with $?"
"""


@functools.cache
def guest():
    files = {"bin/bellhop-agent": agent_binary, "bin/bellhop": tool_binary}
    return guests.enter_context(Guest(cache, script, files))


def result(name):
    return guest().wait_for(rf"^{name}: (.*)$").group(1)


def over(link):
    @case(f"run works over {link}")
    def _():
        equal(result(f"{link} wait"), "0")
        equal(result(f"{link} run"), "7 aarch64")

    @case(f"the time limit works over {link}")
    def _():
        equal(result(f"{link} time limit"), "124")

    @case(f"a file goes in and out unchanged over {link}")
    def _():
        equal([result(f"{link} {step}") for step in ("put", "get", "cmp")], ["0", "0", "0"])


over("vsock")
over("unix")


@case("a peer whose CID is not the host's is refused, with a line in the log, where none is listed")
def _():
    equal(result("refused ping") != "0", True)
    equal(result("refusals"), "1")


@case("SIGTERM ends the agent with 0")
def _():
    equal(guest().wait_for(r"^agent ended with (\d+)").group(1), "0")


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with guests:
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The agent in a guest of a real Xen, and the host tool in its dom0, over the kernels' /dev/xen/xenbus.

    xen_test.py BELLHOP_AGENT BELLHOP CACHE [--only WORD]

Both are static amd64 binaries, CACHE is what fetch-guest has filled. One boot serves all cases: dom0's script does
everything in order and tells of each step, a case looks at what it told.
"""
import contextlib
import functools
import hashlib
import json
import pathlib
import re
import signal
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
from furnished import accounts, is_password  # noqa: E402
from tap import args, case, equal, has, main, skip  # noqa: E402
from xen import XenHost, guest_log  # noqa: E402

agent_binary, tool_binary = (pathlib.Path(path).resolve() for path in args[:2])
cache = pathlib.Path(args[2]).resolve() / "xen"

password = "jay-walk 7ünf $ecret"
content = bytes(range(256)) * 4

# Without chpasswd and passwd it is the agent that writes the shadow file.
guest_script = f"""
mkdir -p /etc /run /srv
{accounts}
rm -f /usr/sbin/chpasswd /sbin/chpasswd /bin/chpasswd /usr/bin/passwd /bin/passwd
echo old > /srv/there
chmod 640 /srv/there
bellhop-agent --listen xenstore:=nova &
until [ -e /run/stop ]; do usleep 20000; done
echo "guest: stopping at $(cut -d' ' -f1 /proc/uptime)"
kill -TERM $!
wait $!
echo "guest: agent ended with $? at $(cut -d' ' -f1 /proc/uptime)"
sleep 100
"""

own_commands = {
    "shadow": "cat /etc/shadow",
    "look": """file=$(tr -d '"'); stat -c '%a %u:%g' $file; sha256sum < $file""",
    "stop": "touch /run/stop",
}

dom0_script = f"""
export BELLHOP_AT=xenstore:1 data=/local/domain/1/data
step() {{  # NAME COMMAND...
    name=$1
    shift
    "$@" > /said 2>&1
    echo "step $name: $?"
    sed 's/^/| /' /said
    echo "end of $name"
}}
nodes() {{ xenstore-ls -f $data; }}
step wait bellhop wait --timeout 60
step ping bellhop ping
step info bellhop info --json
step features bellhop call features
step own bellhop call look '"/srv/there"'
step unknown bellhop call nothing-like-it
printf '%s\\n' '{password}' > /password
step password bellhop password < /password
step shadow bellhop call shadow
step put bellhop put /content /srv/new/file
step put-look bellhop call look '"/srv/new/file"'
step replace bellhop put /content /srv/there
step replace-look bellhop call look '"/srv/there"'
step nodes nodes
xenstore write $data/host/by-hand '{{"name": "version", "value": "agent"}}'
for i in $(seq 50); do xenstore exists $data/guest/by-hand && break; usleep 200000; done
step by-hand nodes
xenstore rm $data/guest/by-hand
mkdir /disk
mount -t ramfs ramfs /disk  # on the root there is room for half of the memory
step save xl save guest /disk/guest
step restore xl restore /disk/guest
export BELLHOP_AT=xenstore:2 data=/local/domain/2/data
for i in $(seq 50); do xenstore exists $data/host && break; usleep 200000; done
step nodes-restored nodes
step restored bellhop wait --timeout 60
step info-restored bellhop info --json
step shadow-restored bellhop call shadow
step stop bellhop call stop
for i in $(seq 50); do grep -q 'agent ended' {guest_log} && break; usleep 200000; done
step log cat {guest_log}
step nodes-after nodes
step gone bellhop --answer-timeout 1 ping
step nodes-unanswered nodes
"""

stack = contextlib.ExitStack()


@functools.cache
def boot():
    """The host, or why there is none: for every case, from one attempt."""
    try:
        return booted(), None
    except BaseException as error:
        return None, error


def host():
    there, error = boot()
    if error:
        raise error
    return there


def booted():
    if not (cache / "hypervisor").exists():
        skip("this release has no package of Xen's hypervisor")
    scratch = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bellhop-xen-test.")))
    files = {"bin/bellhop-agent": agent_binary}
    for name, body in own_commands.items():
        (scratch / name).write_text(f"#!/bin/sh\n{body}\n")
        files[f"etc/bellhop/commands.d/{name}"] = scratch / name
    (scratch / "content").write_bytes(content)
    dom0_files = {"bin/bellhop": tool_binary, "content": scratch / "content"}
    return stack.enter_context(XenHost(cache, dom0_script, dom0_files, guest_script, files))


def step(name, code=0):
    """What the step's command said, without the kernel's lines between."""
    match = host().wait_for(rf"^step {name}: (\d+)\n((?:.*\n)*?)end of {name}$", seconds=80)
    marked = (line.partition("| ") for line in match.group(2).splitlines())    # a kernel's line may have no end of its own
    said = "".join(text + "\n" for _, mark, text in marked if mark)
    equal(int(match.group(1)), code, said)
    return said


@case("the agent in a guest answers the tool in dom0", seconds=100)
def _():
    equal(host().wait_for(r"^dom0: guest created, (\d+)$", seconds=80).group(1), "0")
    step("wait")
    info = json.loads(step("info"))
    equal((info["agent"], info["domain"]["id"]), ("nova", 1))
    has(step("ping"), info["agent_version"])


@case("it tells its commands, its own ones with them")
def _():
    told = set(step("features").strip().split(","))
    equal(told >= {"version", "features", "password", "keyinit", "injectfile", *own_commands}, True, str(told))
    has(step("own"), "640 0:0")
    has(step("unknown", code=1), "nothing-like-it")


@case("a password from dom0 is root's, in a shadow file that the agent writes")
def _():
    equal(step("password"), "")
    equal(is_password(step("shadow"), password), True, step("shadow"))


@case("a file from dom0 is there, byte by byte: a new one is root's alone, a replaced one keeps its mode")
def _():
    whole = hashlib.sha256(content).hexdigest()
    for name, mode in (("put", "600"), ("replace", "640")):
        step(name)
        equal(step(f"{name}-look").split(), [mode, "0:0", whole, "-"])


@case("a request written by hand is answered and gone")
def _():
    nodes = step("by-hand")
    has(nodes, '/data/guest/by-hand = "{"')
    equal("/data/host/by-hand" in nodes, False, nodes)


@case("saved and restored as another domain, the agent goes on", seconds=100)
def _():
    step("save")
    step("restore")
    has(step("nodes-restored"), "/data/host = ")
    step("restored")
    equal(json.loads(step("info-restored"))["domain"]["id"], 2)
    equal(step("shadow-restored"), step("shadow"))


@case("SIGTERM ends the agent with 0 within two seconds, and the tool then says that nobody answers")
def _():
    step("stop")
    log = step("log")
    began = re.search(r"guest: stopping at ([\d.]+)", log)
    ended = re.search(r"guest: agent ended with (\d+) at ([\d.]+)", log)
    equal(bool(began and ended), True, log)
    equal(ended.group(1), "0", log)
    equal(float(ended.group(2)) - float(began.group(1)) < 2, True, log)
    step("gone", code=4)


@case("no request and no answer is left in XenStore")
def _():
    for when in ("nodes", "nodes-restored", "nodes-after", "nodes-unanswered"):
        equal(re.findall(r"/data/(?:host|guest)/\S+", step(when)), [], when)
    host().wait_for("^init: main ended with 0$")


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with stack:
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nova's requests over real xenstoreds, as its plugin in dom0 makes them: write, wait, remove. The password's ciphertext is
openssl's. usage: xenstored_test.py BELLHOP-AGENT [--only WORD]"""
import base64
import contextlib
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import SANITIZED, Agent  # noqa: E402
from fake_guest import FakeGuest  # noqa: E402
from tap import case, equal, has, main, skip  # noqa: E402
from xenstored import HOME, Lacking, Xenstored  # noqa: E402

PRIME, PRIVATE = 2**107 - 1, 0x0123456789abcdef0123


@contextlib.contextmanager
def guest(kind):
    try:
        with Xenstored(kind) as daemon, FakeGuest() as made:
            made.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
            with Agent("--root", made.path, "--listen", f"xenstore:{daemon.guest}", listen="none") as agent:
                made.agent, made.store = agent, daemon.host
                yield made
    except Lacking as why:
        skip(why)


def ask(made, name, value):
    key = str(uuid.uuid4())
    request, answer = f"{HOME}/data/host/{key}", f"{HOME}/data/guest/{key}"
    made.store.write(request, json.dumps({"name": name, "value": value}))
    made.store.wait_until(answer, there=True)
    raw = made.store.read(answer)
    said = json.loads(raw)
    equal([type(said[word]) for word in ("message", "returncode")], [str, str])
    equal(raw if isinstance(raw, str) else raw.decode(), json.dumps(said, ensure_ascii=False))
    equal(made.store.has(request), False)
    return said["returncode"], said["message"]


def encrypted(shared, text):
    if not shutil.which("openssl"):
        skip("no openssl")
    made = subprocess.run(["openssl", "aes-128-cbc", "-A", "-a", "-md", "md5", "-nosalt", "-pass", f"pass:{shared}"],
                          input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return made.stdout.decode()


def crypted(text, salt):
    return subprocess.run(["openssl", "passwd", "-6", "-salt", salt, "-stdin"], input=text, capture_output=True, text=True,
                          check=True).stdout.strip()


def exchange(made):
    code, public = ask(made, "keyinit", str(pow(5, PRIVATE, PRIME)))
    equal(code, "D0")
    return pow(int(public), PRIVATE, PRIME)


def encoded(data):
    return base64.b64encode(data).decode()


for kind in ("c", "ocaml"):
    @case(f"{kind}: what nova asks at a guest's first start is done", seconds=120)
    def _(kind=kind):
        with guest(kind) as made:
            equal(ask(made, "version", "agent")[0], "0")
            code, names = ask(made, "features", "")
            equal((code, names), ("0", "features,file_inject,injectfile,keyinit,password,version"))
            key = b"\n# The following ssh key was injected by Nova\nssh-ed25519 AAAA\n"
            equal(ask(made, "injectfile", encoded(b"/root/.ssh/authorized_keys," + key)), ("0", ""))
            equal(made.read("root/.ssh/authorized_keys").encode(), key)
            equal(stat.S_IMODE(os.stat(made.at("root/.ssh/authorized_keys")).st_mode), 0o600)
            data = os.urandom(900)
            equal(ask(made, "file_inject", {"b64_path": encoded(b"/etc/a,b"), "b64_file": encoded(data)}), ("0", ""))
            equal(pathlib.Path(made.at("etc/a,b")).read_bytes(), data)
            made.program("sbin/chpasswd", f"cat > {made.at('input')}")
            equal(ask(made, "password", encrypted(exchange(made), "pässwörd\n")), ("0", ""))
            equal(made.read("input"), "root:pässwörd\n")
            equal(ask(made, "password", "AAAA"), ("500", "Password without key exchange"))
            equal("pässwörd" in made.agent.log.text(), False)
            if not SANITIZED:    # it keeps what is freed
                equal(made.agent.memory_holds("pässwörd".encode()) or False, False)

    @case(f"{kind}: what goes wrong is said in nova's words", seconds=120)
    def _(kind=kind):
        with guest(kind) as made:
            equal(ask(made, "password", "%"), ("500", "Couldn't decode base64 data"))
            equal(ask(made, "injectfile", "Unencoded data"), ("500", "Error doing base64 decoding of data"))
            equal(ask(made, "resetnetwork", ""), ("404", "No such agent command 'resetnetwork'"))
            made.program("sbin/chpasswd", "cat > /dev/null; echo out; echo too short >&2; exit 3")
            shared = exchange(made)
            equal(ask(made, "password", encrypted(shared, "x\n")), ("500", "Failed to change password for root: 3 : too short"))
            os.remove(made.at("sbin/chpasswd"))
            made.program("usr/bin/passwd", f"cat > {made.at('input')}")
            equal(ask(made, "password", encrypted(shared, "x\n")), ("0", ""))
            equal((made.calls()[-1], made.read("input")), ("passwd root", "x\nx\n"))


    @case(f"{kind}: without chpasswd and passwd the agent writes the shadow file itself")
    def _(kind=kind):
        with guest(kind) as made:
            made.write("etc/shadow", "daemon:*:19000:0:99999:7:::\nroot:!:19000:0:99999:7:::\n", 0o640)
            said = ask(made, "password", encrypted(exchange(made), "a word: one\n"))
            if said[0] == "500":    # glibc has crypt() in a library that we do without
                equal(said, ("500", "failed to set user password: this guest has no chpasswd"))
                equal(made.read("etc/shadow"), "daemon:*:19000:0:99999:7:::\nroot:!:19000:0:99999:7:::\n")
                return
            equal(said, ("0", ""))
            daemon, root = made.read("etc/shadow").splitlines()
            equal(daemon, "daemon:*:19000:0:99999:7:::")
            _, word, day, rest = root.split(":", 3)
            equal((word, rest), (crypted("a word: one", word.split("$")[2]), "0:99999:7:::"))
            equal(int(day) > 20000, True, "the day")
            equal(stat.S_IMODE(os.stat(made.at("etc/shadow")).st_mode), 0o640)


main()

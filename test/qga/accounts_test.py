#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guest-set-user-password and guest-ssh-*-authorized-keys. usage: accounts_test.py BELLHOP-AGENT [--only WORD]"""
import base64
import contextlib
import os
import pathlib
import socket
import stat
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from agent import SANITIZED, Agent, bound_at_start  # noqa: E402
from fake_guest import FakeGuest  # noqa: E402
from qga import Host, Oracle, Refused  # noqa: E402
from tap import case, equal, eventually, has, main, skip  # noqa: E402

NOBODY = 65534
SET_PASSWORD = b'{"execute":"guest-set-user-password","arguments":{"username":"alice","password":"YQ==","crypted":false}}'
KEYS = [f"ssh-ed25519 AAAAC3Nza{n} someone@{n}" for n in range(4)]


def encoded(text):
    return base64.encodebytes(text.encode()).decode()    # with newlines, as Proxmox sends it


@contextlib.contextmanager
def guest(uid=None):
    uid = os.getuid() if uid is None else uid
    with FakeGuest() as made:
        made.write("etc/passwd", f"other:x:7:7::/:/bin/sh\nalice:x:{uid}:{uid}:Alice:/home/alice:/bin/sh\n")
        made.write("etc/group", "wheel:x:10:other,alice\n")
        os.makedirs(made.at("home/alice"))
        os.chown(made.at("home/alice"), uid, uid)
        with Agent("--root", made.path, dialect="qga") as agent, Host(agent.path) as host:
            made.agent, made.host = agent, host
            yield made


def refused(host, command, arguments):
    try:
        answer = host.call(command, arguments)
    except Refused as error:
        equal(error.kind, "GenericError")
        return error.desc
    raise AssertionError(f"{command} {arguments} was not refused, but answered {answer}")


def password(text, user="alice", crypted=False):
    return {"username": user, "password": encoded(text), "crypted": crypted}


# ---- passwords

@case("a password goes to chpasswd by its input, and is in no argument")
def _():
    with guest() as made:
        made.program("sbin/chpasswd", f"cat > {made.at('input')}")
        equal(made.host.call("guest-set-user-password", password("pa:ss w\u00f6rd")), {})
        equal((made.calls(), made.read("input")), (["chpasswd"], "alice:pa:ss w\u00f6rd\n"))
        equal(made.host.call("guest-set-user-password", password("$6$salt$hash", crypted=True)), {})
        equal((made.calls()[1:], made.read("input")), (["chpasswd -e"], "alice:$6$salt$hash\n"))


@case("what chpasswd complains of is told, without the password")
def _():
    with guest() as made:
        made.program("sbin/chpasswd", "echo no such user; exit 1")
        equal(refused(made.host, "guest-set-user-password", password("secret")),
              "child process has failed to set user password: no such user")
        made.program("sbin/chpasswd", "cat; exit 1")
        said = refused(made.host, "guest-set-user-password", password("secret"))
        equal((said, "secret" in made.agent.log.text()), ("child process has failed to set user password: exit status 1", False))


@case("a password or a name that would become a line of its own is refused")
def _():
    with guest() as made:
        made.program("sbin/chpasswd")
        for arguments, desc in (
                (password("a\nroot:b"), "forbidden characters in raw password"),
                (password("a\0b"), "forbidden characters in raw password"),
                (password("a:b", crypted=True), "forbidden characters in raw password"),
                (password("a", user="alice:x"), "forbidden characters in username"),
                (password("a", user="alice\nroot"), "forbidden characters in username"),
                ({**password("a"), "password": "YWJ"}, None), ({**password("a"), "password": "Y Q=="}, None),
                ({"username": "alice", "password": "YQ=="}, "Parameter 'crypted' is missing")):
            said = refused(made.host, "guest-set-user-password", arguments)
            equal(said, desc or said)
        equal(made.calls(), [])


@case("a chpasswd that takes its time keeps nobody else waiting, as it does with qemu-ga")
def _():
    with guest() as made, Host(made.agent.path) as other:
        gate = made.gate("gate")
        made.program("sbin/chpasswd", f"cat > /dev/null; read x < {gate}")
        with FakeGuest() as theirs:
            theirs.gate("gate")
            theirs.program("usr/bin/chpasswd", f"/bin/cat > /dev/null; read x < {theirs.at('gate')}")
            made.host.send(SET_PASSWORD)
            eventually(lambda: made.calls() == ["chpasswd"], what="chpasswd")
            equal(other.call("guest-ping"), {})
            made.open_gate("gate")
            has(made.host.line().decode(), '"return": {}')
            if not Oracle.BINARY:
                raise AssertionError("no qemu-ga here; tools/install-needs build")
            with Oracle(env={"PATH": theirs.at("usr/bin")}) as oracle, Host(oracle.path) as host:
                host.send(SET_PASSWORD)
                eventually(lambda: theirs.calls() == ["chpasswd"], what="chpasswd")
                try:    # to connect is all that it gets, if there is still a place in the queue
                    with Host(oracle.path, seconds=1) as second:
                        second.send(b'{"execute":"guest-ping"}')
                        raise AssertionError(f"qemu-ga has answered: {second.line()}")
                except (socket.timeout, BlockingIOError):
                    pass
                theirs.open_gate("gate")
                has(host.line().decode(), '"return": {}')


@case("without chpasswd a crypted password is written to the shadow file, which stays what it was")
def _():
    with guest() as made:
        made.write("etc/shadow", "root:!:19000:0:99999:7:::\nalice:old:1:2:3:4:5:6:\nbob:*:19000:0:99999:7:::", 0o640)
        equal(made.host.call("guest-set-user-password", password("$6$salt$hash", crypted=True)), {})
        root, alice, bob = made.read("etc/shadow").splitlines()
        equal((root, bob), ("root:!:19000:0:99999:7:::", "bob:*:19000:0:99999:7:::"))
        fields = alice.split(":")
        equal(fields[:2] + fields[3:], ["alice", "$6$salt$hash", "2", "3", "4", "5", "6", ""])
        equal(int(fields[2]) > 20000, True, "the day")
        equal(stat.S_IMODE(os.stat(made.at("etc/shadow")).st_mode), 0o640)
        has(refused(made.host, "guest-set-user-password", password("x", user="nosuchuser", crypted=True)), "no user 'nosuchuser'")
        equal(sorted(name for name in os.listdir(made.at("etc")) if "shadow" in name), ["shadow"])


# ---- keys

def file_of(made):
    return made.read("home/alice/.ssh/authorized_keys")


def add(made, keys, **more):
    return made.host.call("guest-ssh-add-authorized-keys", {"username": "alice", "keys": keys, **more})


def keys_of(made):
    return made.host.call("guest-ssh-get-authorized-keys", {"username": "alice"})["keys"]


@case("keys are added, listed in their order, replaced and removed")
def _():
    with guest() as made:
        equal(add(made, KEYS[:2] + [""]), {})    # virsh sends what is behind the last newline, too
        ssh = made.at("home/alice/.ssh")
        equal([stat.S_IMODE(os.stat(p).st_mode) for p in (ssh, ssh + "/authorized_keys")], [0o700, 0o600])
        equal(file_of(made), "".join(key + "\n" for key in KEYS[:2]))
        add(made, [KEYS[1], KEYS[2]], reset=False)
        equal(keys_of(made), KEYS[:3])
        made.write("home/alice/.ssh/authorized_keys", f"# mine\n\n{KEYS[0]}\n  {KEYS[1]} \n{KEYS[2]}", 0o600)
        equal(keys_of(made), KEYS[:3])
        add(made, [KEYS[3]])
        equal(file_of(made), f"# mine\n\n{KEYS[0]}\n  {KEYS[1]} \n{KEYS[2]}\n{KEYS[3]}\n")
        equal(made.host.call("guest-ssh-remove-authorized-keys", {"username": "alice", "keys": [KEYS[1], KEYS[3], "", "x"]}), {})
        equal(file_of(made), f"# mine\n\n{KEYS[0]}\n{KEYS[2]}\n")
        add(made, [KEYS[3]], reset=True)
        equal(file_of(made), KEYS[3] + "\n")
        add(made, [], reset=True)
        equal((file_of(made), keys_of(made), os.listdir(ssh)), ("", [], ["authorized_keys"]))


@case("what cannot be done to keys is said")
def _():
    with guest() as made:
        has(refused(made.host, "guest-ssh-get-authorized-keys", {"username": "alice"}), "/home/alice/.ssh/authorized_keys': No such file")
        equal(made.host.call("guest-ssh-remove-authorized-keys", {"username": "alice", "keys": KEYS}), {})
        equal(os.listdir(made.at("home/alice")), [])
        for command, more in (("get", {}), ("add", {"keys": KEYS}), ("remove", {"keys": KEYS})):
            equal(refused(made.host, f"guest-ssh-{command}-authorized-keys", {"username": "nosuchuser", **more}),
                  "failed to lookup user 'nosuchuser': there is no user 'nosuchuser'")
        for bad in ("#" + KEYS[0], KEYS[0] + "\n" + KEYS[1], " # x", "a\0b"):
            has(refused(made.host, "guest-ssh-add-authorized-keys", {"username": "alice", "keys": [bad]}), "invalid OpenSSH public key: '")
        os.makedirs(made.at("home/alice/.ssh/authorized_keys"))
        has(refused(made.host, "guest-ssh-add-authorized-keys", {"username": "alice", "keys": KEYS}), "Is a directory")


@case("the account's rights are all there is for work on its keys")
def _():
    if os.getuid() != 0:
        skip("it takes root to become somebody else")
    with guest(uid=NOBODY) as made:
        add(made, KEYS[:1])
        ssh = made.at("home/alice/.ssh")
        equal([(os.stat(p).st_uid, os.stat(p).st_gid) for p in (ssh, ssh + "/authorized_keys")], [(NOBODY, NOBODY)] * 2)
        made.write("secret", "root's own\n", 0o600)
        os.remove(ssh + "/authorized_keys")
        os.symlink(made.at("secret"), ssh + "/authorized_keys")
        has(refused(made.host, "guest-ssh-get-authorized-keys", {"username": "alice"}), "Permission denied")
        has(refused(made.host, "guest-ssh-add-authorized-keys", {"username": "alice", "keys": KEYS}), "Permission denied")
        os.remove(ssh + "/authorized_keys")
        os.rmdir(ssh)
        os.makedirs(made.at("root/.ssh"))
        os.symlink(made.at("root/.ssh"), ssh)
        has(refused(made.host, "guest-ssh-add-authorized-keys", {"username": "alice", "keys": KEYS}), "Permission denied")
        equal((made.read("secret"), os.listdir(made.at("root/.ssh"))), ("root's own\n", []))


@case("an account that only the name service knows has keys, too")
def _():
    with guest() as made:
        made.program("usr/bin/getent", f"echo 'carol:*:{os.getuid()}:{os.getgid()}:from afar:/home/carol:/bin/sh'")
        os.makedirs(made.at("home/carol"))
        try:
            made.host.call("guest-ssh-add-authorized-keys", {"username": "carol", "keys": KEYS[:1]})
        except Refused as error:
            if not made.calls():
                skip("a static agent does not ask the name service")
            raise error
        equal((made.calls(), made.read("home/carol/.ssh/authorized_keys")), (["getent passwd -- carol"], KEYS[0] + "\n"))


@case("a password is nowhere in the agent's memory once it has been set, and no piece of it")
def _():
    if os.getuid():
        skip("needs root")
    if SANITIZED:
        skip("a sanitizer keeps what was freed")
    secret = "correct horse battery staple 4711 and so on"
    text = base64.b64encode(secret.encode()).decode()
    with bound_at_start(), guest() as made:
        made.program("sbin/chpasswd", f"cat > {made.at('heard')}")
        made.host.send(b'{"execute":"guest-set-user-password","arguments":{"crypted":false,"username":"alice",')
        made.host.send(b'"password":"%s"}}' % text.encode())
        equal(made.host.line(), b'{"return": {}}\n')
        has(made.read("heard"), secret)
        made.host.call("guest-ping")
        equal(made.agent.memory_holds(b"/agent=qga"), True)
        pieces = [whole[at:at + 12].encode() for whole in (secret, text) for at in range(0, len(whole) - 12, 4)]
        equal([piece for piece in pieces if made.agent.memory_holds(piece)], [])


main()

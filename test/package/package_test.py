#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""package_test.py PACKAGES STATIC-TOOL: what tools/package made, in fresh Debian roots.

PACKAGES is its folder, with the static packages too. STATIC-TOOL is the host tool that tools/build-static made: it asks the agent where
the packaged one cannot be installed, because Debian's libraries there are others than those it was built with.
"""
import atexit
import glob
import os
import pathlib
import platform
import struct
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "test/support"))
from root import Root, make_tarball, run  # noqa: E402
from tap import args, case, equal, has, main  # noqa: E402

PACKAGES, STATIC_TOOL = map(os.path.abspath, args)
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "none")
SUITE = "bookworm"    # what the packages are built for: that of the machine that builds them
LATER = "trixie"
DRIVE = (TOP / "tools/packaging/debian/tests/drive").read_bytes()

folder = tempfile.mkdtemp(prefix="bellhop-package-")
os.chmod(folder, 0o755)
roots = {}


@atexit.register
def clean_up():
    for one in roots.values():
        one.remove()
    run("rm", "-rf", folder)


def package(name):
    found = [file for kind in (ARCHITECTURE, "all") for file in glob.glob(f"{PACKAGES}/{name}_*_{kind}.deb")]
    equal(len(found), 1, f"files of {name} in {PACKAGES}")
    return found[0]


def tarball(suite):
    file = f"{folder}/{suite}.tar"
    if not os.path.exists(file):
        make_tarball(suite, file)
    return file


def fresh(suite):
    if suite in roots:
        roots.pop(suite).remove()
    roots[suite] = Root(tarball(suite), f"{folder}/{suite}")
    return roots[suite]


def install(root, *names):
    root.copy(*map(package, names), to="tmp")
    root.run("apt-get", "-q", "-y", "install", *(f"/tmp/{os.path.basename(package(name))}" for name in names))


def purge(root, *names):
    root.run("apt-get", "-q", "-y", "purge", "--auto-remove", *names)


def drive(root):
    """The very script that autopkgtest runs."""
    root.write("tmp/drive", DRIVE)
    root.shell("mkdir /tmp/work; AUTOPKGTEST_TMP=/tmp/work sh /tmp/drive; rm -r /tmp/work")


@case("lintian has nothing to say against the packages", seconds=300)
def _():
    changes = glob.glob(f"{PACKAGES}/*.changes")
    assert changes, f"no .changes in {PACKAGES}"

    out = run("lintian", "--allow-root", "-I", "--fail-on", "error,warning", *changes)

    for line in out.splitlines():
        print("#", line)


@case("each static package holds a program of its architecture that needs no loader")
def _():
    machines = {"amd64": 62, "arm64": 183}    # EM_X86_64, EM_AARCH64: elf(5)
    found = glob.glob(f"{PACKAGES}/bellhop-agent-static_*.deb")
    equal(len(found), len(machines), f"static packages in {PACKAGES}")

    for file in found:
        with tempfile.TemporaryDirectory() as unpacked:
            run("dpkg-deb", "-x", file, unpacked)
            program = pathlib.Path(unpacked, "usr/sbin/bellhop-agent")
            equal(struct.unpack_from("<H", program.read_bytes(), 18)[0], machines[run("dpkg-deb", "-f", file, "Architecture").strip()])
            assert "INTERP" not in run("readelf", "-lW", program), file


@case("a fresh Debian takes the packages, and they start nothing there", seconds=300)
def _():
    root = fresh(SUITE)
    root.before = root.files()

    install(root, "bellhop-agent", "bellhop")

    equal(root.shell("pidof bellhop-agent || true"), "")


@case("the service is enabled, the unix socket is not, also after an image's first boot has preset them")
def _():
    root = roots[SUITE]

    def enabled():
        return root.run("find", "/etc/systemd/system", "-name", "bellhop*", "-printf", "%f\n").split()

    equal(enabled(), ["bellhop-agent.service"])
    root.run_outside("systemctl", "--root", root.folder, "preset", "bellhop-agent.service", "bellhop-agent.socket")
    equal(enabled(), ["bellhop-agent.service"])


@case("agent.conf as installed shows the defaults, and changes none")
def _():
    root = roots[SUITE]
    root.shell("sed -E 's/^#([a-z-]+=)/\\1/' /etc/bellhop/agent.conf > /tmp/all.conf")

    def in_force(*options):
        lines = root.run("bellhop-agent", "--print-config", *options).splitlines()
        return [line for line in lines if not line.startswith("#")]

    equal(in_force(), in_force("--config", "/dev/null"))
    equal(in_force("--config", "/tmp/all.conf"), in_force("--config", "/dev/null"))


@case("manual pages and completions are where they are looked for")
def _():
    root = roots[SUITE]
    pages = root.run("dpkg-query", "-L", "bellhop", "bellhop-agent")

    for page in ["man1/bellhop.1.gz", "man5/agent.conf.5.gz", "man8/bellhop-agent.8.gz"]:
        has(pages, f"/usr/share/man/{page}\n")
    root.run("bash", "-euc", "for one in bellhop bellhop-agent; do . /usr/share/bash-completion/completions/$one; "
                             "complete -p $one; done")


@case("the installed tool drives the installed agent")
def _():
    drive(roots[SUITE])


@case("bellhop-qga takes the place of qemu-guest-agent, and of its hook", seconds=300)
def _():
    root = roots[SUITE]
    root.run("apt-get", "-q", "-y", "install", "--no-install-recommends", "qemu-guest-agent")
    has(root.run("qemu-ga", "--version"), "QEMU Guest Agent")
    assert "bellhop" not in root.run("qemu-ga", "--help")

    install(root, "bellhop-qga")

    equal(root.shell("dpkg-query -W -f '${db:Status-Status}' qemu-guest-agent"), "config-files")
    equal(root.run("readlink", "-f", "/usr/sbin/qemu-ga"), "/usr/sbin/bellhop-agent\n")
    has(root.run("qemu-ga", "--help"), "bellhop-agent in the place of QEMU's guest agent")
    equal(root.shell("dpkg-query -W -f '${Conffiles}' bellhop-qga | cut -d ' ' -f 2"), "/etc/qemu/fsfreeze-hook\n")
    has(root.shell("cat /etc/qemu/fsfreeze-hook"), "with QEMU's own hook")


@case("its unit's own command line starts an agent that answers as QEMU's does")
def _():
    root = roots[SUITE]
    unit = root.read("lib/systemd/system/qemu-guest-agent.service").splitlines()
    command, = [line.removeprefix("ExecStart=") for line in unit if line.startswith("ExecStart=")]
    root.write("tmp/drive-qga", f"""
        BLACKLIST_RPC= BLOCK_RPCS=guest-exec FILTER_RPC_ARGS=
        DAEMON_ARGS='-m unix-listen -p /tmp/qga.sock'
        {command} 2> /tmp/qga.log &
        agent=$!
        trap 'kill -KILL $agent; cat /tmp/qga.log' EXIT
        export BELLHOP_AT=unix:/tmp/qga.sock=qga
        bellhop wait --timeout 20
        bellhop call guest-ping
        bellhop call guest-info | grep fsfreeze
        if bellhop call guest-exec '{{"path": "/bin/true"}}'; then exit 9; fi
        kill -TERM $agent
        wait $agent
        test ! -e /tmp/qga.sock
        trap - EXIT
        """.encode())

    out = root.shell("sh -eu /tmp/drive-qga; rm /tmp/drive-qga /tmp/qga.log")

    has(out, "guest-fsfreeze-freeze")


@case("without bellhop-qga nothing of either is left")
def _():
    root = roots[SUITE]

    purge(root, "bellhop-qga", "qemu-guest-agent")

    equal(root.shell("find / -xdev '(' -name '*qemu-guest-agent*' -o -name 'qemu-ga*' -o -name 'fsfreeze-hook*' ')' "
                     "! -path '/var/cache/apt/*' ! -path '/tmp/*' ! -path '/proc/*' ! -path '/var/log/*'"), "")
    root.run("bellhop-agent", "--version")


@case("the static package takes over, with the administrator's agent.conf", seconds=300)
def _():
    root = roots[SUITE]
    root.shell("sed -i 's/^#runs=64/runs=7/' /etc/bellhop/agent.conf")

    install(root, "bellhop-agent-static")
    purge(root, "bellhop-agent")

    has(root.run("bellhop-agent", "--print-config"), "runs=7\n")
    drive(root)


@case("a purge leaves nothing of any of them")
def _():
    root = roots[SUITE]

    purge(root, "bellhop-agent-static", "bellhop")

    left = root.files() - root.before
    equal(sorted(left), [])
    equal(root.shell("find /var/lib /var/log /var/cache -name '*bellhop*' ! -path '/var/cache/apt/*'"), "")


@case("the next Debian takes the static package, and its agent works there", seconds=300)
def _():
    root = fresh(LATER)
    root.copy(STATIC_TOOL, to="usr/bin/bellhop")

    install(root, "bellhop-agent-static")

    drive(root)
    purge(root, "bellhop-agent-static")
    equal(root.shell("test -e /etc/bellhop || echo gone"), "gone\n")


@case("autopkgtest's tests pass", seconds=900)
def _():
    dsc = glob.glob(f"{PACKAGES}/*.dsc")
    equal(len(dsc), 1, "source packages")
    built = [package(name) for name in ["bellhop", "bellhop-agent", "libbellhop-dev"]]

    root = fresh(SUITE)

    out = root.run_outside("autopkgtest", *built, dsc[0], "--", "chroot", root.folder)

    for line in out.splitlines():
        if line.split()[1:2] in (["PASS"], ["SKIP"], ["FAIL"]):
            print("#", line)
    has(out, "PASS")


main()

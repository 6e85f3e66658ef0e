# SPDX-License-Identifier: Apache-2.0
"""Where a service manager runs the agent: a folder, namespaces of its own, and our files with the agent under test in them."""
import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from agent import BINARY, SANITIZED, Log, system_call_fails
from frames import Asking, read, write
from tap import equal, eventually, has, skip

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGING = os.path.join(HERE, "..", "..", "tools", "packaging")
INSTALLED = "/usr/sbin/bellhop-agent"
BARE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SHELL": "/bin/sh"}
if SANITIZED:
    # LeakSanitizer stops the process that it looks at. The SIGCONT that managers send behind SIGTERM would undo that: both hang.
    BARE["ASAN_OPTIONS"] = "detect_leaks=0"


def needs(program):
    return shutil.which(program, path=BARE["PATH"]) or skip(f"{program} is not installed")


def needs_root():
    if os.geteuid() != 0:
        skip("needs root, to make namespaces")


class Place(Asking):
    """A folder with a configuration that makes the agent listen at .path, and copies of our files that start BINARY with it."""

    def __init__(self, folder):
        self.folder = folder
        self.path = self.at("socket")
        self.configure()

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def configure(self, text="", listen=None):
        write(self.at("agent.conf"), f"[agent]\nlisten={listen or 'unix:' + self.path}\nlog-level=info\n{text}".encode())

    def put_in_place(self, ours, *names, options=True):
        source = os.path.join(PACKAGING, ours)
        text = read(source).decode()
        has(text, INSTALLED)
        where = self.at(*names)
        os.makedirs(os.path.dirname(where), exist_ok=True)
        command = f"{BINARY} --config {self.at('agent.conf')}" if options else BINARY
        write(where, text.replace(INSTALLED, command).encode(), os.stat(source).st_mode & 0o777)
        return where

    def answers(self):
        """Waits for an agent that listens."""
        def ping():
            with contextlib.suppress(OSError):
                return self.ask("ping")["ok"]
        eventually(ping, what="an answer")

    def listens(self):
        with socket.socket(socket.AF_UNIX) as one:
            return one.connect_ex(self.path) == 0

    def agent_pid(self):
        """As the commands see it."""
        return int(self.run("echo $PPID").out)


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory(prefix="bellhop-service-") as name:
        yield Place(name)


@contextlib.contextmanager
def started(*command, **popen):
    """A process in the foreground, with its standard error as .log; its group is killed when the block is left."""
    popen.setdefault("env", BARE)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               start_new_session=True, **popen)
    process.log = Log(process.stderr)
    try:
        yield process
    except BaseException:
        print("# log:", process.log.text().replace("\n", "\n# log: "))
        raise
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)    # also an agent whose runsv has not ended it
        process.wait()
        process.log.end()


def in_namespaces(script, *arguments, **popen):
    """Its first process is PID 1, its mounts are its own, and all of it dies with the process that is started here."""
    return started("unshare", "--pid", "--mount", "--fork", "--kill-child", "/bin/sh", "-euc", script, *arguments, **popen)


def run(*command, ok=True, **popen):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20,
                          **{"env": BARE, **popen})
    if ok:
        equal(done.returncode, 0, f"{command}: {done.stdout}")
    return done.stdout


def without_vsock():
    """For preexec_fn: a kernel that lacks it, for all that is started there."""
    return system_call_fails("socket", socket.AF_VSOCK, errno.EAFNOSUPPORT) or skip("the numbers of this machine's system calls are not known here")


def children_of(pid):
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


def lets_a_command_end(where, stop):
    """stop() asks the agent to end while a command runs: that ends by itself, and its answer comes."""
    gate = where.at("gate")
    os.mkfifo(gate)
    with where.start(f"echo begun; read x < {gate}; echo done") as host:
        equal(host.first_output(), b"begun\n")
        stop()
        eventually(lambda: not where.listens(), what="an agent that is ending")
        write(gate, b"go\n")
        ran = host.ran()
        equal((ran.out, ran.end["exit_code"]), (b"done\n", 0))


# A root of its own, in which nothing is mounted yet: $0 the place's folder, $1 the agent's. Both and /usr are seen as outside.
MAKE_ROOT = """
    root=$0/root
    cd "$0"
    mkdir -p "$root" && mount -t tmpfs tmpfs "$root"
    for folder in proc sys dev run tmp etc sbin; do mkdir "$root/$folder"; done
    for folder in /bin /lib /lib64 /usr "$0" "$1"; do
        if [ -L "$folder" ]; then
            cp -P "$folder" "$root$folder"
        elif [ -d "$folder" ]; then
            mkdir -p "$root$folder" && mount --bind "$folder" "$root$folder"
        fi
    done
    cp -r "$0/copied/." "$root"
    """

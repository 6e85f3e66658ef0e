# SPDX-License-Identifier: Apache-2.0
"""Starts the agent that is under test, waits for it by its log, and looks at its process from outside.

    with Agent("--max-runs", "2") as agent:
        equal(agent.ask("ping")["op"], "pong")

Leaving the block asks it to end, and fails when it does not end with 0 or leaves anything behind. The binary is the script's first
argument.
"""
import contextlib
import ctypes
import os
import platform
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

from frames import Asking, read
from tap import args, equal, eventually

if not args:
    sys.exit(f"usage: {sys.argv[0]} PATH/bellhop-agent [--only WORD]")
BINARY = os.path.abspath(args[0])
SANITIZED = b"__asan_init" in read(BINARY)    # its memory says nothing, and it is slower


@contextlib.contextmanager
def bound_at_start():
    """Programs that are started meanwhile are linked whole: at first calls the dynamic linker saves registers, whatever they hold."""
    os.environ["LD_BIND_NOW"] = "1"
    try:
        yield
    finally:
        del os.environ["LD_BIND_NOW"]


class Log:
    """The lines of a process's standard error, as they come."""

    def __init__(self, pipe):
        self.lines = []
        self._news = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe):
        with pipe:
            for line in pipe:
                with self._news:
                    self.lines.append(line.decode(errors="replace").rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def wait_for(self, words, seconds=20):
        def there():
            return any(words in line for line in self.lines)
        with self._news:
            self._news.wait_for(lambda: there() or self._over, seconds)
            if not there():
                raise AssertionError(f"no line with {words!r} in {self.text()!r}")

    def text(self):
        return "\n".join(self.lines)

    def end(self, seconds=20):
        self._thread.join(seconds)
        return self.text()


class Agent(Asking):
    def __init__(self, *options, listen="unix", dialect="", **popen):
        self.folder = tempfile.mkdtemp(prefix="bellhop-wire-")
        self.path = os.path.join(self.folder, "agent")
        self.root = os.path.join(self.folder, "root")    # its working directory
        os.mkdir(self.root)
        endpoint = ["--listen", f"unix:{self.path}" + (f"={dialect}" if dialect else "")] if listen == "unix" else []
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("cwd", self.root)
        popen.setdefault("env", {**os.environ, "SHELL": "/bin/sh", "HOME": self.root})    # nobody's profile
        popen.setdefault("stderr", subprocess.PIPE)
        self.process = subprocess.Popen([BINARY, *options, *endpoint], **popen)    # its own comes last: then all are there
        self.pid = self.process.pid
        self.log = Log(self.process.stderr or open(os.devnull, "rb"))
        if endpoint:
            try:
                self.log.wait_for(f"listening on unix:{self.path}")
            except BaseException:
                self.kill()
                raise
            self.descriptors_at_start = self.descriptors()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            try:
                return self.stop()
            finally:
                self.kill()
        for line in self.log.lines[-50:]:
            print("# log:", line)
        self.kill()

    def at(self, *names):
        return os.path.join(self.root, *names)

    def stop(self):
        """SIGTERM; the end must be orderly."""
        self.process.terminate()
        self.has_ended()
        equal(os.path.exists(self.path), False, "the socket is there after the end")

    def has_ended(self, code=0, seconds=20):
        try:
            got = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the agent has not ended; its log: {self.log.text()}") from None
        equal(got, code, f"exit status; log {self.log.end()!r:.8000}")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- the process from outside

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def children(self):
        return [int(pid) for pid in read(f"/proc/{self.pid}/task/{self.pid}/children").split()]

    def zombies(self):
        return [pid for pid in self.children() if state(pid) == "Z"]

    def rss_anon_kib(self):
        return int(self._status("RssAnon").split()[0])

    def memory_holds(self, data):
        """Anywhere that it may write to. None: we may not look."""
        with open(f"/proc/{self.pid}/maps", encoding="ascii") as maps:
            spans = [[int(word, 16) for word in line.split()[0].split("-")] for line in maps if line.split()[1].startswith("rw")]
        try:
            with open(f"/proc/{self.pid}/mem", "rb", 0) as memory:
                for begin, end in spans:
                    memory.seek(begin)
                    if data in memory.read(end - begin):
                        return True
        except PermissionError:
            return None
        return False

    def switches(self):
        """Context switches so far, of an agent that has gone to sleep."""
        eventually(lambda: state(self.pid) == "S", what="sleep")
        return int(self._status("voluntary_ctxt_switches")) + int(self._status("nonvoluntary_ctxt_switches"))

    def rests(self, seconds):
        """Not one context switch for so long."""
        before = self.switches()
        time.sleep(seconds)    # time itself
        return self.switches() == before

    def cpu_seconds(self):
        fields = read(f"/proc/{self.pid}/stat").rsplit(b")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def leftovers(self):
        """Temporary files of uploads, wherever the agent may have put them."""
        return [os.path.join(where, name) for where, _, names in os.walk(self.folder) for name in names if name.startswith(".bellhop")]

    def quiet(self, seconds=20):
        """Waits until nothing of any conversation is left."""
        def nothing():
            return self.descriptors() == self.descriptors_at_start and not self.children() and not self.leftovers()
        try:
            eventually(nothing, seconds)
        except AssertionError:
            links = [os.readlink(f"/proc/{self.pid}/fd/{n}") for n in os.listdir(f"/proc/{self.pid}/fd")]
            raise AssertionError(f"left behind: descriptors {links} (at start {self.descriptors_at_start}), "
                                 f"children {self.children()}, files {self.leftovers()}") from None

    def turn(self):
        """The agent has looked at all that had reached it before this call."""
        for _ in range(2):
            equal(self.ask("ping")["ok"], True)

    def _status(self, name):
        for line in read(f"/proc/{self.pid}/status").decode().splitlines():
            if line.startswith(name + ":"):
                return line.split(":", 1)[1].strip()
        raise AssertionError(f"no {name} in /proc/{self.pid}/status")


def once(*options, **popen):
    """The agent as a command that is expected to end by itself: (exit status, stdout, stderr)."""
    popen.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([BINARY, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20, **popen)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def state(pid):
    """The letter of /proc/PID/stat; None when there is no such process."""
    try:
        return read(f"/proc/{pid}/stat").rsplit(b")", 1)[1].split()[0].decode()
    except (FileNotFoundError, ProcessLookupError):
        return None


def alive(pid):
    return state(pid) not in (None, "Z")    # an orphan stays a zombie until init looks; the agent's own are Agent.quiet()'s matter


def dies(pid):
    eventually(lambda: not alive(pid), what=f"the end of process {pid}")


# ---- the kernel, made worse. For Popen's preexec_fn

_libc = ctypes.CDLL(None, use_errno=True)


def system_call_fails(name, first_argument, error):
    """A seccomp(2) filter: the call with that first argument fails with `error`. Returns what to call in the child, or None."""
    numbers = {"x86_64": {"socket": 41}, "aarch64": {"socket": 198}}.get(platform.machine(), {})
    if name not in numbers:
        return None

    def install():
        load, jump_if_equal, give = 0x20, 0x15, 0x06
        program = b"".join(struct.pack("=HBBI", *line) for line in (
            (load, 0, 0, 0), (jump_if_equal, 0, 3, numbers[name]),
            (load, 0, 0, 16), (jump_if_equal, 0, 1, first_argument),
            (give, 0, 0, 0x00050000 | error), (give, 0, 0, 0x7fff0000)))
        code = ctypes.create_string_buffer(program, len(program))
        whole = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
        if _libc.prctl(38, 1, 0, 0, 0) or _libc.prctl(22, 2, whole, 0, 0):    # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
            raise OSError(ctypes.get_errno(), "seccomp")
    return install


def own_mounts():
    """This process and its agents get a mount namespace: nothing that they mount outlives them. False: not permitted."""
    if _libc.unshare(0x00020000):    # CLONE_NEWNS
        return False
    return _libc.mount(None, b"/", None, 0x44000, None) == 0    # MS_REC | MS_PRIVATE


def _mount(what, where, kind, flags, options=b""):
    if _libc.mount(what, where.encode(), kind, flags, options):
        raise OSError(ctypes.get_errno(), f"mount {where}")


def mount_tmpfs(where, options=""):
    _mount(b"tmpfs", where, b"tmpfs", 0, options.encode())


def bind_mount(where):
    _mount(where.encode(), where, None, 0x1000)    # MS_BIND


def remount_read_only(where):
    _mount(None, where, None, 0x1021)    # MS_BIND | MS_REMOUNT | MS_RDONLY


def unmount(where):
    _libc.umount2(where.encode(), 2)    # MNT_DETACH


def fresh_signals(block=(), ignore=()):
    """For preexec_fn: what a careless parent hands down."""
    def install():
        signal.pthread_sigmask(signal.SIG_BLOCK, block)
        for number in ignore:
            signal.signal(number, signal.SIG_IGN)
    return install

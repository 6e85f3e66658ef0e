# SPDX-License-Identifier: Apache-2.0
"""A host that speaks to QEMU's guest agent, ours or theirs.

    with Agent(dialect="qga") as agent, Oracle() as oracle, Host(agent.path) as host:
        equal(host.call("guest-ping"), {})

Oracle is Debian's qemu-ga, of tools/install-needs: what ours is compared with.
"""
import json
import os
import shutil
import socket
import subprocess
import tempfile

from tap import eventually


class Refused(Exception):
    """An error answer; .desc and .kind (its class)."""

    def __init__(self, error):
        super().__init__(f"{error['class']}: {error['desc']}")
        self.desc, self.kind = error["desc"], error["class"]


class Host:
    def __init__(self, path, seconds=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(path)
        self._lines = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._lines.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        line = self._lines.readline()
        if not line.endswith(b"\n"):
            raise EOFError(f"the agent hung up after {line!r:.2000}")
        return line

    def ask(self, command, arguments=None):
        """The whole answer."""
        request = {"execute": command}
        if arguments is not None:
            request["arguments"] = arguments
        self.send(json.dumps(request).encode() + b"\n")
        return json.loads(self.line())

    def call(self, command, arguments=None):
        """What it returns; Refused for an error."""
        answer = self.ask(command, arguments)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["return"]


class Oracle:
    BINARY = shutil.which("qemu-ga", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")

    def __init__(self, *options, **popen):
        self.folder = tempfile.mkdtemp(prefix="bellhop-oracle-")
        self.path = os.path.join(self.folder, "agent")
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stderr", subprocess.DEVNULL)
        self.process = subprocess.Popen(
            [self.BINARY, "-m", "unix-listen", "-p", self.path, "-t", self.folder, *options], **popen)
        try:
            eventually(self._answers, what="qemu-ga's socket")
        except BaseException:
            self.__exit__()
            raise

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"qemu-ga ended with {self.process.returncode}")
        try:
            Host(self.path).__exit__()
            return True
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

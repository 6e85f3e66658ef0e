# SPDX-License-Identifier: Apache-2.0
"""QEMU's monitor, over its unix socket (QEMU's docs/interop/qmp-spec.rst)."""
import json
import socket


class Qmp:
    def __init__(self, path):
        self.events = []    # all that came so far
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")
        self._lines.readline()
        self.do("qmp_capabilities")

    def do(self, command, **arguments):
        """What the command returns. An error raises."""
        self._socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            said = json.loads(self._lines.readline())
            if "event" in said:
                self.events.append(said)
            elif "error" in said:
                raise RuntimeError(f"{command}: {said['error']['desc']}")
            else:
                return said["return"]

    def close(self):
        self._lines.close()
        self._socket.close()

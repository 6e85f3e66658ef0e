#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A vsock device for one QEMU guest, for tests: vhost-user towards QEMU, and towards the host a "hybrid" unix
socket as Firecracker and cloud-hypervisor have it.

    vhost_user_vsock.py DEVICE HYBRID    prints "ready" once QEMU and hosts may connect; ends when QEMU does

QEMU connects to DEVICE (a vhost-user-vsock-pci with shared guest memory). A host connects to HYBRID, writes
"CONNECT <port>\\n", reads "OK <its own port>\\n" and then what the guest's listener sends. A refused port is
an end of file in place of the OK. A host that shuts its writing side down is a half-close in the guest, one
that closes is a full SHUTDOWN.

Follows the virtio specification (1.2), chapter "Socket Device": streams and credit. Limits: no connections
from the guest (they are reset), no seqpacket, no transport-reset event, fairness by chance.
"""
import array
import collections
import contextlib
import fcntl
import select
import socket
import struct
import sys
import termios

import vhost_user

HEADER = struct.Struct("<QQIIIHHIII")
STREAM = 1
REQUEST, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST = range(1, 8)
SHUTDOWN_RECEIVE, SHUTDOWN_SEND = 1, 2
SHUTDOWN_BOTH = SHUTDOWN_RECEIVE | SHUTDOWN_SEND
HOST_CID, GUEST_CID = 2, 3
RECEIVE_QUEUE, TRANSMIT_QUEUE, QUEUES = 0, 1, 3
BUFFER = 256 << 10  # what a guest may send us unread, for each stream
CHUNK = 64 << 10
BACKLOG = 64  # packets waiting for the guest, above which no more is read from hosts


class Stream:
    """One vsock connection and the host's unix socket that it is joined to."""

    def __init__(self, device, host, ports):
        self._device, self._host, self.ports = device, host, ports
        self._for_host = bytearray()
        self._sent = self._guest_took = self._guest_buffer = 0  # the guest's credit, modulo 2**32
        self.took = self._told = 0  # ours
        self._accepted = self._host_ended = self._host_left = False
        self._guest_shutdown = 0

    # ---- from the guest

    def on_packet(self, operation, flags, payload, buffer, took):
        self._guest_buffer, self._guest_took = buffer, took
        if operation == RESPONSE:
            self._accept()
        elif operation == RW:
            self._for_host += payload
        elif operation == SHUTDOWN:
            self._guest_shutdown |= flags & SHUTDOWN_BOTH
            if self._guest_shutdown == SHUTDOWN_BOTH:
                self._device.send(self, RST)
                self._device.remove(self)
        elif operation == RST:
            self._guest_shutdown = SHUTDOWN_BOTH
            self._device.remove(self)
        elif operation == CREDIT_REQUEST:
            self._device.send(self, CREDIT_UPDATE)
        self._write()
        self.wait()

    def _accept(self):
        self._accepted = True
        if not self._host_left:
            with contextlib.suppress(OSError):  # a host that is gone is seen in wait()
                self._host.send(b"OK %d\n" % self.ports[0], socket.MSG_NOSIGNAL)

    # ---- from the host

    def wait(self):
        """Tells the loop what this stream can take. With nothing to take, a hang-up is still reported."""
        if self._host_left:
            return
        if not self._may_read() and self._hung_up() and self._unread():
            self._device.loop.forget(self._host.fileno())  # until the guest has room for its last bytes
            return
        events = select.EPOLLOUT if self._for_host else 0
        if self._may_read():
            events |= select.EPOLLIN
        self._device.loop.watch(self._host.fileno(), events, self._on_ready)

    def _may_read(self):
        return (self._accepted and not self._host_ended and not self._guest_shutdown & SHUTDOWN_RECEIVE
                and self._room() > 0 and not self._device.busy())

    def _room(self):
        return self._guest_buffer - (self._sent - self._guest_took & 0xFFFFFFFF)

    def _on_ready(self):
        self._write()
        if self._host_left:
            return
        if self._may_read():
            self._read()
        elif self._hung_up() and not self._unread():
            self._leave()
        self.wait()
        self._device.flush()

    def _read(self):
        try:
            payload = self._host.recv(min(CHUNK, self._room()))
        except BlockingIOError:
            return
        except ConnectionError:
            return self._leave()
        if payload:
            self._sent += len(payload)
            self._device.send(self, RW, payload)
        elif self._hung_up():
            self._leave()
        else:
            self._host_ended = True
            self._device.send(self, SHUTDOWN, flags=SHUTDOWN_SEND)

    def _write(self):
        if self._host_left:
            return
        try:
            count = self._host.send(self._for_host, socket.MSG_NOSIGNAL) if self._for_host else 0
        except BlockingIOError:
            return
        except OSError:
            return self._leave()
        del self._for_host[:count]
        self.took = self.took + count & 0xFFFFFFFF
        if (self.took - self._told & 0xFFFFFFFF) > BUFFER // 4:
            self._told = self.took
            self._device.send(self, CREDIT_UPDATE)
        if not self._for_host and self._guest_shutdown == SHUTDOWN_BOTH:
            self._leave()
        elif not self._for_host and self._guest_shutdown & SHUTDOWN_SEND:
            with contextlib.suppress(OSError):
                self._host.shutdown(socket.SHUT_WR)

    def _hung_up(self):
        poll = select.poll()
        poll.register(self._host, 0)
        return bool(poll.poll(0))

    def _unread(self):
        count = array.array("i", [0])
        fcntl.ioctl(self._host, termios.FIONREAD, count)
        return count[0]

    def _leave(self):
        """Ends the host's side. The guest still has to answer with a reset, unless it was the first to go."""
        if self._host_left:
            return
        self._host_left = True
        self._device.loop.forget(self._host.fileno())
        self._host.close()
        self._for_host.clear()
        if self._guest_shutdown != SHUTDOWN_BOTH:
            self._device.send(self, SHUTDOWN, flags=SHUTDOWN_BOTH)


class Vsock(vhost_user.Device):
    def __init__(self, loop, front_end):
        super().__init__(loop, front_end, QUEUES, config=struct.pack("<Q", GUEST_CID))
        self._streams = {}
        self._for_guest = collections.deque()
        self._next_port = 1 << 30

    def connect(self, host, guest_port):
        self._next_port += 1
        stream = Stream(self, host, (self._next_port, guest_port))
        self._streams[stream.ports] = stream
        self.send(stream, REQUEST)
        stream.wait()
        self.flush()

    def remove(self, stream):
        self._streams.pop(stream.ports, None)

    def busy(self):
        return len(self._for_guest) >= BACKLOG

    def send(self, stream, operation, payload=b"", flags=0):
        self._for_guest.append((stream.ports, operation, flags, stream.took, payload))

    def flush(self):
        """Gives the guest what waits for it, as far as it has buffers; an RW packet may need several."""
        queue, was_busy, count = self.queues[RECEIVE_QUEUE], self.busy(), 0
        while self._for_guest and (buffer := queue.take()):
            head, _, views = buffer
            ports, operation, flags, took, payload = self._for_guest.popleft()
            room = sum(view.length for view in views) - HEADER.size
            piece, rest = payload[:room], payload[room:]
            if rest:
                self._for_guest.appendleft((ports, operation, flags, took, rest))
            header = HEADER.pack(HOST_CID, GUEST_CID, *ports, len(piece), STREAM, operation, flags, BUFFER,
                                 took)
            queue.give_back(head, self._scatter(header + piece, views))
            count += 1
        if count:
            queue.interrupt()
        if was_busy and not self.busy():
            for stream in self._streams.values():
                stream.wait()

    def on_kick(self):
        queue, count = self.queues[TRANSMIT_QUEUE], 0
        while buffer := queue.take():
            head, views, _ = buffer
            packet = b"".join(view.bytes() for view in views)
            queue.give_back(head, 0)
            self._on_packet(packet)
            count += 1
        if count:
            queue.interrupt()
        self.flush()

    def _on_packet(self, packet):
        fields = HEADER.unpack_from(packet)
        _, _, source, destination, length, _, operation, flags, buffer, took = fields
        stream = self._streams.get((destination, source))
        if stream:
            payload = packet[HEADER.size:HEADER.size + length]
            stream.on_packet(operation, flags, payload, buffer, took)
        elif operation != RST:
            self._for_guest.append(((destination, source), RST, 0, 0, b""))

    @staticmethod
    def _scatter(packet, views):
        start = 0
        for view in views:
            view.store(packet[start:start + view.length])
            start += view.length
        return len(packet)


class Greeting:
    """Reads a host's "CONNECT <port>" line and hands the socket on; anything else is hung up on."""

    def __init__(self, device, host):
        self._device, self._host, self._line = device, host, b""
        host.setblocking(False)
        device.loop.watch(host.fileno(), select.EPOLLIN, self._on_readable)

    def _on_readable(self):
        byte = b""
        with contextlib.suppress(OSError):
            byte = self._host.recv(1)
        self._line += byte
        if byte and byte != b"\n" and len(self._line) < 32:
            return
        self._device.loop.forget(self._host.fileno())
        word, _, port = self._line.rstrip(b"\n").partition(b" ")
        if byte == b"\n" and word == b"CONNECT" and port.isdigit():
            self._device.connect(self._host, int(port))
        else:
            self._host.close()


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    return listener


def main():
    front_end, hosts = listen(sys.argv[1]), listen(sys.argv[2])
    print("ready", flush=True)
    loop = vhost_user.Loop()
    device = Vsock(loop, front_end.accept()[0])
    loop.watch(hosts.fileno(), select.EPOLLIN, lambda: Greeting(device, hosts.accept()[0]))
    loop.run()


if __name__ == "__main__":
    main()

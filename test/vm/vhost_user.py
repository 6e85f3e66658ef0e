# SPDX-License-Identifier: Apache-2.0
"""The device-neutral half of a vhost-user back end, for tests: QEMU's messages, guest memory and virtqueues.

Follows QEMU's docs/interop/vhost-user.rst and the virtio specification (1.2), chapter "Split Virtqueues".
Limits: split rings only, no in-flight tracking, no migration, no IOMMU, no event index; one guest's life per
process. Python has no memory barriers, so the order of stores is the host processor's: x86 is strict enough.
"""
import array
import mmap
import os
import select
import socket
import struct

VIRTIO_F_VERSION_1 = 1 << 32
F_PROTOCOL_FEATURES = 1 << 30
PROTOCOL_F_MQ, PROTOCOL_F_REPLY_ACK, PROTOCOL_F_CONFIG = 1 << 0, 1 << 3, 1 << 9

GET_FEATURES, SET_MEM_TABLE, SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE = 1, 5, 8, 9, 10
GET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR = 11, 12, 13, 14
GET_PROTOCOL_FEATURES, GET_QUEUE_NUM, SET_VRING_ENABLE, GET_CONFIG = 15, 17, 18, 24
VERSION, REPLY, NEED_REPLY = 1, 1 << 2, 1 << 3
NO_DESCRIPTOR = 1 << 8  # in SET_VRING_KICK and SET_VRING_CALL

DESCRIPTOR_NEXT, DESCRIPTOR_WRITE, DESCRIPTOR_INDIRECT = 1, 2, 4
NO_INTERRUPT = 1


class Loop:
    """epoll with a callback for each descriptor. Unlike selectors it can wait for nothing but a hang-up."""

    def __init__(self):
        self._epoll = select.epoll()
        self._callbacks = {}

    def watch(self, descriptor, events, callback):
        change = self._epoll.modify if descriptor in self._callbacks else self._epoll.register
        change(descriptor, events)
        self._callbacks[descriptor] = callback

    def forget(self, descriptor):
        if self._callbacks.pop(descriptor, None):
            self._epoll.unregister(descriptor)

    def run(self):
        while True:
            for descriptor, _ in self._epoll.poll():
                if callback := self._callbacks.get(descriptor):  # an earlier callback may have forgotten it
                    callback()


class Region:
    def __init__(self, guest_address, size, front_end_address, offset, descriptor):
        self.guest_address, self.front_end_address = guest_address, front_end_address
        self.size, self.offset = size, offset
        self.memory = mmap.mmap(descriptor, offset + size)
        os.close(descriptor)


class View:
    """A stretch of guest memory: the region's map and where in it the stretch begins."""

    def __init__(self, memory, offset, length):
        self._memory, self._offset, self.length = memory, offset, length

    def read(self, layout, at=0):
        return struct.unpack_from(layout, self._memory, self._offset + at)

    def write(self, layout, at, *values):
        struct.pack_into(layout, self._memory, self._offset + at, *values)

    def bytes(self):
        return self._memory[self._offset:self._offset + self.length]

    def store(self, content):
        self._memory[self._offset:self._offset + len(content)] = content


class Virtqueue:
    def __init__(self, guest):
        self._guest = guest
        self._taken = self._given = 0  # indexes into the available and the used ring, modulo 2**16
        self.size, self.enabled = 0, False
        self._descriptors = self._available = self._used = None
        self.kick = self._call = -1

    def place(self, descriptors, used, available):
        """Addresses of the three parts in QEMU's own address space."""
        find = self._guest.in_front_end
        self._descriptors = find(descriptors, 16 * self.size)
        self._used = find(used, 4 + 8 * self.size)
        self._available = find(available, 4 + 2 * self.size)
        self._given = self._used.read("<H", 2)[0]

    def start_at(self, index):
        self._taken = index

    def stop(self):
        self.enabled = False
        return self._taken

    def set_call(self, descriptor):
        if self._call >= 0:
            os.close(self._call)
        self._call = descriptor

    def take(self):
        """The next buffer the guest has made available: (its id, views to read, views to write), or None."""
        if not self.enabled or not self._descriptors or self._available.read("<H", 2)[0] == self._taken:
            return None
        head = self._available.read("<H", 4 + 2 * (self._taken % self.size))[0]
        self._taken = (self._taken + 1) & 0xFFFF
        readable, writable = [], []
        table, index = self._descriptors, head
        while True:
            address, length, flags, following = table.read("<QIHH", 16 * index)
            view = self._guest.in_guest(address, length)
            if flags & DESCRIPTOR_INDIRECT:
                table, index = view, 0
                continue
            (writable if flags & DESCRIPTOR_WRITE else readable).append(view)
            if not flags & DESCRIPTOR_NEXT:
                return head, readable, writable
            index = following

    def give_back(self, head, written):
        self._used.write("<II", 4 + 8 * (self._given % self.size), head, written)
        self._given = (self._given + 1) & 0xFFFF
        self._used.write("<H", 2, self._given)

    def interrupt(self):
        if self._call >= 0 and not self._available.read("<H")[0] & NO_INTERRUPT:
            os.eventfd_write(self._call, 1)


class Device:
    """A back end's end of the front end's socket. A device adds its configuration space and on_kick()."""

    def __init__(self, loop, front_end, queue_count, config):
        self.loop, self._front_end, self._config = loop, front_end, config
        self._regions = []
        self.queues = [Virtqueue(self) for _ in range(queue_count)]
        loop.watch(front_end.fileno(), select.EPOLLIN, self._on_message)

    def in_guest(self, address, length):
        return self._find(address, length, "guest_address")

    def in_front_end(self, address, length):
        return self._find(address, length, "front_end_address")

    def on_kick(self):
        raise NotImplementedError

    def _find(self, address, length, space):
        for region in self._regions:
            offset = address - getattr(region, space)
            if 0 <= offset and offset + length <= region.size:
                return View(region.memory, region.offset + offset, length)
        raise ValueError(f"no guest memory at {address:#x}")

    def _on_message(self):
        header, ancillary, _, _ = self._front_end.recvmsg(12, socket.CMSG_SPACE(8 * 4))
        if not header:
            raise SystemExit  # QEMU has ended
        descriptors = array.array("i")
        for _, _, content in ancillary:
            descriptors.frombytes(content)
        request, flags, size = struct.unpack("<III", header)
        payload = self._front_end.recv(size, socket.MSG_WAITALL) if size else b""
        reply = self._answer(request, payload, list(descriptors))
        if reply is None and flags & NEED_REPLY:
            reply = struct.pack("<Q", 0)
        if reply is not None:
            self._front_end.sendall(struct.pack("<III", request, VERSION | REPLY, len(reply)) + reply)

    def _answer(self, request, payload, descriptors):
        number = struct.unpack_from("<Q", payload)[0] if len(payload) >= 8 else 0
        if request == GET_FEATURES:
            return struct.pack("<Q", VIRTIO_F_VERSION_1 | F_PROTOCOL_FEATURES)
        if request == GET_PROTOCOL_FEATURES:
            return struct.pack("<Q", PROTOCOL_F_MQ | PROTOCOL_F_REPLY_ACK | PROTOCOL_F_CONFIG)
        if request == GET_QUEUE_NUM:
            return struct.pack("<Q", len(self.queues))
        if request == GET_CONFIG:
            offset, size, _ = struct.unpack_from("<III", payload)
            return payload[:12] + self._config[offset:offset + size].ljust(size, b"\0")
        if request == SET_MEM_TABLE:
            return self._set_memory(payload, descriptors)
        if SET_VRING_NUM <= request <= SET_VRING_ERR or request == SET_VRING_ENABLE:
            return self._set_queue(request, self.queues[number & 0xFF], number, payload, descriptors)
        return None  # SET_OWNER, SET_FEATURES and the like ask for nothing here

    def _set_memory(self, payload, descriptors):
        regions = struct.iter_unpack("<QQQQ", payload[8:8 + 32 * len(descriptors)])
        self._regions = [Region(*fields, descriptor) for fields, descriptor in zip(regions, descriptors)]

    def _set_queue(self, request, queue, number, payload, descriptors):
        if request == SET_VRING_NUM:
            queue.size = number >> 32
        elif request == SET_VRING_ADDR:
            _, _, table, used, available, _ = struct.unpack_from("<IIQQQQ", payload)
            queue.place(table, used, available)
        elif request == SET_VRING_BASE:
            queue.start_at(number >> 32 & 0xFFFF)
        elif request == GET_VRING_BASE:
            self._drop_kick(queue)
            return struct.pack("<II", number & 0xFF, queue.stop())
        elif request == SET_VRING_KICK:
            self._drop_kick(queue)
            if not number & NO_DESCRIPTOR:
                queue.kick = descriptors[0]
                self.loop.watch(queue.kick, select.EPOLLIN, lambda: self._on_eventfd(queue.kick))
        elif request == SET_VRING_CALL:
            queue.set_call(-1 if number & NO_DESCRIPTOR else descriptors[0])
        elif request == SET_VRING_ERR and descriptors:
            os.close(descriptors[0])
        elif request == SET_VRING_ENABLE:
            queue.enabled = bool(number >> 32)
            self.on_kick()
        return None

    def _drop_kick(self, queue):
        if queue.kick >= 0:
            self.loop.forget(queue.kick)
            os.close(queue.kick)
            queue.kick = -1

    def _on_eventfd(self, kick):
        os.eventfd_read(kick)
        self.on_kick()

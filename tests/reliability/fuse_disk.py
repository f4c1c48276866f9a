#!/usr/bin/env python3
"""A block device for tests: one file `disk` in a FUSE mount, to be attached as a loop device. It speaks the kernel's protocol over
/dev/fuse itself, so that nothing has to be installed; root only. block_disk.py starts it.

    fuse_disk.py MOUNT_POINT IMAGE RECORD

IMAGE is the content. Every write that reaches the device is done to it and appended to RECORD, every flush too:
    record := u32 kind (1 write, 2 flush, 3 acknowledgement, 4 command, 5 refused write or flush), u64 offset or number, u32 size, bytes
What is written to the file `acks` (numbers, one a line) becomes acknowledgements in the record, in the same order as the writes.
What is written to the file `control` is a command: `fail_writes` (EIO to writes and flushes), `fail_once` (to the next write),
`bad OFFSET SIZE` (to reads of these bytes), `heal` (none of them).
"""

import ctypes
import errno
import os
import stat
import struct
import sys

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT = 1, 2, 3, 4, 14, 15, 16, 17, 18, 20, 25, 26
OPENDIR, READDIR, RELEASEDIR, FSYNCDIR, ACCESS, INTERRUPT, DESTROY, BATCH_FORGET = 27, 28, 29, 30, 34, 36, 38, 42
DIRECT_IO = 1
MAX_WRITE = 128 << 10
IN_HEADER, OUT_HEADER = struct.Struct("<IIQQIIII"), struct.Struct("<IiQ")
RECORD = struct.Struct("<IQI")
FILES = {b"disk": 2, b"acks": 3, b"control": 4}


class Refused(Exception):
    pass


class Disk:
    def __init__(self, image, record):
        self.image = os.open(image, os.O_RDWR)
        self.size = os.fstat(self.image).st_size
        self.record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.fail_writes, self.fail_next, self.bad = False, False, None

    def note(self, kind, number, data=b""):
        os.write(self.record, RECORD.pack(kind, number, len(data)) + data)

    def attributes(self, node):
        mode = stat.S_IFDIR | 0o700 if node == 1 else stat.S_IFREG | 0o600
        size = self.size if node == 2 else 0
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def write(self, node, offset, data):
        if node == 3:
            for line in data.split():
                self.note(3, int(line))
        elif node == 4:
            self.command(data.decode().split())
            self.note(4, 0, data)
        else:
            if self.fail_writes or self.fail_next:
                self.fail_next = False
                self.note(5, offset)
                raise Refused
            os.pwrite(self.image, data, offset)
            self.note(1, offset, data)
        return struct.pack("<II", len(data), 0)

    def command(self, words):
        if words[0] == "fail_writes":
            self.fail_writes = True
        elif words[0] == "fail_once":
            self.fail_next = True
        elif words[0] == "bad":
            self.bad = (int(words[1]), int(words[1]) + int(words[2]))
        elif words[0] == "heal":
            self.fail_writes, self.fail_next, self.bad = False, False, None

    def read(self, node, offset, size):
        if node != 2:
            return b""
        if self.bad and offset < self.bad[1] and offset + size > self.bad[0]:
            raise Refused
        return os.pread(self.image, size, offset)

    def sync(self, node):
        if node == 2:
            if self.fail_writes:
                self.note(5, 0)
                raise Refused
            self.note(2, 0)
        return b""

    def answer(self, opcode, node, body):
        """The reply's bytes; None where the kernel waits for none."""
        if opcode == INIT:
            _, minor, readahead, flags = struct.unpack_from("<IIII", body)
            return struct.pack("<IIIIHHIIHHI28x", 7, min(minor, 31), readahead, flags & 0, 16, 12, MAX_WRITE, 1, 0, 0, 0)
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            return None
        if opcode == LOOKUP:
            child = FILES.get(body.rstrip(b"\0"))
            if child is None:
                raise FileNotFoundError
            return struct.pack("<QQQQII", child, 0, 3600, 3600, 0, 0) + self.attributes(child)
        if opcode in (GETATTR, SETATTR):
            return struct.pack("<QII", 3600, 0, 0) + self.attributes(node)
        if opcode in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, DIRECT_IO if opcode == OPEN else 0, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return self.read(node, offset, size)
        if opcode == WRITE:
            _, offset, size = struct.unpack_from("<QQI", body)
            return self.write(node, offset, body[40:40 + size])
        if opcode == FSYNC:
            return self.sync(node)
        if opcode == STATFS:
            return bytes(80)
        if opcode in (RELEASE, RELEASEDIR, FLUSH, FSYNCDIR, READDIR, ACCESS, DESTROY):
            return b""
        raise NotImplementedError

    def serve(self, device):
        while True:
            try:
                request = os.read(device, MAX_WRITE + 4096)
            except InterruptedError:
                continue
            except OSError as error:
                if error.errno == errno.ENODEV:  # unmounted
                    return
                if error.errno == errno.ENOENT:  # the request was taken back
                    continue
                raise
            _, opcode, unique, node, *_ = IN_HEADER.unpack_from(request)
            failed, reply = 0, b""
            try:
                reply = self.answer(opcode, node, request[IN_HEADER.size:])
            except Refused:
                failed = -errno.EIO
            except FileNotFoundError:
                failed = -errno.ENOENT
            except NotImplementedError:
                failed = -errno.ENOSYS
            if reply is None:
                continue
            try:
                os.write(device, OUT_HEADER.pack(OUT_HEADER.size + len(reply), failed, unique) + reply)
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise


def main():
    mount_point, image, record = sys.argv[1:]
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,max_read={MAX_WRITE}"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"fuse_disk", os.fsencode(mount_point), b"fuse", 0, options.encode()) != 0:
        print(f"mount: {os.strerror(ctypes.get_errno())}", flush=True)
        return 77
    disk = Disk(image, record)
    print("ready", flush=True)
    disk.serve(device)
    return 0


if __name__ == "__main__":
    sys.exit(main())

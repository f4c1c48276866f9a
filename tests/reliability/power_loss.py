#!/usr/bin/env python3
"""D3, D7: real file systems lose power. A writer in a loop-mounted image prints what was acknowledged to a pipe outside of it;
at a random moment the file system is shut down (nothing more reaches the image, not even its journal), mounted again and examined.

    tests/reliability/power_loss.py --program build/debug/bin/reliability --fs ext4 --runs 20 [--fault NAMES --expect-caught]

One line per result, JSON at the end. Exit code 0: nothing was lost; 1: something was; 77: no mounts can be made here, and the line
says so. With --expect-caught the writer has a planted fault (test builds) and at least 9 of 10 runs must lose something (of less than ten, one). Needs root,
loop devices, mkfs. Only the standard library. Mounts live in a mount namespace of their own and vanish with it.
"""

import argparse
import fcntl
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

from mounts import MAKE, SIZES, call, clean_environment, enter_namespace, make_image, skip, unmount

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN: _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2


class Disk:
    """An image, mounted or not."""

    def __init__(self, folder, kind):
        self.kind, self.image, self.mount = kind, os.path.join(folder, "image"), os.path.join(folder, "mount")
        os.mkdir(self.mount)

    def make(self):
        make_image(self.image, self.kind, SIZES[self.kind])

    def attach(self):
        return call("mount", "-o", "loop", self.image, self.mount)

    def detach(self):
        unmount(self.mount)

    def shut_down(self):
        fd = os.open(self.mount, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)


def one_run(options, disk, dice):
    """(batches acknowledged, what the examiner says when something is lost)

    Only what was acknowledged before the shutdown is owed: a sync that it meets halfway may still answer 0 (seen on both
    file systems, Linux 6.18: fdatasync 0, the next write EIO, the bytes not in the image), which a power cut cannot do.
    """
    disk.make()
    attached = disk.attach()
    if attached.returncode != 0:
        skip(f"mount: {attached.stderr.strip()}")
    path = os.path.join(disk.mount, "c")
    with subprocess.Popen([options.program, "stream", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env=clean_environment(options.fault)) as writer:
        seen = [int(writer.stdout.readline() or 0)]  # it runs
        reader = threading.Thread(target=lambda: [seen.append(int(line)) for line in writer.stdout])
        reader.start()
        time.sleep(dice.uniform(0.01, options.seconds))
        acknowledged = seen[-1]
        disk.shut_down()
        reader.join()  # the writer ends by itself: its writes fail
    disk.detach()
    attached = disk.attach()
    if attached.returncode != 0:
        return acknowledged, f"the file system does not mount again: {attached.stderr.strip()}"
    examined = subprocess.run([options.program, "examine", path, str(acknowledged), str(seen[-1])],
                              capture_output=True, text=True, env=clean_environment(), check=False)
    disk.detach()
    return acknowledged, "" if examined.returncode == 0 else (examined.stdout or examined.stderr).strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--fs", choices=SIZES, default="ext4")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.4, help="longest time until the power goes")
    parser.add_argument("--fault", default="")
    parser.add_argument("--expect-caught", action="store_true")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    enter_namespace(MAKE[options.fs][0])
    folder = tempfile.mkdtemp(prefix="zvec-power-")
    lost, batches = [], 0
    try:
        disk = Disk(folder, options.fs)
        for n in range(options.first, options.first + options.runs):
            acknowledged, problem = one_run(options, disk, random.Random(n))
            batches += acknowledged
            if problem:
                lost.append(problem)
                print(f"run {n}: {problem}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({"harness": f"power_loss_{options.fs}", "from": options.first, "count": options.runs,
                      "runs": options.runs, "batches": batches, "lost": len(lost), "violations": len(lost)}))
    if options.expect_caught:
        # A short run may be cut right after something else was synced: of a few runs one is enough.
        sys.exit(0 if 10 * len(lost) >= 9 * options.runs or (lost and options.runs < 10) else 1)
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""R1, R7: real file systems that are full: tmpfs by bytes and by inodes, ext4.

    tests/reliability/full_disk.py --program build/debug/bin/reliability --from 1 --count 6 [--fault NAMES --expect-caught]

A writer goes on until the disk takes no more. It ends by an error, not by a signal; a read-only open of the full disk shows
everything acknowledged; when there is room again, so does a writable one. Case n: the kind of file system, and its size. JSON at the
end. With --fault the writer has a planted fault (test builds); with --expect-caught a violation must be found, and then all is well. Exit code 77
where nothing can be mounted. Only the standard library.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

from mounts import call, clean_environment, enter_namespace, make_image, skip, unmount

KINDS = ("tmpfs by bytes", "tmpfs by inodes", "ext4")
BALLAST = 200 << 10


def attach(folder, mount, kind, dice):
    size = dice.randrange(1 << 20, 4 << 20)
    if kind == "ext4":
        image = os.path.join(folder, "image")
        make_image(image, "ext4", 2 * size)
        attached = call("mount", "-o", "loop", image, mount)
    else:
        inodes = dice.randrange(12, 40) if kind == "tmpfs by inodes" else 0
        attached = call("mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes={inodes}", "tmpfs", mount)
    if attached.returncode != 0:
        skip(f"mount: {attached.stderr.strip()}")


def examine(options, path, acknowledged, *more):
    return subprocess.run([options.program, "examine", path, str(acknowledged), str(acknowledged), *more],
                          capture_output=True, text=True, env=clean_environment(), check=False)


def one(options, folder, n):
    """What was wrong."""
    mount = os.path.join(folder, "mount")
    os.makedirs(mount, exist_ok=True)
    attach(folder, mount, KINDS[(n - 1) % len(KINDS)], random.Random(n))
    try:
        spare = [os.path.join(mount, f"spare{i}") for i in range(4)]  # room and inodes to give back
        for path in spare:
            with open(path, "wb") as file:
                file.write(bytes(BALLAST // len(spare)))
        path = os.path.join(mount, "c")
        writer = subprocess.run([options.program, "stream", path], capture_output=True, text=True,
                                env=clean_environment(options.fault), timeout=100, check=False)
        if writer.returncode != 0:
            return f"the writer ended with {writer.returncode}: {writer.stderr}"
        acknowledged = int(writer.stdout.split()[-1])
        reader = examine(options, path, acknowledged, "read-only")
        if reader.returncode != 0:
            return f"read-only, on the full disk: {reader.returncode} {reader.stdout}{reader.stderr}"
        opened = examine(options, path, acknowledged)  # to write, on the full disk: all is there, or an error
        if opened.returncode < 0 or "documents are there" in opened.stdout:
            return f"on the full disk: {opened.returncode} {opened.stdout}"
        for path_of_spare in spare:
            os.remove(path_of_spare)
        again = examine(options, path, acknowledged)
        return "" if again.returncode == 0 else f"with room again: {again.returncode} {again.stdout}{again.stderr}"
    finally:
        unmount(mount)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--fault", default="")
    parser.add_argument("--expect-caught", action="store_true")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    enter_namespace("mkfs.ext4")
    folder = tempfile.mkdtemp(prefix="zvec-full-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    problems = 0
    try:
        for n in range(options.first, options.first + options.count):
            problem = one(options, folder, n)
            if problem:
                problems += 1
                print(f"case {n}, {KINDS[(n - 1) % len(KINDS)]}: {problem}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({"harness": "full_disk", "from": options.first, "count": options.count, "full_disks": options.count,
                      "violations": problems}))
    sys.exit(bool(problems) != options.expect_caught)


if __name__ == "__main__":
    main()

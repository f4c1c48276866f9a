#!/usr/bin/env python3
"""D4, D5, R2 on a block device of our own (fuse_disk.py under a loop device under ext4).

    tests/reliability/block_disk.py cuts --program build/debug/bin/reliability --from 1 --count 50 [--fault NAMES --expect-caught]
    tests/reliability/block_disk.py eio|bad --program ... --from 1 --count 5

cuts  A writer's life is recorded, block by block, with its acknowledgements in the record. A cut is a prefix of it: mounted and
      examined, everything acknowledged before must be there. Every second cut is at a flush or right behind an acknowledgement; every
      second one loses, besides, any subset of the writes since the last flush, as a disk with a cache does. 50 cuts a recording.
      At least half of the cuts must come behind an acknowledgement.
eio   The disk refuses one write, or all for a while, then works again, then loses power; the writer tries again and again. What it
      acknowledged, at any time, must be there. A run proves something when a write was refused, and batches were acknowledged before
      and after; of ten or more at least a tenth must, and in half of any the fault must strike after an acknowledgement.
bad   A block of the collection's files cannot be read: all answers are right, or there is an error; nobody dies of it.

One line per result, JSON at the end. Exit code as power_loss.py. Needs root, /dev/fuse, loop devices. Only the standard library.
"""

import argparse
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

from mounts import call, clean_environment, enter_namespace, make_image, skip, unmount

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = struct.Struct("<IQI")
WRITE, FLUSH, ACK, CONTROL, REFUSED = 1, 2, 3, 4, 5
SIZE = 32 << 20
CUTS_A_RECORDING = 50


class BlockDisk:
    """ext4 on an image behind fuse_disk.py, mounted while it lives."""

    def __init__(self, folder, image, record):
        self.fuse, self.mount = os.path.join(folder, "fuse"), os.path.join(folder, "mount")
        for path in (self.fuse, self.mount):
            os.makedirs(path, exist_ok=True)
        self.daemon = subprocess.Popen([sys.executable, os.path.join(HERE, "fuse_disk.py"), self.fuse, image, record],
                                       stdout=subprocess.PIPE, text=True)
        said = self.daemon.stdout.readline().strip()
        if said != "ready":
            skip(f"fuse: {said}")
        attached = call("mount", "-o", "loop", os.path.join(self.fuse, "disk"), self.mount)
        if attached.returncode != 0:
            unmount(self.fuse)
            skip(f"loop device over fuse: {attached.stderr.strip()}")

    def control(self, command):
        with open(os.path.join(self.fuse, "control"), "w", encoding="utf-8") as file:
            file.write(command)

    def close(self):
        unmount(self.mount)
        unmount(self.fuse)
        self.daemon.wait()

    def stream(self, program, mode, fault):
        """The writer, which acknowledges into the record."""
        with open(os.path.join(self.fuse, "acks"), "w", encoding="utf-8") as acks:
            return subprocess.Popen([program, "stream", os.path.join(self.mount, "c"), *mode], stdout=acks,
                                    stderr=subprocess.DEVNULL, env=clean_environment(fault))


def read_record(path):
    """[(kind, number, data)]"""
    with open(path, "rb") as file:
        content = file.read()
    events, at = [], 0
    while at + RECORD.size <= len(content):
        kind, number, size = RECORD.unpack_from(content, at)
        at += RECORD.size
        events.append((kind, number, content[at:at + size]))
        at += size
    return events


def wait_for(path, wanted, at=0, seconds=3.0):
    """Until the record has an event of this kind behind byte `at`, but not for long."""
    deadline = time.monotonic() + seconds
    with open(path, "rb", buffering=0) as file:
        while time.monotonic() < deadline:
            file.seek(at)
            head = file.read(RECORD.size)
            if len(head) < RECORD.size:
                time.sleep(0.005)
                continue
            kind, _, size = RECORD.unpack(head)
            if kind == wanted:
                return
            at += RECORD.size + size


def examine(program, mount, acknowledged, fault=""):
    return subprocess.run([program, "examine", os.path.join(mount, "c"), str(acknowledged), str(acknowledged)],
                          capture_output=True, text=True, env=clean_environment(fault), check=False)


def look(options, folder, image, acknowledged):
    """Mounts the image; what is wrong, or nothing."""
    mount = os.path.join(folder, "examined")
    os.makedirs(mount, exist_ok=True)
    attached = call("mount", "-o", "loop", image, mount)
    if attached.returncode != 0:
        return f"the file system does not mount: {attached.stderr.strip()}"
    examined = examine(options.program, mount, acknowledged)
    unmount(mount)
    return "" if examined.returncode == 0 else (examined.stdout or examined.stderr or str(examined.returncode)).strip()


class Recording:
    def __init__(self, options, folder, dice):
        base, self.image, record = (os.path.join(folder, name) for name in ("base", "image", "record"))
        make_image(base, "ext4", SIZE)
        shutil.copyfile(base, self.image)
        if os.path.exists(record):
            os.remove(record)
        disk = BlockDisk(folder, self.image, record)
        writer = disk.stream(options.program, [], options.fault)
        wait_for(record, ACK)
        time.sleep(dice.uniform(0.3, 0.8))
        writer.kill()
        writer.wait()
        disk.close()
        self.events = read_record(record)
        with open(base, "rb") as file:
            self.content = bytearray(file.read())
        self.at = 0  # events done to `content`

    def positions(self, dice, count):
        first = next((i for i, event in enumerate(self.events) if event[0] == ACK), len(self.events) - 1)
        marked = [i + 1 for i, event in enumerate(self.events) if event[0] != WRITE and i >= first]
        chosen = [dice.choice(marked) if n % 2 else dice.randrange(first, len(self.events)) for n in range(count)]
        return sorted(chosen)

    def cut(self, position, dice, loses_cache):
        """Writes the image as of events[:position]; returns what was acknowledged by then."""
        flushed = position
        if loses_cache:
            while flushed > 0 and self.events[flushed - 1][0] != FLUSH:
                flushed -= 1
        for kind, offset, data in self.events[self.at:max(flushed, self.at)]:
            if kind == WRITE:
                self.content[offset:offset + len(data)] = data
        start, self.at = max(flushed, self.at), max(flushed, self.at)
        undo = []
        for kind, offset, data in self.events[start:position]:
            if kind == WRITE and dice.random() < 0.5:
                undo.append((offset, bytes(self.content[offset:offset + len(data)])))
                self.content[offset:offset + len(data)] = data
        with open(self.image, "wb") as file:
            file.write(self.content)
        for offset, data in reversed(undo):
            self.content[offset:offset + len(data)] = data
        acks = [number for kind, number, _ in self.events[:position] if kind == ACK]
        return acks[-1] if acks else 0


def cuts(options, folder, result):
    recording, positions = None, []
    for n in range(options.first, options.first + options.count):
        dice = random.Random(n)
        if recording is None or (n - 1) % CUTS_A_RECORDING == 0:
            recording = Recording(options, folder, dice)
            positions = recording.positions(dice, min(CUTS_A_RECORDING, options.first + options.count - n))
            result["recordings"] += 1
            result["blocks"] += sum(event[0] == WRITE for event in recording.events)
        position = positions.pop(0)
        acknowledged = recording.cut(position, dice, loses_cache=n % 4 >= 2)
        problem = look(options, folder, recording.image, acknowledged)
        result["cuts"] += 1
        result["cuts_after_acknowledgements"] += acknowledged > 0
        if problem:
            yield f"cut {n} at event {position} of {len(recording.events)}, {acknowledged} acknowledged: {problem}"
    if 2 * result["cuts_after_acknowledgements"] < result["cuts"] and not options.expect_caught:
        yield f"nothing was acknowledged before {result['cuts'] - result['cuts_after_acknowledgements']} of {result['cuts']} cuts"


def eio(options, folder, result):
    image, record = os.path.join(folder, "image"), os.path.join(folder, "record")
    for n in range(options.first, options.first + options.count):
        dice = random.Random(n)
        make_image(image, "ext4", SIZE)
        if os.path.exists(record):
            os.remove(record)
        disk = BlockDisk(folder, image, record)
        writer = disk.stream(options.program, ["stubborn"], options.fault)
        wait_for(record, ACK)
        time.sleep(dice.uniform(0.05, 0.4))
        disk.control("fail_once" if n % 4 else "fail_writes")  # one write: nearly always the log's, the journal is not hit
        wait_for(record, REFUSED)
        time.sleep(dice.uniform(0, 0.15))
        healed = os.path.getsize(record)
        disk.control("heal")
        wait_for(record, ACK, healed)
        time.sleep(dice.uniform(0, 0.4))
        disk.control("fail_writes")  # for good: the power is off
        snapshot = os.path.join(folder, "snapshot")
        shutil.copyfile(image, snapshot)
        writer.kill()
        writer.wait()
        disk.close()
        events = read_record(record)
        controls = [i for i, event in enumerate(events) if event[0] == CONTROL]
        acks = [(i, number) for i, (kind, number, _) in enumerate(events) if kind == ACK]
        owed = [number for i, number in acks if i < controls[2]]
        result["runs"] += 1
        struck = any(kind == REFUSED for kind, _, _ in events[controls[0]:controls[1]])
        before = any(i < controls[0] for i, _ in acks)
        went_on = any(controls[1] < i < controls[2] for i, _ in acks)
        for what, so in (("struck_after_acknowledgements", struck and before), ("went_on_after_the_error", went_on),
                         ("proving_runs", struck and before and went_on)):
            result[what] += so
        problem = look(options, folder, snapshot, owed[-1] if owed else 0)
        if problem:
            yield f"run {n}, {owed[-1:]} acknowledged: {problem}"
    runs, struck, proving = (result[what] for what in ("runs", "struck_after_acknowledgements", "proving_runs"))
    if (2 * struck < runs or (runs >= 10 and 10 * proving < runs)) and not options.expect_caught:
        yield f"of {runs} runs {struck} were struck, {proving} prove something"


def bad(options, folder, result):
    image, record = os.path.join(folder, "image"), os.path.join(folder, "record")
    make_image(image, "ext4", SIZE)
    disk = BlockDisk(folder, image, record)
    writer = disk.stream(options.program, [], "")
    time.sleep(0.5)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    last = [number for kind, number, _ in read_record(record) if kind == ACK][-1]
    if examine(options.program, disk.mount, last).returncode != 0:  # closes it in order
        yield "the collection is not whole before any block is bad"
    blocks = []
    for name in sorted(os.listdir(os.path.join(disk.mount, "c"))):
        with open(os.path.join(disk.mount, "c", name), "rb") as file:
            while block := file.read(1024):
                blocks.append((name, block))
    disk.close()
    with open(image, "rb") as file:
        content = file.read()
    places = {content[at:at + 1024]: at for at in range(0, SIZE, 1024)}
    blocks = [(name, places[block]) for name, block in blocks if block in places and block != bytes(1024)]
    for n in range(options.first, options.first + options.count):
        name, offset = random.Random(n).choice(blocks)
        work = os.path.join(folder, "worked_on")
        shutil.copyfile(image, work)
        disk = BlockDisk(folder, work, record)
        disk.control(f"bad {offset} 1024")
        examined = examine(options.program, disk.mount, last, options.fault)
        disk.control("heal")
        disk.close()
        result["bad_blocks"] += 1
        said = (examined.stdout + examined.stderr).strip()
        if examined.returncode == 0:
            result["harmless"] += 1
        elif examined.returncode < 0 or not said.startswith("LOST") or "documents are there" in said:
            yield f"bad block {n} in {name}: ended with {examined.returncode}: {said}"
        else:
            result["reported"] += 1
            if name.split("-")[0] not in said:
                yield f"bad block {n} in {name} is not named: {said}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("cuts", "eio", "bad"))
    parser.add_argument("--program", required=True)
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--fault", default="")
    parser.add_argument("--expect-caught", action="store_true")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    enter_namespace("mkfs.ext4")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        skip("no /dev/fuse")
    result = dict.fromkeys({"cuts": ("cuts", "cuts_after_acknowledgements", "recordings", "blocks"),
                            "eio": ("runs", "struck_after_acknowledgements", "went_on_after_the_error", "proving_runs"),
                            "bad": ("bad_blocks", "harmless", "reported")}[options.what], 0)
    folder = tempfile.mkdtemp(prefix="zvec-block-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    problems = []
    try:
        for problem in {"cuts": cuts, "eio": eio, "bad": bad}[options.what](options, folder, result):
            problems.append(problem)
            print(problem, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({"harness": f"block_{options.what}", "from": options.first, "count": options.count, **result,
                      "violations": len(problems)}))
    sys.exit(bool(problems) != options.expect_caught)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Kills, power cuts and flipped bits for us and for the peer (`zvec` from PyPI), with one writer and one examiner each.

    tests/reliability/compare.py --ours build/debug/bin/reliability --peer-python build/peer/bin/python [--runs 15] [--flips 200]

    kill    SIGKILL at a random moment; then every acknowledged batch must be there, and no batch in part
    power   the same, with the file system (ext4 in a loop-mounted image) shut down: power_loss.py; needs root
    flip    one random bit of a closed collection; then it is harmless (all answers right), reported (an error), or a fault:
            silent (wrong answers), crash, hang (over 20 s)

Prints a table. Only the standard library, besides the peer in its virtual environment.
"""

import argparse
import collections
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FAULTS = ("silent", "crash", "hang")


def examine(program, path, acknowledged, last):
    """harmless, reported, silent, crash or hang"""
    try:
        done = subprocess.run([program, "examine", path, str(acknowledged), str(last)], capture_output=True, text=True,
                              timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return "hang"
    if done.returncode == 0:
        return "harmless"
    if done.returncode < 0 or not done.stdout.startswith("LOST"):
        return "crash"
    return "silent" if "documents are there" in done.stdout else "reported"


def killed_stream(program, path, seconds):
    """(acknowledged, last)"""
    with subprocess.Popen([program, "stream", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
        seen = [int(writer.stdout.readline() or 0)]
        reader = threading.Thread(target=lambda: [seen.append(int(line)) for line in writer.stdout])
        reader.start()
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
        reader.join()
    return seen[-1], seen[-1]


def kills(program, folder, runs):
    outcomes = collections.Counter()
    for n in range(runs):
        path = os.path.join(folder, f"kill{n}")
        outcomes[examine(program, path, *killed_stream(program, path, random.Random(n).uniform(0.05, 0.6)))] += 1
        shutil.rmtree(path, ignore_errors=True)
    return outcomes


def power(program, runs):
    done = subprocess.run([os.path.join(HERE, "power_loss.py"), "--program", program, "--runs", str(runs), "--seconds", "0.6"],
                          capture_output=True, text=True, check=False)
    if done.returncode == 77:
        return done.stdout.strip()
    lost = [line for line in done.stdout.splitlines() if line.startswith("run ")]
    result = json.loads(done.stdout.splitlines()[-1])
    silent = sum("documents are there" in line for line in lost)
    return collections.Counter(harmless=result["runs"] - len(lost), silent=silent, reported=len(lost) - silent)


def flips(program, folder, count):
    made, copy = os.path.join(folder, "made"), os.path.join(folder, "copy")
    for attempt in range(10):  # not every kill leaves a collection to go on with
        shutil.rmtree(made, ignore_errors=True)
        acknowledged, last = killed_stream(program, made, 0.5 + 0.05 * attempt)
        first = examine(program, made, acknowledged, last)  # opens and closes it in order
        if first == "harmless":
            break
    else:
        return collections.Counter({f"unusable before any flip ({first})": 1})
    files = [os.path.join(root, name) for root, _, names in os.walk(made) for name in names]
    files = [path for path in files if os.path.getsize(path)]
    dice, outcomes = random.Random(1), collections.Counter()
    for _ in range(count):
        victim = dice.choices(files, [min(os.path.getsize(path), 65536) for path in files])[0]
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(made, copy)
        with open(os.path.join(copy, os.path.relpath(victim, made)), "r+b") as file:
            at = dice.randrange(os.path.getsize(victim))
            file.seek(at)
            byte = file.read(1)[0] ^ (1 << dice.randrange(8))
            file.seek(at)
            file.write(bytes([byte]))
        outcomes[examine(program, copy, acknowledged, last)] += 1
    return outcomes


def show(case, name, outcomes):
    if isinstance(outcomes, str):
        print(f"| {case} | {name} | {outcomes} |", flush=True)
        return
    runs = sum(outcomes.values())
    right = outcomes["harmless"] + (outcomes["reported"] if case == "flip" else 0)
    print(f"| {case} | {name} | {right} of {runs} as they must be | "
          + ", ".join(f"{n} {what}" for what, n in sorted(outcomes.items()) if n) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--only", default="kill power flip", help="which cases (default: %(default)s)")
    parser.add_argument("--whose", default="ours zvec", help="default: %(default)s")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="zvec-compare-")
    peer = os.path.join(folder, "peer")
    with open(peer, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec "{os.path.abspath(options.peer_python)}" "{HERE}/peer_batches.py" "$@"\n')
    os.chmod(peer, stat.S_IRWXU)
    try:
        for name, program in (("ours", os.path.abspath(options.ours)), ("zvec", peer)):
            if name not in options.whose.split():
                continue
            work = os.path.join(folder, name)
            os.mkdir(work)
            for case, run in (("kill", lambda: kills(program, work, options.runs)),
                              ("power", lambda: power(program, options.runs)),
                              ("flip", lambda: flips(program, work, options.flips))):
                if case in options.only.split():
                    show(case, name, run())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

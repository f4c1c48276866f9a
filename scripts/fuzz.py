#!/usr/bin/env python3
"""Runs the libFuzzer targets in turns and keeps count of their runs, towards 35 million each.

    scripts/fuzz.py [--bin build/fuzz/bin] [--state build/fuzz-state] [--turn 60] [--goal 35000000] [--seconds N] [NAME ...]
    scripts/fuzz.py --table

A turn is one run of one program, of `--turn` seconds; then its runs are added to STATE/NAME.json, and the target with the fewest
runs is next, until each has reached the goal or the seconds are over. So it can be stopped at any time and goes on where it was.
`runs` counts all of them, `of_this_program` those of the program as it is now. A finding stops its target until the program is
another one: the end of what it said and the path of the input, beside the state, are shown; the other targets go on. Where
targets are named, they run beyond the goal, a stopped one too, and a finding ends it all. The exit code is 1 as long as one of the
targets is stopped. New inputs are kept in STATE/corpus/NAME. Only the standard library.
"""

import argparse
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Of one allocation, in MiB: the largest inputs have 64 KiB, and 64 MiB are allowed beyond an input (fuzz/glue.cc counts what is in hand).
MALLOC_LIMIT = 66
RSS_LIMIT = 1024


def targets(folder):
    return sorted(name[5:] for name in os.listdir(folder) if name.startswith("fuzz_"))


def load(state, name):
    try:
        with open(os.path.join(state, name + ".json"), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {"runs": 0, "of_this_program": 0, "program": "", "seconds": 0, "found": "", "date": ""}


def save(state, name, record):
    path = os.path.join(state, name + ".json")
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
    os.replace(path + ".tmp", path)


def identity(program):
    with open(program, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def stopped(options, name):
    """By something that this very program has found."""
    record = load(options.state, name)
    return record["found"] and record["program"] == identity(os.path.join(options.bin, "fuzz_" + name))


def turn(options, name):
    """One run; false: something was found."""
    program = os.path.join(options.bin, "fuzz_" + name)
    corpus = os.path.join(options.state, "corpus", name)
    os.makedirs(corpus, exist_ok=True)
    folders = [corpus, os.path.join(ROOT, "fuzz/corpus", name)]
    command = [program, f"-max_total_time={options.turn}", "-print_final_stats=1", "-max_len=65536", "-timeout=10", "-reload=0",
               f"-malloc_limit_mb={MALLOC_LIMIT}", f"-rss_limit_mb={RSS_LIMIT}",
               f"-artifact_prefix={options.state}/{name}-", *[folder for folder in folders if os.path.isdir(folder)]]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    record = load(options.state, name)
    if record["program"] != identity(program):
        record |= {"program": identity(program), "of_this_program": 0, "found": ""}
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    runs = int(executed.group(1)) if executed else 0
    record["runs"] += runs
    record["of_this_program"] += runs
    record["seconds"] += time.monotonic() - began
    record["date"] = datetime.date.today().isoformat()
    if done.returncode != 0:
        record["found"] = done.stderr[-3000:] or f"ended with {done.returncode}"
    save(options.state, name, record)
    rate = record["runs"] / max(record["seconds"], 1)
    print(f"{name}: {record['runs']:,} runs, {rate:,.0f} a second{', FOUND something' if done.returncode != 0 else ''}", flush=True)
    if done.returncode != 0:
        written = re.search(r"Test unit written to (\S+)", done.stderr)
        print(f"{done.stderr[-3000:]}\n{name}: ended with {done.returncode}, "
              f"{'the input is ' + written.group(1) if written else 'no input was kept'}", flush=True)
    return done.returncode == 0


def table(options):
    for name in sorted(name[:-5] for name in os.listdir(options.state) if name.endswith(".json")):
        record = load(options.state, name)
        print(f"| `{name}` | {record['runs']:,} | {record['of_this_program']:,} | {record['runs'] / max(record['seconds'], 1):,.0f} | "
              f"{record['date']} | {'found something' if record['found'] else ''} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/fuzz/bin"))
    parser.add_argument("--state", default=os.path.join(ROOT, "build/fuzz-state"))
    parser.add_argument("--turn", type=int, default=60)
    parser.add_argument("--goal", type=int, default=35_000_000)
    parser.add_argument("--seconds", type=int, default=1 << 40)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    os.makedirs(options.state, exist_ok=True)
    if options.table:
        return table(options)
    return run(options)


def run(options):
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        # Programs that are built meanwhile take part.
        names = options.names or targets(options.bin)
        left = [name for name in names if options.names or load(options.state, name)["runs"] < options.goal]
        found = [name for name in names if not options.names and stopped(options, name)]
        left = [name for name in left if name not in found]
        if not left:
            break
        good = turn(options, min(left, key=lambda name: load(options.state, name)["runs"]))
        if options.names and not good:
            return 1
    return 1 if any(stopped(options, name) for name in options.names or targets(options.bin)) else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Runs the libFuzzer targets in turns and keeps count of their runs, towards 35 million each.

    scripts/fuzz.py [--bin build/fuzz/bin] [--state FOLDER] [--turn 60] [--goal 35000000] [--seconds N] [NAME ...]
    scripts/fuzz.py --table

A turn is one run of one program, of `--turn` seconds; then its runs are added to STATE/NAME.json, and the target that needs the
least processor time to the goal, at the speed of its last quick turn, is next, until each has reached the goal or the seconds are over. So it can be
stopped at any time and goes on where it was. STATE is `--state`, $COCOZVEC_FUZZ_STATE or build/fuzz-state.
`runs` counts all of them, `of_this_program` those of the program as it is now. A finding stops its target until the program is
another one: the end of what it said and the path of the input, beside the state, are shown; the other targets go on. Where
targets are named, they run beyond the goal, a stopped one too, and a finding ends it all. The exit code is 1 as long as one of the
targets is stopped. New inputs are kept in STATE/corpus/NAME. Only the standard library.

Of THOROUGH turns of a target, the first has inputs of up to 64 KiB and AddressSanitizer with all that it does by itself; the others are
quick: inputs no larger than 4 KiB or the largest one in the repository, and without what costs AddressSanitizer half of its time and
changes least of what it sees (QUICK). What a quick turn finds is run again with everything on, so that the report is whole.
"""

import argparse
import datetime
import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Of one allocation, in MiB: the largest inputs have 64 KiB, and 64 MiB are allowed beyond an input (fuzz/glue.cc counts what is in hand).
MALLOC_LIMIT = 66
RSS_LIMIT = 1024
INTERRUPTED = 72  # what libFuzzer ends with when it is told to stop
MOST, LEAST = 65536, 4096  # bytes of an input: in a thorough turn, and at least in a quick one
THOROUGH = 8
# What a run frees stays poisoned for longer than the run; stacks of allocations are what the second look is for.
QUICK = "quarantine_size_mb=4:thread_local_quarantine_size_kb=64:malloc_context_size=1:detect_stack_use_after_return=0"

# Of libFuzzer, for one target: with the tens of thousands of features of a whole collection, weighing them takes a third of the time.
MORE = {"collection": ["-entropic=0"]}


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


def largest(name):
    """Of the inputs in the repository."""
    folder = os.path.join(ROOT, "fuzz/corpus", name)
    return max((entry.stat().st_size for entry in os.scandir(folder)), default=0) if os.path.isdir(folder) else 0


def settings(name, thorough):
    """Of libFuzzer, and the environment."""
    limits = [f"-malloc_limit_mb={MALLOC_LIMIT}", f"-rss_limit_mb={RSS_LIMIT}", "-timeout=10", "-reload=0", "-print_funcs=0",
              *MORE.get(name, [])]
    if thorough:
        return [*limits, f"-max_len={max(MOST, largest(name))}"], dict(os.environ)
    return [*limits, f"-max_len={max(LEAST, largest(name))}"], os.environ | {"ASAN_OPTIONS": QUICK}


def processor_time():
    """Of the programs that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def turn(options, name):
    """One run; false: something was found."""
    program = os.path.join(options.bin, "fuzz_" + name)
    corpus = os.path.join(options.state, "corpus", name)
    os.makedirs(corpus, exist_ok=True)
    folders = [corpus, os.path.join(ROOT, "fuzz/corpus", name)]
    record = load(options.state, name)
    thorough = record.get("turns", 0) % THOROUGH == 0
    limits, environment = settings(name, thorough)
    command = [program, *limits, f"-max_total_time={options.turn}", "-print_final_stats=1",
               f"-artifact_prefix={options.state}/{name}-", *[folder for folder in folders if os.path.isdir(folder)]]
    began, spent = time.monotonic(), processor_time()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=environment)
    took, spent = time.monotonic() - began, processor_time() - spent
    if record["program"] != identity(program):
        record |= {"program": identity(program), "of_this_program": 0, "found": ""}
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    runs = int(executed.group(1)) if executed else 0
    found = done.returncode not in (0, INTERRUPTED)
    record["turns"] = record.get("turns", 0) + 1
    record["runs"] += runs
    record["of_this_program"] += runs
    record["seconds"] += took
    if not thorough or "rate" not in record:
        record["rate"] = runs / max(spent, 0.01)
    record["date"] = datetime.date.today().isoformat()
    if found:
        record["found"] = done.stderr[-3000:] or f"ended with {done.returncode}"
    save(options.state, name, record)
    print(f"{name}: {record['runs']:,} runs, {runs / max(took, 0.01):,.0f} a second, "
          f"{runs / max(spent, 0.01):,.0f} a second of processor time{' (thorough)' if thorough else ''}"
          f"{', FOUND something' if found else ''}", flush=True)
    if found:
        report(program, name, done)
    return not found


def report(program, name, done):
    """What was found, as a run of the input alone says it with everything on where there is an input."""
    written = re.search(r"Test unit written to (\S+)", done.stderr)
    said = done.stderr
    if written and os.path.exists(written.group(1)):
        again = subprocess.run([program, written.group(1)], capture_output=True, text=True, errors="replace", check=False)
        said = again.stderr if again.returncode != 0 else said + "\n(the input alone, run again, finds nothing)"
    print(f"{said[-3000:]}\n{name}: ended with {done.returncode}, "
          f"{'the input is ' + written.group(1) if written else 'no input was kept'}", flush=True)


def table(options):
    for name in sorted(name[:-5] for name in os.listdir(options.state) if name.endswith(".json")):
        record = load(options.state, name)
        print(f"| `{name}` | {record['runs']:,} | {record['of_this_program']:,} | {record['runs'] / max(record['seconds'], 1):,.0f} | "
              f"{record['date']} | {'found something' if record['found'] else ''} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/fuzz/bin"))
    parser.add_argument("--state", default=os.environ.get("COCOZVEC_FUZZ_STATE") or os.path.join(ROOT, "build/fuzz-state"))
    parser.add_argument("--turn", type=int, default=60)
    parser.add_argument("--goal", type=int, default=35_000_000)
    parser.add_argument("--seconds", type=int, default=1 << 40)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    os.makedirs(options.state, exist_ok=True)
    if options.table:
        return table(options)
    return run(options)


def seconds_to_go(options, name):
    """At the speed of its last quick turn; a target that had none is first. Where targets are named, they take turns."""
    record = load(options.state, name)
    if options.names:
        return record["runs"]
    return (options.goal - record["runs"]) / max(record["rate"], 0.001) if "rate" in record else 0


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
        good = turn(options, min(left, key=lambda name: seconds_to_go(options, name)))
        if options.names and not good:
            return 1
    return 1 if any(stopped(options, name) for name in options.names or targets(options.bin)) else 0


if __name__ == "__main__":
    sys.exit(main())

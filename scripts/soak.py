#!/usr/bin/env python3
"""Runs the harnesses of tests/reliability to the figures of a release, in pieces, and keeps count.

    scripts/soak.py --program build/debug/bin/reliability [NAME ...] [--figure release|ci] [--state DIRECTORY]

Every piece is a range of cases of one harness, run by the program; after each the count is written to
STATE/NAME.json, so that a run that was stopped goes on where it was, while the program (and the script that runs it) is
the same; another one begins anew and says so. `--table` prints what was reached, and what was skipped. A violation stops
that harness and is kept in its file with the case that shows it. Only the standard library.
"""

import argparse
import datetime
import hashlib
import json
import os
import subprocess
import sys

# name: promises, cases for a release, cases in a piece, figure that counts, its goal for a release, cases in ctest
# (None, None: all that the program says there are)
HARNESSES = {
    "kills": ("D1 D7b D9", 480, 15, "kill_points", 12_000, 15),
    "shim_kills": ("D1", 240, 15, "kill_points", 6_000, 3),
    "full_disk": ("R1 R7", 60, 20, "full_disks", 60, 3),
    "power": ("D2 D7 D7b D9", 160, 8, "images", 100_000, 7),
    "compound": ("D6", 60, 5, "compound_runs", 5_000, 20),
    "sequences": ("D10", 1_884, 157, "sequences", 1_884, 156),
    "order": ("D8", 2_000, 500, "judged", 50_000, 100),
    "faults": ("D5 R1 R2", 24, 2, "faults", 10_000, 4),
    "returns": ("R3", 208, 16, "failed_calls", 10_000, 2),  # under a preloaded shim
    "model": ("M1", 5_000, 100, "operations", 2_000_000, 125),
    "allocations": ("R4", 4_000, 4_000, "failed_allocations", 3_000, 4_000),
    "flips": ("C1", None, 30_000, "cases", None, 3_000),
    "large_flips": ("C1", 20_000, 5_000, "cases", 20_000, 300),
    "cut_files": ("C2", None, 30_000, "cases", None, 2_000),
    "log_damage": ("C3", None, 20_000, "cases", None, 2_000),
    "misplaced": ("C4", 20_000, 10_000, "cases", 1_000, 2_000),
    "missing": ("C5", 100, 100, "cases", 25, 100),
    "salvage": ("C7", None, 10_000, "cases", None, 1_500),
    "sizes": ("R9", None, 5_000, "cases", None, 500),
    "links": ("S1 S2 S3", 1_000, 1_000, "planted", 500, 1_000),
    "churn": ("R6", 60, 6, "documents_written", 3_600_000, 2),
    "locks": ("T4", 1_000, 100, "races", 1_000, 50),
    "forks": ("T5", 70, 10, "children", 200, 10),
    "signals": ("T6", 40, 5, "lives", 40, 1),
    "leaks": ("R8", 10_000, 10_000, "opens", 10_000, 300),
    "races": ("T1", 3_600, 10, "seconds", 3_600, 2),  # the stress of the tsan preset: --program
    "stress": ("T2", 140, 10, "reads", 10_000_000, 2),
    "followers": ("T2", 140, 10, "reads", 10_000_000, 4),  # readers in other processes
    "logs": ("D11", 5, 1, "logs", 5, 1),
    "cuts": ("D4", 500, 50, "cuts_after_acknowledgements", 450, 12),
    "eio": ("D5 R2", 200, 10, "proving_runs", 50, 4),
    "bad": ("R2", 300, 50, "bad_blocks", 300, 6),
    "ext4": ("D3", 200, 20, "runs", 200, 3),
    "xfs": ("D3", 200, 20, "runs", 200, 3),
}
# name: the figure that the program prints, and cases for each of it
ALL = {"flips": ("bytes", 3), "cut_files": ("bytes", 1), "log_damage": ("log_bytes", 2), "salvage": ("all", 1), "sizes": ("bytes", 1)}
LARGEST = {"all", "bytes", "large_bytes", "log_bytes", "depth", "open_ms", "log_MiB", "grown_MiB", "documents", "shrunk_to",
           "peak_percent", "log_percent", "optimized_percent"}  # not added up


def state_path(directory, name):
    return os.path.join(directory, name + ".json")


def fresh():
    return {"next": 1, "figures": {}, "violations": 0, "found": "", "skipped": "", "date": "", "program": ""}


def load(directory, name):
    try:
        with open(state_path(directory, name), encoding="utf-8") as file:
            return fresh() | json.load(file)
    except FileNotFoundError:
        return fresh()


def identity(words, preloaded):
    """Of everything that a command runs: its programs, scripts and preloaded libraries."""
    digest = hashlib.sha256()
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/reliability")
    helpers = [os.path.join(folder, file) for file in sorted(os.listdir(folder)) if file.endswith(".py")]
    scripted = words[0].endswith(".py")
    for path in [*words[:1], *words[words.index("--program") + 1:][:1], *helpers] if scripted else [words[0], *preloaded.values()]:
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def save(directory, name, state):
    os.makedirs(directory, exist_ok=True)
    temporary = state_path(directory, name) + ".tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(state, file, indent=1)
    os.replace(temporary, state_path(directory, name))


def add(state, result):
    for what, n in result.items():
        if what in ("harness", "from", "count", "violations"):
            continue
        old = state["figures"].get(what, 0)
        state["figures"][what] = max(old, n) if what in LARGEST else old + n
    state["violations"] += result["violations"]
    state["date"] = datetime.date.today().isoformat()


def command(program, name, first, count):
    if name in ("ext4", "xfs"):  # real file systems; root only, exit code 77 where they cannot be mounted
        return [os.path.join(os.path.dirname(__file__), "../tests/reliability/power_loss.py"), "--program", program,
                "--fs", name, "--from", str(first), "--runs", str(count)]
    if name == "full_disk":
        return [os.path.join(os.path.dirname(__file__), "../tests/reliability/full_disk.py"), "--program", program,
                "--from", str(first), "--count", str(count)]
    if name in ("cuts", "eio", "bad"):
        return [os.path.join(os.path.dirname(__file__), "../tests/reliability/block_disk.py"), name, "--program", program,
                "--from", str(first), "--count", str(count)]
    return [program, "stress" if name == "races" else name, "--from", str(first), "--count", str(count)]


def preloads(program, name):
    built = os.path.join(os.path.dirname(os.path.abspath(program)), "../tests")
    return {"returns": {"LD_PRELOAD": os.path.join(built, "reliability/libfaultshim.so")},
            "shim_kills": {"RELIABILITY_CRASH_SHIM": os.path.join(built, "crash/libcrashshim.so")}}.get(name, {})


def all_there_are(name, state):
    """None: no piece has run yet."""
    what, each = ALL[name]
    return each * state["figures"][what] if what in state["figures"] else None


def run(program, name, figure, directory):
    _, release, piece, counted, _, small = HARNESSES[name]
    state = load(directory, name)
    program_now = identity(command(program, name, 1, 1), preloads(program, name))
    if state["program"] != program_now:
        if state["date"]:
            print(f"{name}: begins anew, what ran up to case {state['next'] - 1} was another program", flush=True)
        state = fresh() | {"program": program_now}
    wanted = (lambda: small) if figure == "ci" else (lambda: all_there_are(name, state) if name in ALL else release)
    last = wanted()
    if (last is not None and state["next"] > last) or state["violations"]:
        print(f"{name}: nothing to do, cases up to {state['next'] - 1} of {last}, {counted} "
              f"{state['figures'].get(counted, 0):,}, violations {state['violations']} {state['found'][-300:]}", flush=True)
    while (last is None or state["next"] <= last) and not state["violations"]:
        count = piece if last is None else min(piece, last + 1 - state["next"])
        done = subprocess.run(command(program, name, state["next"], count), capture_output=True, text=True, check=False,
                              env=os.environ | preloads(program, name))
        if done.returncode == 77:
            why = done.stdout.strip().removeprefix("SKIPPED: ")
            print(f"{name}: skipped, {why}", flush=True)
            state |= {"skipped": why, "date": datetime.date.today().isoformat()}
            save(directory, name, state)
            return True
        state["skipped"] = ""
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not lines:
            state["violations"] += 1
            state["found"] = f"cases {state['next']} to {state['next'] + count - 1} ended with {done.returncode}: {done.stderr[-500:]}"
        else:
            add(state, json.loads(lines[0]))
            last = wanted()
            if done.returncode != 0 and not state["violations"]:  # it counted, and then it died
                state["violations"] += 1
            else:
                state["next"] = min(state["next"] + count, (last or 0) + 1)
            if last is None and not state["violations"]:
                state["violations"] += 1
                done.stderr += f"it does not print {ALL[name][0]}, so nobody knows how many cases there are"
            if state["violations"]:
                state["found"] = (done.stdout + done.stderr)[-2000:]
        save(directory, name, state)
        print(f"{name}: cases up to {state['next'] - 1} of {last}, {counted} {state['figures'].get(counted, 0):,}, "
              f"violations {state['violations']}", flush=True)
    return state["violations"] == 0


def table(directory):
    for name, (promises, _, _, counted, goal, _) in HARNESSES.items():
        state = load(directory, name)
        reached = state["figures"].get(counted, 0)
        goal = goal if name not in ALL else all_there_are(name, state) or 0
        print(f"| {promises} | `./dev soak {name}` | {reached:,} {counted} of {goal:,} | {state['violations']} | "
              f"{('skipped: ' + state['skipped']) if state['skipped'] else state['date'] or 'not run'} | {json.dumps(state['figures'])} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(HARNESSES))
    parser.add_argument("--program", default="build/debug/bin/reliability")
    parser.add_argument("--state", default="build/soak")
    parser.add_argument("--figure", choices=("release", "ci"), default="release")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--names", dest="show", action="store_true", help="print them and run nothing")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in HARNESSES]
    if unknown:
        parser.error(f"no long run '{unknown[0]}'; there are: {', '.join(HARNESSES)}")
    if options.show:
        return print("\n".join(HARNESSES))
    if options.table:
        return table(options.state)
    good = [run(options.program, name, options.figure, options.state) for name in options.names or HARNESSES]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())

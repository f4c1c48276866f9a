#!/usr/bin/env python3
"""Our engine beside the published `cocoindex` package, in one run: `./dev bench engine`.

Every measurement is one update in a fresh process (bench/engine/bench_engine.cc, bench/engine/peer.py): the same rows,
a target that keeps nothing, an LMDB store on the same disk. The two take turns, each on all cores and pinned to one
core; the smallest of the repeats counts and, for each contestant, the better of free and pinned (the package is faster
pinned). Prints a table with ratios, then one JSON line a measurement.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / "build" / "bench-venv"
PACKAGE = "cocoindex==1.0.26"
WORKLOADS = {
    "rows": "100,000 rows of 100 bytes in one component",
    "vectors": "100,000 rows with a 384-d float vector in one component",
    "components": "10,000 memoised components of one row",
}
FLOOR = {"first": 5, "unchanged": 10}
MODES = {"free": [], "pinned": ["taskset", "-c", "0"]}


def install_package():
    """The package's interpreter; None, with the reason on stderr, where it cannot be installed."""
    python = VENV / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    probe = subprocess.run([python, "-c", "import importlib.metadata as m; print('cocoindex==' + m.version('cocoindex'))"],
                           capture_output=True, text=True, check=False)
    if probe.stdout.strip() == PACKAGE:
        return python
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", PACKAGE], check=False)
    if done.returncode != 0:
        print(f"bench: {PACKAGE} cannot be installed here; measuring our side alone", file=sys.stderr)
        return None
    return python


def update(command, mode, workload, store):
    environment = dict(os.environ, COCOINDEX_DISABLE_USAGE_TRACKING="1", RUST_LOG="error")
    done = subprocess.run([*MODES[mode], *map(str, command), workload, str(store)], env=environment, check=False,
                          stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} {workload} ended with {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def check_counts(name, workload, phase, result):
    """A fast run that did not do the work, or did too much, is no measurement."""
    expected = result["count"] if phase == "first" else 0
    counts = {"applied": result["applied"]}
    if workload == "components":
        counts["executed"] = result["executed"]
    for what, got in counts.items():
        if got != expected:
            sys.exit(f"bench: {name}, {workload}, {phase}: {what} {got}, expected {expected}")


def measure(contestants, workload, repeats, scratch):
    """(name, phase, mode) -> every result, contestants taking turns."""
    results = {}
    for turn in range(repeats):
        for mode in MODES:
            for name, command in contestants.items():
                store = scratch / f"{name}-{workload}-{mode}"
                shutil.rmtree(store, ignore_errors=True)
                store.mkdir(parents=True)
                for phase in ("first", "unchanged", "unchanged"):
                    result = update(command, mode, workload, store)
                    check_counts(name, workload, phase, result)
                    results.setdefault((name, phase, mode), []).append(dict(result, phase=phase, mode=mode, engine=name, turn=turn))
                shutil.rmtree(store)
    return results


def best(results, name, phase):
    candidates = [r for (n, p, _), rs in results.items() if (n, p) == (name, phase) for r in rs]
    return min(candidates, key=lambda r: r["seconds"]) if candidates else None


def rate(result):
    if result is None:
        return "-"
    return f"{result['count'] / result['seconds']:,.0f}/s {result['mode']:>6} {result['peak_mib']:>4} MiB"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", required=True, type=pathlib.Path, help="the program bench_engine")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workload", choices=WORKLOADS, action="append")
    parser.add_argument("--check", action="store_true", help="fail when a ratio is below its floor")
    args = parser.parse_args()

    python = install_package()
    contestants = {"cocozvec": [args.ours.resolve()]}
    if python:
        contestants["cocoindex"] = [python, ROOT / "bench" / "engine" / "peer.py"]
    scratch = ROOT / "build" / "bench-scratch"
    lines, below = [], 0
    print(f"{'workload':<12}{'run':<11}{'cocozvec':>30}{PACKAGE:>32}{'ratio':>9}{'floor':>7}")
    for workload in args.workload or WORKLOADS:
        results = measure(contestants, workload, args.repeats, scratch)
        for phase in ("first", "unchanged"):
            ours, theirs = best(results, "cocozvec", phase), best(results, "cocoindex", phase)
            ratio = theirs["seconds"] / ours["seconds"] if theirs else None
            below += ratio is not None and ratio < FLOOR[phase]
            shown = f"{ratio:.1f}x" if ratio else "-"
            print(f"{workload:<12}{phase:<11}{rate(ours):>30}{rate(theirs):>32}{shown:>9}{FLOOR[phase]:>6}x", flush=True)
        lines += [r for rs in results.values() for r in rs]
    shutil.rmtree(scratch, ignore_errors=True)
    for name, text in WORKLOADS.items():
        print(f"  {name}: {text}")
    print(f"  smallest of {args.repeats} first and {2 * args.repeats} unchanged runs, seconds of the update alone; free: all cores, pinned: one core")
    for line in lines:
        print(json.dumps(line))
    return 1 if args.check and below else 0


if __name__ == "__main__":
    sys.exit(main())

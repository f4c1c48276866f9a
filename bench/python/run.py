#!/usr/bin/env python3
"""cocozvec.zvec beside the published zvec and hnswlib, through Python, in one run: `./dev bench python [--scale S]`.

Each contestant runs in a process and an environment of its own, one after the other, on the same clustered vectors: 100,000 of
128 dimensions and 50,000 of 768, times S. Rates of queries are at a recall of 0.95 (ten nearest), one query at a time,
and per second of processor time; the recall that was measured stands beside each. Everything else, all
queries in one call too, is time on the wall. Inserts promise what zvec's do: they survive the process.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
TARGETS = {"insert": 1.5, "query": 8, "ids": 2, "filter10": 20, "filter50": 20, "fetch_us": 10, "update": 1, "delete": 1, "open_ms": 1}
ROWS = {
    "insert": "insert, 1,000 a call, documents/s",
    "insert_arrays": "upsert_arrays, 1,000 a call, documents/s",
    "optimize_s": "optimize (hnswlib: build), s",
    "query": "query(), queries/CPU s",
    "ids": "ids only, queries/CPU s",
    "batch": "all queries in one call, ids only, all cores, queries/s",
    "filter10": "query() where 10 % pass, queries/CPU s",
    "filter50": "query() where 50 % pass, queries/CPU s",
    "fetch_us": "fetch of 100 ids, µs",
    "fetch_read_us": "the same, every field and vector read, µs",
    "update": "update of one field, documents/s",
    "delete": "delete, documents/s",
    "open_ms": "open read-only, ms",
    "query_overhead_us": "query() of ten documents, ids read, CPU µs",
    "arrays_overhead_us": "upsert_arrays without the database, CPU µs a document",
}


def make_data(count, dim, path):
    rng = np.random.default_rng(11)
    centres = rng.standard_normal((max(10, count // 200), dim), dtype=np.float32)
    both = centres[rng.integers(len(centres), size=count + 500)] + 0.7 * rng.standard_normal((count + 500, dim), dtype=np.float32)
    base, asked = both[:count], both[count:]
    distances = (base**2).sum(1)[None, :] - 2 * asked @ base.T
    p = np.arange(count) % 100

    def nearest(keep):
        among = np.flatnonzero(keep)
        part = distances[:, among]
        best = np.argpartition(part, 10, axis=1)[:, :10]
        return among[best]

    np.savez(path, base=base, asked=asked, truth=nearest(p < 100), truth10=nearest(p < 10), truth50=nearest(p < 50))


def show(value):
    if value is None:
        return "-"
    if isinstance(value, dict):
        return f"{value['rate']:,.0f} ({value['recall']:.3f}, ef {value['ef']})"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


def ratio(name, ours, theirs):
    if ours is None or theirs is None:
        return "-"
    a, b = (v["rate"] if isinstance(v, dict) else v for v in (ours, theirs))
    times = b / a if name.endswith(("_us", "_ms", "_s")) else a / b
    target = TARGETS.get(name)
    return f"{times:.1f}x" + (f" (goal {target}x)" if target else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True, help="Python with cocozvec")
    parser.add_argument("--peers", required=True, help="Python with zvec and hnswlib")
    parser.add_argument("--scratch", required=True, type=pathlib.Path)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--dims", type=int, nargs="*", default=[128, 768])
    arguments = parser.parse_args()
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    pythons = {"cocozvec": arguments.ours, "zvec": arguments.peers, "hnswlib": arguments.peers}
    for dim in arguments.dims:
        count = int({128: 100_000, 768: 50_000}.get(dim, 50_000) * arguments.scale)
        data = arguments.scratch / f"{dim}.npz"
        make_data(count, dim, data)
        results = {}
        load = os.getloadavg()[0]
        for name, python in pythons.items():
            command = [python, "-I", str(HERE / "worker.py"), name, str(data), str(arguments.scratch / "db")]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"bench: {name} at {dim} dimensions ended with {done.returncode}")
            results[name] = json.loads(done.stdout.strip().splitlines()[-1])
        versions = {name: f"{name} {r['version']}" for name, r in results.items()}
        print(f"\n{count:,} x {dim}; Python {platform.python_version()}, NumPy {np.__version__}, {os.cpu_count()} cores, load before {load:.1f}\n")
        print(f"| | {' | '.join(versions.values())} | to zvec |\n| --- | --- | --- | --- | --- |")
        for row, text in ROWS.items():
            values = [results[name].get(row) for name in pythons]
            print(f"| {text} | {' | '.join(map(show, values))} | {ratio(row, values[0], values[1])} |", flush=True)
        data.unlink()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""zvec of PyPI, timed for what bench_database times of ours, on as many rows, by the same statistics: `peer.py DIRECTORY ROWS
SECONDS`. Prints "name value" lines.

It syncs nothing before flush(): its figures stand beside our relaxed ones. Making its documents is not timed."""

import os
import shutil
import statistics
import sys
import time

import numpy as np
import zvec


def schema(dim):
    index = zvec.FlatIndexParam(zvec.MetricType.L2)
    return zvec.CollectionSchema(
        "bench", [zvec.FieldSchema("n", zvec.DataType.INT32, False)], [zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, dim, index)]
    )


def batch(base, first, count):
    pool = len(base)
    return [
        zvec.Doc(f"document-{first + i}", vectors={"v": base[(first + i) % pool]}, fields={"n": (first + i) % 1_000_000})
        for i in range(count)
    ]


def insert(collection, base, size, seconds, rows):
    spent, done = 0.0, 0
    while spent < seconds and done < rows:
        docs = batch(base, done, size)
        start = time.perf_counter()
        collection.insert(docs)
        spent += time.perf_counter() - start
        done += size
    return done / spent


def least(calls):
    best = float("inf")
    for call in calls:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def fetch(collection, ids, rows):
    """Seconds a call: the median of the least of four passes."""
    times = [float("inf")] * (200_000 // ids)
    for _ in range(4):
        for r in range(len(times)):
            wanted = [f"document-{(r * 7919 + i * 104_729) % rows}" for i in range(ids)]
            start = time.perf_counter()
            found = collection.fetch(wanted)
            times[r] = min(times[r], time.perf_counter() - start)
            assert len(found) == ids
    return statistics.median(times)


def main(directory, rows, seconds):
    path = os.path.join(directory, "peer")
    random = np.random.default_rng(1)
    for dim in (128, 768):
        base = list(random.standard_normal((997, dim), dtype=np.float32))
        for size in (1, 100, 1000):
            shutil.rmtree(path, ignore_errors=True)
            collection = zvec.create_and_open(path, schema(dim), zvec.CollectionOption())
            print(f"insert.{dim}.{size}", insert(collection, base, size, seconds, (512 << 20) // (dim * 4)), flush=True)
            collection.destroy()
    made = []
    for _ in range(21):
        shutil.rmtree(path, ignore_errors=True)
        start = time.perf_counter()
        collection = zvec.create_and_open(path, schema(128), zvec.CollectionOption())
        made.append(time.perf_counter() - start)
        collection.destroy()
    print("create_ms", statistics.median(made) * 1e3, flush=True)

    shutil.rmtree(path, ignore_errors=True)
    base = list(random.standard_normal((997, 128), dtype=np.float32))
    collection = zvec.create_and_open(path, schema(128), zvec.CollectionOption())
    insert(collection, base, 1000, float("inf"), rows)
    collection.optimize()
    collection.insert(batch(base, rows, 1000))
    for ids in (1, 100):
        print(f"fetch.{ids}", fetch(collection, ids, rows) * 1e6, flush=True)
    collection.close() if hasattr(collection, "close") else collection.flush()
    del collection

    def reopen():
        handle = zvec.open(path, zvec.CollectionOption(read_only=True))
        if hasattr(handle, "close"):
            handle.close()

    print("open_ms", least([reopen] * 9) * 1e3, flush=True)
    shutil.rmtree(path, ignore_errors=True)


main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))

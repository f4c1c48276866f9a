"""The workloads of bench_engine.cc for the published `cocoindex` package; scripts/bench_engine.py runs both.

    peer.py WORKLOAD STORE     WORKLOAD: rows, vectors, components

Runs one update against the store in folder STORE and prints one JSON line: count, seconds (of the update alone; the
rows exist before it starts), applied (rows handed to the sink), executed (component bodies run), peak_mib.
The handler keeps nothing, and the package may compare fingerprints natively (`tracks_value_fingerprint`), which is its
fastest form: what is measured is the engine.
"""

import json
import pathlib
import resource
import sys
import time

import cocoindex as coco
import numpy as np
from cocoindex.connectorkits.fingerprint import fingerprint_object

ROWS = 100_000
COMPONENTS = 10_000
DIMENSION = 384


class Keeper:
    """A target that forgets: every row is tracked, nothing is stored."""

    tracks_value_fingerprint = True
    applied = 0

    def __init__(self):
        self.sink = coco.TargetActionSink.from_fn(count_applied)

    def reconcile(self, key, desired, previous, may_be_missing, /):
        if coco.is_non_existence(desired):
            return coco.TargetReconcileOutput(key, self.sink, coco.NON_EXISTENCE)
        record = fingerprint_object(desired)
        if not may_be_missing and previous and all(p == record for p in previous):
            return None
        return coco.TargetReconcileOutput(key, self.sink, record)


def count_applied(context, actions, /):
    Keeper.applied += len(actions)


executed = 0
provider = coco.register_root_target_states_provider("bench/rows", Keeper())


def text_of(i):
    return (f"row {i} " * 12)[:92]  # with its key about 100 bytes


def declare_rows(rows):
    for key, value in rows:
        coco.declare_target_state(provider.target_state(key, value))


@coco.fn(memo=True)
def one_component(item):
    global executed
    executed += 1
    coco.declare_target_state(provider.target_state(item[0], item[1]))


async def declare_components(items):
    await coco.mount_each(one_component, items)


def make_rows(workload):
    if workload == "rows":
        return [(f"{i:08d}", {"text": text_of(i)}) for i in range(ROWS)]
    if workload == "vectors":
        vectors = np.arange(ROWS, dtype=np.float32)[:, None] * 0.001 + np.arange(DIMENSION, dtype=np.float32)[None, :]
        return [(f"{i:08d}", {"text": text_of(i), "vector": vectors[i]}) for i in range(ROWS)]
    return [(f"{i:08d}", (f"{i:08d}", text_of(i))) for i in range(COMPONENTS)]


def main():
    workload, store = sys.argv[1], pathlib.Path(sys.argv[2])
    rows = make_rows(workload)
    body = declare_components if workload == "components" else declare_rows
    environment = coco.Environment(coco.Settings.from_env(db_path=store))
    app = coco.App(coco.AppConfig("bench", environment), body, rows)
    began = time.perf_counter()
    app.update_blocking()
    seconds = time.perf_counter() - began
    print(json.dumps({
        "workload": workload, "count": len(rows), "seconds": seconds, "applied": Keeper.applied,
        "executed": executed, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }))


if __name__ == "__main__":
    main()

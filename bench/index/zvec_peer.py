"""The published zvec as a peer of bench_index: builds once, then answers all queries for every line "CALL EF PASSES" it reads.

  zvec_peer.py BASE.npy QUERY.npy FOLDER M EF_CONSTRUCTION

Prints the seconds of the build, then for every line the seconds of each query (its fastest pass) and the ten ids of each.
Calls: `query`, with documents that have no fields; `ids`, query_internal_ids, with row numbers. Both include Python.
"""

import shutil
import sys
import time

import numpy as np
import zvec

TOPK = 10


def build(base, folder, m, ef_construction):
    index = zvec.HnswIndexParam(zvec.MetricType.L2, m=m, ef_construction=ef_construction)
    schema = zvec.CollectionSchema(
        "bench", [], [zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, base.shape[1], index)]
    )
    shutil.rmtree(folder, ignore_errors=True)
    began = time.perf_counter()
    collection = zvec.create_and_open(folder, schema, zvec.CollectionOption())
    for first in range(0, len(base), 1000):
        last = min(first + 1000, len(base))
        collection.insert([zvec.Doc(str(i), vectors={"v": base[i]}) for i in range(first, last)])
    collection.optimize(zvec.OptimizeOption(concurrency=1))
    seconds = time.perf_counter() - began
    collection.flush()
    del collection
    return zvec.open(folder, zvec.CollectionOption(read_only=True)), seconds  # row numbers are given by readers only


def numbers(found):
    """Row numbers of an answer of either call."""
    return [int(doc.id if hasattr(doc, "id") else doc) for doc in found]


def main():
    base, queries = np.load(sys.argv[1]), np.load(sys.argv[2])
    collection, seconds = build(base, sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    print(seconds, flush=True)
    for line in sys.stdin:
        call, ef, passes = line.split()
        param = zvec.HnswQueryParam(ef=int(ef))
        ask = collection.query_internal_ids if call == "ids" else collection.query
        best, answers = [float("inf")] * len(queries), [None] * len(queries)
        for _ in range(int(passes)):
            for q, vector in enumerate(queries):
                began = time.perf_counter()
                found = ask(zvec.Query("v", vector=vector, param=param), topk=TOPK)
                best[q] = min(best[q], time.perf_counter() - began)
                answers[q] = found
        print(*best)
        print(*(n for found in answers for n in (numbers(found) + [-1] * TOPK)[:TOPK]), flush=True)
    shutil.rmtree(sys.argv[3], ignore_errors=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""`stream PATH` and `examine PATH ACKNOWLEDGED LAST` of the program `reliability`, done with the peer: `zvec` from PyPI.

A batch is acknowledged when its upsert, its delete and a flush have returned: the most that the peer promises.
"""

import os
import sys

PER_BATCH = 5


def ids_of(batch):
    return [f"b{batch}-{i}" for i in range(PER_BATCH)]


def text_of(identifier, batch):
    return identifier + "x" * (batch % 300)


def is_there(batch, batches):
    return not ((batch + 2) % 3 == 0 and batch + 2 <= batches)


def stream(path):
    import zvec

    schema = zvec.CollectionSchema(name="notes", fields=[zvec.FieldSchema("text", zvec.DataType.STRING)],
                                   vectors=[zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, 3)])
    collection = zvec.create_and_open(path=path, schema=schema)
    batch = 0
    while True:
        batch += 1
        docs = [zvec.Doc(id=i, fields={"text": text_of(i, batch)}, vectors={"v": [float(batch), 1.0, 1.0]})
                for i in ids_of(batch)]
        statuses = list(collection.upsert(docs))
        if batch % 3 == 0:
            statuses += list(collection.delete(ids=ids_of(batch - 2)))
        if not all(status.ok() for status in statuses):
            return 0
        collection.flush()
        print(batch, flush=True)
        if batch % 40 == 0:
            collection.optimize()


def examine(path, acknowledged, last):
    import zvec

    def fail(what):
        print(f"LOST after {acknowledged}: {what}")
        return 1

    if not os.path.exists(path):
        return 0 if acknowledged == 0 else fail("nothing is there")
    try:
        collection = zvec.open(path=path)
        count = collection.stats.doc_count
        found = {}
        for batch in range(1, last + 3):
            for identifier, doc in collection.fetch(ids=ids_of(batch)).items():
                found[identifier] = doc.field("text")
    except Exception as error:  # whatever it says, it says so
        return fail(f"error: {error}")
    for batches in range(acknowledged, last + 2):
        expected = {i: text_of(i, b) for b in range(1, batches + 1) if is_there(b, batches) for i in ids_of(b)}
        # Its upsert and its delete are two calls: the first alone is no half call.
        between = expected | {i: text_of(i, batches + 1) for i in ids_of(batches + 1)}
        for state in (expected, between):
            if found == state and count == len(state):
                return 0
    return fail(f"{count} documents are there")


if __name__ == "__main__":
    if sys.argv[1] == "stream":
        sys.exit(stream(sys.argv[2]))
    sys.exit(examine(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))

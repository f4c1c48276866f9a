"""One contestant of bench/python/run.py in a process of its own: cocozvec, zvec or hnswlib. Prints one JSON object.

  worker.py NAME DATA.npz FOLDER

Data: `base` and `asked` (float32), `truth`, `truth10`, `truth50`: the ten nearest of every query among all documents, among
those with p < 10 and with p < 50, where p is the document's number modulo 100.
"""

import json
import os
import shutil
import sys
import time

import numpy as np

TOPK = 10
WANTED = 0.95
EFS = (10, 11, 12, 13, 14, 16, 18, 20, 22, 24, 28, 32, 36, 40, 48, 56, 64, 80, 96, 128, 192, 256, 384, 512, 768)


def seconds(call):
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def recall(found, truth):
    return float(np.mean([len(set(map(int, f)) & set(map(int, t))) / TOPK for f, t in zip(found, truth)]))


def best_rate(ask, asked, repeats=3):
    """Queries a second of processor time (all threads of the process), one at a time: the best of the repeats. On an idle
    machine that is the time on the wall; on a busy one it is what can still be compared."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        for vector in asked:
            ask(vector)
        times.append(time.process_time() - began)
    return len(asked) / min(times)


def at_recall(make_ask, asked, truth, efs=EFS):
    """(queries a second, recall, ef) at the smallest ef whose recall is WANTED; the last ef when none is."""
    for ef in efs:
        ask = make_ask(ef)
        got = recall([ask(v) for v in asked], truth)
        if got >= WANTED or ef == efs[-1]:
            return {"rate": best_rate(ask, asked), "recall": got, "ef": ef}
    raise AssertionError


class Database:
    def __init__(self, name, folder):
        if name == "cocozvec":
            from cocozvec import zvec

            self.option = lambda **k: zvec.CollectionOption(durability="relaxed", **k)
        else:
            import zvec

            self.option = zvec.CollectionOption
        self.name, self.zvec, self.path = name, zvec, os.path.join(folder, name)
        self.out = {"name": name, "version": zvec.__version__}

    def create(self, dim, path=None):
        zvec = self.zvec
        index = zvec.HnswIndexParam(zvec.MetricType.L2, m=16, ef_construction=120)
        schema = zvec.CollectionSchema(
            "bench",
            [zvec.FieldSchema("p", zvec.DataType.INT32, False, zvec.InvertIndexParam(True))],
            [zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, dim, index)],
        )
        return zvec.create_and_open(path or self.path, schema, self.option())

    def docs(self, base, first, last):
        return [self.zvec.Doc(str(i), vectors={"v": base[i]}, fields={"p": i % 100}) for i in range(first, last)]

    def insert(self, collection, base):
        for first in range(0, len(base), 1000):
            collection.insert(self.docs(base, first, min(first + 1000, len(base))))

    def insert_arrays(self, base):
        path = self.path + "-arrays"
        collection = self.create(base.shape[1], path)
        ids = [str(i) for i in range(len(base))]
        p = np.arange(len(base)) % 100

        def run():
            for first in range(0, len(base), 1000):
                last = first + 1000
                collection.upsert_arrays(ids[first:last], {"v": base[first:last], "p": p[first:last]})

        self.out["insert_arrays"] = len(base) / seconds(run)
        collection.destroy()

    def asker(self, collection, filter=None):
        zvec = self.zvec

        def make(ef):
            param = zvec.HnswQueryParam(ef=ef)

            def ask(vector):
                found = collection.query(zvec.Query("v", vector=vector, param=param), topk=TOPK, filter=filter)
                return [doc.id for doc in found]

            return ask

        return make

    def id_asker(self, collection):
        zvec = self.zvec

        def make(ef):
            param = zvec.HnswQueryParam(ef=ef)
            return lambda vector: collection.query_internal_ids(zvec.Query("v", vector=vector, param=param), topk=TOPK)

        return make

    def reads(self, collection, count):
        some = [str(i) for i in range(0, count, max(1, count // 100))][:100]

        def touched():
            for doc in collection.fetch(some).values():
                _ = doc.id, doc.fields, doc.vectors

        self.out["fetch_us"] = min(seconds(lambda: collection.fetch(some)) for _ in range(20)) * 1e6
        self.out["fetch_read_us"] = min(seconds(touched) for _ in range(20)) * 1e6

    def writes(self, collection, base):
        count = min(5000, len(base) // 4)
        changed = [self.zvec.Doc(str(i), fields={"p": (i + 1) % 100}) for i in range(count)]
        batches = [changed[i : i + 1000] for i in range(0, count, 1000)]
        self.out["update"] = count / seconds(lambda: [collection.update(b) for b in batches])
        gone = [str(i) for i in range(count)]
        self.out["delete"] = count / seconds(lambda: collection.delete(gone))

    def run(self, data):
        base, asked, out = data["base"], data["asked"], self.out
        collection = self.create(base.shape[1])
        out["insert"] = len(base) / seconds(lambda: self.insert(collection, base))
        out["optimize_s"] = seconds(collection.optimize)
        out["query"] = at_recall(self.asker(collection), asked, data["truth"])
        for share in (10, 50):
            make = self.asker(collection, f"p < {share}")
            out[f"filter{share}"] = at_recall(make, asked[:100], data[f"truth{share}"][:100])
        self.reads(collection, len(base))
        collection.close()
        opened = []

        def reopen():  # a single wall-clock time says how busy the machine is: the least of five
            while opened:
                opened.pop().close()
            return seconds(lambda: opened.append(self.zvec.open(self.path, self.option(read_only=True))))

        out["open_ms"] = min(reopen() for _ in range(5)) * 1e3
        out["ids"] = at_recall(self.id_asker(opened[0]), asked, data["truth"])
        if self.name == "cocozvec":
            self.batch(opened[0], asked, data["truth"])
        opened[0].close()
        collection = self.zvec.open(self.path, self.option())
        self.writes(collection, base)
        collection.destroy()
        if self.name == "cocozvec":
            self.insert_arrays(base)
            self.overhead(base)
        return out

    def batch(self, collection, asked, truth):
        """All queries in one call, on all cores: on the wall."""
        param = self.zvec.HnswQueryParam(ef=self.out["ids"]["ef"])
        call = lambda: collection.search_internal_ids("v", asked, topk=TOPK, param=param)  # noqa: E731
        got = recall(call()[0], truth)
        self.out["batch"] = {"rate": len(asked) / min(seconds(call) for _ in range(5)), "recall": got, "ef": param.ef}

    def overhead(self, base):
        """What Python costs beside the database, in processor time. A query of ten documents is hardly more than the way
        there and back. A batch whose last value is wrong is converted whole and never reaches the database."""
        collection = self.create(base.shape[1], self.path + "-few")
        collection.insert(self.docs(base, 0, 10))
        ask, began = self.asker(collection)(16), time.process_time()
        for _ in range(20_000):
            ask(base[0])
        self.out["query_overhead_us"] = (time.process_time() - began) / 20_000 * 1e6
        ids, rows, p = [f"x{i}" for i in range(1000)], base[:1000], [*range(999), "wrong"]
        began = time.process_time()
        for _ in range(50):
            try:
                collection.upsert_arrays(ids, {"v": rows, "p": p})
            except TypeError:
                continue
            raise AssertionError("the wrong value was taken")
        self.out["arrays_overhead_us"] = (time.process_time() - began) / 50_000 * 1e6
        collection.destroy()


def run_hnswlib(data):
    from importlib.metadata import version

    import hnswlib

    base, asked = data["base"], data["asked"]
    index = hnswlib.Index(space="l2", dim=base.shape[1])
    index.init_index(max_elements=len(base), M=16, ef_construction=120)
    build = seconds(lambda: index.add_items(base, num_threads=-1))
    index.set_num_threads(1)

    def make(ef):
        index.set_ef(max(ef, TOPK))
        return lambda vector: index.knn_query(vector, k=TOPK)[0][0]

    out = {"name": "hnswlib", "version": version("hnswlib"), "optimize_s": build, "ids": at_recall(make, asked, data["truth"])}
    index.set_ef(max(out["ids"]["ef"], TOPK))
    batch = min(seconds(lambda: index.knn_query(asked, k=TOPK, num_threads=os.cpu_count())) for _ in range(5))
    return {**out, "batch": {**out["ids"], "rate": len(asked) / batch}}


def main():
    name, data, folder = sys.argv[1:]
    with np.load(data) as file:
        arrays = {key: file[key] for key in file.files}
    os.makedirs(folder, exist_ok=True)
    for leftover in ("", "-arrays", "-few"):
        shutil.rmtree(os.path.join(folder, name + leftover), ignore_errors=True)
    result = run_hnswlib(arrays) if name == "hnswlib" else Database(name, folder).run(arrays)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

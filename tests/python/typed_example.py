"""A program with types, for mypy and pyright: what the stubs say has to be what a user writes."""

from __future__ import annotations

from typing import Optional, assert_type

import numpy as np
from numpy.typing import NDArray

from cocozvec import zvec

schema = zvec.CollectionSchema(
    "books",
    zvec.FieldSchema("year", zvec.DataType.INT32, nullable=True, index_param=zvec.InvertIndexParam()),
    [zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, 4, zvec.HnswIndexParam(zvec.MetricType.L2, m=16))],
)


def fill(books: zvec.Collection) -> int:
    one = books.insert(zvec.Doc("a", vectors={"v": [1.0, 0.0, 0.0, 0.0]}, fields={"year": 1999}))
    assert_type(one, zvec.Status)
    many = books.upsert([zvec.Doc(id="b", vectors={"v": np.ones(4, dtype=np.float32)})])
    assert_type(many, list[zvec.Status])
    assert_type(books.delete("a"), zvec.Status)
    assert_type(books.delete(["a"]), list[zvec.Status])
    books.upsert_arrays(["c", "d"], {"v": np.eye(2, 4, dtype=np.float32), "year": [1, None]})
    return sum(status.ok() for status in many)


def ask(books: zvec.Collection) -> Optional[float]:
    query = zvec.Query("v", vector=[1.0, 0.0, 0.0, 0.0], param=zvec.HnswQueryParam(ef=64))
    found = books.query(query, topk=3, filter="year > 1990", output_fields=["year"])
    assert_type(found, list[zvec.Doc])
    assert_type(books.fetch(["a"]), dict[str, zvec.Doc])
    assert_type(books.query_internal_ids(query), NDArray[np.int64])
    ids, scores = books.search_arrays("v", np.ones((2, 4), dtype=np.float32))
    assert_type(ids, list[list[Optional[str]]])
    assert_type(scores, NDArray[np.float32])
    assert_type(books.search_internal_ids("v", scores, threads=2), tuple[NDArray[np.int64], NDArray[np.float32]])
    for doc in books.iter_docs():
        print(doc.id, doc.fields.get("year"))
    return found[0].score if found else float(scores[0][0])


def main() -> None:
    with zvec.create_and_open("/tmp/books", schema, zvec.CollectionOption(durability="relaxed")) as books:
        print(fill(books), ask(books), books.stats.doc_count, books.schema.vector("v"))


if __name__ == "__main__":
    main()

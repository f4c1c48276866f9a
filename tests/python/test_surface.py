"""The thin path: make, write, ask, read, delete, reopen."""

import pathlib

import numpy as np
import pytest

from cocozvec import zvec

DIM = 4


def schema(metric=zvec.MetricType.L2, **index):
    return zvec.CollectionSchema(
        "books",
        [
            zvec.FieldSchema("title", zvec.DataType.STRING, nullable=True),
            zvec.FieldSchema("year", zvec.DataType.INT32, nullable=True),
        ],
        [zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, DIM, zvec.HnswIndexParam(metric, **index))],
    )


def doc(id, vector=None, **fields):
    return zvec.Doc(id, vectors={"v": [0.0] * DIM if vector is None else vector}, fields=fields)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "books")


@pytest.fixture
def books(path):
    with zvec.create_and_open(path, schema()) as collection:
        yield collection


def unit(axis):
    return [1.0 if i == axis else 0.0 for i in range(DIM)]


def test_the_package_under_test_is_the_installed_one():
    assert "site-packages" in pathlib.Path(zvec.__file__).parts


def test_neighbours_come_nearest_first_with_scores_and_fields(books):
    assert all(s.ok() for s in books.insert([doc(str(i), unit(i), year=i) for i in range(3)]))
    found = books.query(zvec.Query("v", vector=unit(1)), topk=2)
    assert [(d.id, d.score, d.fields, d.vectors) for d in found][0] == ("1", 0.0, {"year": 1}, {})
    assert found[1].score == 2.0


def test_what_was_written_is_there_after_reopening(books, path):
    books.insert(doc("a", unit(0), title="One"))
    books.close()
    with zvec.open(path) as again:
        assert again.fetch("a")["a"].fields == {"title": "One"}
        assert again.stats.doc_count == 1


def test_one_document_gives_one_status_and_a_list_gives_a_list(books):
    assert books.insert(doc("a")).ok()
    statuses = books.insert([doc("a"), doc("b")])
    assert [s.code() for s in statuses] == [zvec.StatusCode.ALREADY_EXISTS, zvec.StatusCode.OK]
    assert books.insert([]) == []
    assert books.delete("b").ok()
    assert [s.code() for s in books.delete(["a", "a"])] == [zvec.StatusCode.OK, zvec.StatusCode.NOT_FOUND]


def test_a_document_that_does_not_fit_fails_the_whole_call(books):
    with pytest.raises(ValueError, match="dimension"):
        books.insert([doc("good"), doc("bad", [1.0, 2.0])])
    assert books.stats.doc_count == 0


def test_arrays_of_a_whole_batch(books):
    vectors = np.eye(DIM, dtype=np.float32)
    statuses = books.upsert_arrays(list("abcd"), {"v": vectors, "year": np.arange(4), "title": ["w", "x", "y", None]})
    assert [s.ok() for s in statuses] == [True] * 4
    found = books.fetch(list("abcd"))
    assert [d.vectors["v"] for d in found.values()] == vectors.tolist()
    assert found["d"].fields == {"year": 3}

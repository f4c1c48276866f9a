"""The limits of zvec 0.8: docs/python.md, "Limits", says which are kept; each at its last good value and one beyond."""

import pytest
from support import T, doc, unit

from cocozvec import zvec


def make(path, fields=None, vectors=None, name="c"):
    vectors = vectors or [zvec.VectorSchema("v", T.VECTOR_FP32, 4)]
    return zvec.create_and_open(path, zvec.CollectionSchema(name, fields, vectors))


def scalars(count):
    return [zvec.FieldSchema(f"f{i}", T.INT32, True) for i in range(count)]


def dense(count=1, dimension=4):
    return [zvec.VectorSchema(f"v{i}", T.VECTOR_FP32, dimension) for i in range(count)]


SCHEMAS = {
    "scalar fields": (dict(fields=scalars(1024)), dict(fields=scalars(1025)), "1024"),
    "vector fields": (dict(vectors=dense(5)), dict(vectors=dense(6)), "5"),
    "dimension": (dict(vectors=dense(1, 20_000)), dict(vectors=dense(1, 20_001)), "20000"),
    "bytes of a collection's name": (dict(name="x" * 256), dict(name="x" * 257), "256"),
    "bytes of a field's name": (
        dict(fields=[zvec.FieldSchema("x" * 64, T.INT32)]), dict(fields=[zvec.FieldSchema("x" * 65, T.INT32)]), "64"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_at_its_limit_is_made_and_one_beyond_is_refused(tmp_path, name):
    good, bad, number = SCHEMAS[name]
    make(str(tmp_path / "good"), **good).close()
    with pytest.raises(ValueError, match=number):
        make(str(tmp_path / "bad"), **bad)


RESERVED = ["_zvec_uid_", "_zvec_row_id_", "_zvec_g_doc_id_", "_zvec_group_id", "_zvec_score"]


@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_name_is_refused(path, name):
    with pytest.raises(ValueError, match="reserved"):
        make(path, [zvec.FieldSchema(name, T.INT32)])


def test_a_name_like_a_reserved_one_is_free(path):
    make(path, [zvec.FieldSchema("_zvec_other", T.INT32), zvec.FieldSchema("id", T.STRING)]).close()


def numbers(count):
    return ",".join(map(str, range(count)))


FILTERS = {
    "values of IN": (f"year IN ({numbers(20_000)})", f"year IN ({numbers(20_001)})", "20000"),
    "values of CONTAIN_ANY": (f"tags CONTAIN_ANY ({numbers(32)})", f"tags CONTAIN_ANY ({numbers(33)})", "32"),
    "values of CONTAIN_ALL": (f"NOT tags CONTAIN_ALL ({numbers(32)})", f"tags CONTAIN_ALL ({numbers(33)})", "32"),
    "conditions": (
        " AND ".join(f"year > -{i}" for i in range(4096)), " AND ".join(f"year > -{i}" for i in range(4097)), "4096"
    ),
    "nesting": ("(" * 256 + "year = 1" + ")" * 256, "(" * 257 + "year = 1" + ")" * 257, "256"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_at_its_limit_is_answered_and_one_beyond_is_refused(path, name):
    with make(path, [zvec.FieldSchema("year", T.INT32, True), zvec.FieldSchema("tags", T.ARRAY_INT32, True)]) as made:
        made.insert(zvec.Doc("a", vectors={"v": unit(0)}, fields={"year": 1, "tags": [1]}))
        good, bad, number = FILTERS[name]
        assert [d.id for d in made.query(filter=good)] == ["a"]
        with pytest.raises(ValueError, match=number):
            made.query(filter=bad)


def test_topk_at_its_limit_is_answered_and_one_beyond_is_refused(path):
    with make(path) as made:
        made.insert(zvec.Doc("a", vectors={"v": unit(0)}))
        asked = zvec.Query("v", vector=unit(0))
        assert [d.id for d in made.query(asked, topk=100_000)] == ["a"]
        with pytest.raises(ValueError, match="100000"):
            made.query(asked, topk=100_001)


def test_sparse_vectors_have_a_largest_number_of_entries(vectors):
    def sparse(count):
        return zvec.Doc("a", vectors={"fp32": [0.0] * 4, "fp16": [0.0] * 4, "int8": [0] * 4, "sparse": dict.fromkeys(range(count), 1.0)})

    assert vectors.insert(sparse(16_384)).ok()
    with pytest.raises(ValueError, match="16384"):
        vectors.upsert(sparse(16_385))


def test_an_id_has_a_longest_size(books):
    assert books.insert(doc("x" * 1024)).ok()
    with pytest.raises(ValueError, match="1024"):
        books.insert(doc("x" * 1025))


def test_what_has_no_limit_here(books):
    assert all(status.ok() for status in books.insert([doc(f"d{i}") for i in range(1025)]))
    assert len(books.query(output_fields=["year"] * 1025, topk=1)) == 1

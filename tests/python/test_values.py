"""The matrix of argument shapes: every documented good shape gives the documented value, every bad one the documented
type of exception (docs/python.md has the differences from zvec 0.8)."""

import math

import numpy as np
import pytest
from support import DIM, SCALARS, some_vectors, unit

from cocozvec import zvec

F32 = float(np.float32(0.1))

GOOD_SCALARS = [
    # (field, given, read back)
    ("string", "x", "x"),
    ("string", "", ""),
    ("string", "a\0b", "a\0b"),
    ("string", "Zürich 東京", "Zürich 東京"),
    ("string", b"bytes", "bytes"),
    ("bool", True, True),
    ("bool", False, False),
    ("bool", 0, False),
    ("bool", 2.5, True),
    ("bool", np.bool_(True), True),
    ("int32", 5, 5),
    ("int32", -(2**31), -(2**31)),
    ("int32", 2**31 - 1, 2**31 - 1),
    ("int32", True, 1),
    ("int32", np.int64(7), 7),
    ("int32", np.uint8(7), 7),
    ("int32", np.float32(2.0), 2),
    ("int64", 2**63 - 1, 2**63 - 1),
    ("int64", -(2**63), -(2**63)),
    ("uint32", 2**32 - 1, 2**32 - 1),
    ("uint64", 2**64 - 1, 2**64 - 1),
    ("float", 0.1, F32),
    ("float", 3, 3.0),
    ("float", True, 1.0),
    ("float", 1e300, math.inf),
    ("float", -1e300, -math.inf),
    ("float", np.float64(0.5), 0.5),
    ("float", np.float16(0.5), 0.5),
    ("double", 0.1, 0.1),
    ("double", 3, 3.0),
    ("double", np.int8(3), 3.0),
    ("array_string", ["a", ""], ["a", ""]),
    ("array_string", [], []),
    ("array_string", ("a",), ["a"]),
    ("array_bool", [True, False], [True, False]),
    ("array_bool", np.array([True, False]), [True, False]),
    ("array_int32", [1, 2], [1, 2]),
    ("array_int32", {7}, [7]),
    ("array_int32", np.array([1, 2], dtype=np.int32), [1, 2]),
    ("array_int32", np.array([1, 2], dtype=np.int64), [1, 2]),
    ("array_int32", np.array([1, 2], dtype=">i4"), [1, 2]),
    ("array_int32", np.arange(6, dtype=np.int32)[::2], [0, 2, 4]),
    ("array_int64", np.array([2**40]), [2**40]),
    ("array_uint32", [2**32 - 1], [2**32 - 1]),
    ("array_uint64", np.array([2**64 - 1], dtype=np.uint64), [2**64 - 1]),
    ("array_float", [0.1, 1], [F32, 1.0]),
    ("array_double", [0.1, 1], [0.1, 1.0]),
    ("array_double", np.linspace(0, 1, 3), [0.0, 0.5, 1.0]),
]

BAD_SCALARS = [
    # (field, given): TypeError
    ("string", 1),
    ("string", ["x"]),
    ("string", "\ud800"),
    ("string", b"\xff"),
    ("bool", "true"),
    ("bool", []),
    ("int32", 1.0),
    ("int32", "1"),
    ("int32", 2**31),
    ("int32", -(2**31) - 1),
    ("int32", np.int64(2**31)),
    ("int32", np.float32(2.5)),
    ("int32", [1]),
    ("int32", np.array([1])),
    ("int64", 2**63),
    ("uint32", -1),
    ("uint32", 2**32),
    ("uint64", -1),
    ("uint64", 2**64),
    ("uint64", 1.5),
    ("float", "1.5"),
    ("float", [1.5]),
    ("double", "x"),
    ("double", object()),
    ("array_string", "abc"),
    ("array_string", ["a", None]),
    ("array_string", [1]),
    ("array_int32", 5),
    ("array_int32", [1, None]),
    ("array_int32", [1.5]),
    ("array_int32", [[1]]),
    ("array_int32", {"a": 1}),
    ("array_int32", "12"),
    ("array_int32", iter([1])),
    ("array_uint32", [-1]),
    ("array_float", ["x"]),
    ("array_double", [None]),
]


@pytest.mark.parametrize(("field", "given", "read"), GOOD_SCALARS, ids=str)
def test_a_good_scalar_reads_back(wide, field, given, read):
    assert wide.insert(zvec.Doc("a", fields={field: given, "needed": 1})).ok()
    found = wide.fetch("a")["a"].fields[field]
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(("field", "given"), BAD_SCALARS, ids=str)
def test_a_bad_scalar_is_a_type_error_that_names_the_field(wide, field, given):
    with pytest.raises(TypeError, match=field):
        wide.insert([zvec.Doc("good", fields={"needed": 1}), zvec.Doc("a", fields={field: given, "needed": 1})])
    assert wide.stats.doc_count == 0


@pytest.mark.parametrize("field", SCALARS)
def test_none_is_null_and_absent_when_read(wide, field):
    wide.insert(zvec.Doc("a", fields={field: None, "needed": 1}))
    assert wide.fetch("a")["a"].fields == {"needed": 1}


def test_none_or_nothing_for_a_required_field_is_a_value_error(wide):
    with pytest.raises(ValueError, match="non-nullable"):
        wide.insert(zvec.Doc("a", fields={"needed": None}))
    with pytest.raises(ValueError, match="needed"):
        wide.insert(zvec.Doc("a"))


F16 = float(np.float16(0.1))
MATRIX = np.arange(12, dtype=np.float32).reshape(3, DIM)

GOOD_VECTORS = [
    ("fp32", [0.1, 1, 2, 3], [F32, 1.0, 2.0, 3.0]),
    ("fp32", (1, 2, 3, True), [1.0, 2.0, 3.0, 1.0]),
    ("fp32", np.array([1, 2, 3, 4], dtype=np.float32), [1.0, 2.0, 3.0, 4.0]),
    ("fp32", np.array([0.1, 2, 3, 4]), [F32, 2.0, 3.0, 4.0]),
    ("fp32", np.array([1, 2, 3, 4], dtype=np.int16), [1.0, 2.0, 3.0, 4.0]),
    ("fp32", np.array([1, 2, 3, 4], dtype=">f4"), [1.0, 2.0, 3.0, 4.0]),
    ("fp32", np.arange(8, dtype=np.float32)[::2], [0.0, 2.0, 4.0, 6.0]),
    ("fp32", np.arange(4, dtype=np.float32)[::-1], [3.0, 2.0, 1.0, 0.0]),
    ("fp32", np.asfortranarray(MATRIX)[1], [4.0, 5.0, 6.0, 7.0]),
    ("fp32", memoryview(np.ones(4, dtype=np.float32)), [1.0] * 4),
    ("fp16", [0.1, 1, 2, 3], [F16, 1.0, 2.0, 3.0]),
    ("fp16", np.array([0.1, 1, 2, 3], dtype=np.float16), [F16, 1.0, 2.0, 3.0]),
    ("int8", [-128, 127, 0, 1], [-128, 127, 0, 1]),
    ("int8", np.array([-128, 127, 0, 1], dtype=np.int8), [-128, 127, 0, 1]),
    ("int8", np.array([1, 2, 3, 4], dtype=np.int64), [1, 2, 3, 4]),
    ("sparse", {3: 0.5, 1: 2}, {1: 2.0, 3: 0.5}),
    ("sparse", {}, {}),
    ("sparse", {4294967295: 1.0}, {4294967295: 1.0}),
    ("sparse", {1: 0.0}, {1: 0.0}),
    ("sparse", [(1, 2.0)], {1: 2.0}),
    ("sparse", {np.int64(1): np.float32(2.0)}, {1: 2.0}),
]

BAD_VECTORS = [
    ("fp32", [[1.0, 2, 3, 4]], TypeError),
    ("fp32", np.ones((1, 4), dtype=np.float32), TypeError),
    ("fp32", np.float32(1), TypeError),
    ("fp32", "1234", TypeError),
    ("fp32", b"1234", TypeError),
    ("fp32", {0: 1.0}, TypeError),
    ("fp32", [1.0, 2, 3, None], TypeError),
    ("fp32", [1.0, 2, 3, "4"], TypeError),
    ("fp32", 5, TypeError),
    ("fp32", np.array(["a", "b", "c", "d"]), TypeError),
    ("fp32", np.array([1, 2, 3, 4], dtype=np.complex64), TypeError),
    ("fp32", [1.0, 2.0], ValueError),
    ("fp32", [], ValueError),
    ("fp32", [1.0, 2, 3, math.nan], ValueError),
    ("fp32", [1.0, 2, 3, math.inf], ValueError),
    ("fp32", [1e300, 2, 3, 4], ValueError),
    ("fp16", [70000.0, 1, 1, 1], ValueError),
    ("int8", [1.0, 2, 3, 4], TypeError),
    ("int8", [128, 0, 0, 0], TypeError),
    ("int8", np.array([1.0, 2, 3, 4]), TypeError),
    ("int8", np.array([300, 2, 3, 4]), TypeError),
    ("sparse", [1.0, 2.0], TypeError),
    ("sparse", {-1: 1.0}, TypeError),
    ("sparse", {2**32: 1.0}, TypeError),
    ("sparse", {1.5: 1.0}, TypeError),
    ("sparse", {"1": 1.0}, TypeError),
    ("sparse", {1: "x"}, TypeError),
    ("sparse", {1: None}, TypeError),
    ("sparse", {1: math.nan}, ValueError),
    ("sparse", dict.fromkeys(range(16385), 1.0), ValueError),
]


@pytest.mark.parametrize(("field", "given", "read"), GOOD_VECTORS, ids=str)
def test_a_good_vector_reads_back(vectors, field, given, read):
    assert vectors.insert(zvec.Doc("a", vectors=some_vectors(**{field: given}))).ok()
    assert vectors.fetch("a")["a"].vectors[field] == read


@pytest.mark.parametrize(("field", "given", "error"), BAD_VECTORS, ids=lambda value: str(value)[:40])
def test_a_bad_vector_is_refused_with_the_whole_call(vectors, field, given, error):
    good = zvec.Doc("good", vectors=some_vectors())
    with pytest.raises(error, match=field):
        vectors.insert([good, zvec.Doc("bad", vectors=some_vectors(**{field: given}))])
    assert vectors.stats.doc_count == 0


def test_a_missing_vector_is_a_value_error(vectors):
    given = some_vectors()
    del given["int8"]
    with pytest.raises(ValueError, match="int8"):
        vectors.insert(zvec.Doc("a", vectors=given))


def test_an_array_may_be_used_again_after_the_document_was_made(vectors):
    array = np.ones(DIM, dtype=np.float32)
    made = zvec.Doc("a", vectors=some_vectors(fp32=array))
    array[:] = 9
    assert made.vectors["fp32"] == [1.0] * DIM
    vectors.insert(made)
    assert vectors.fetch("a")["a"].vectors["fp32"] == [1.0] * DIM


QUERY_VECTORS = [
    ("fp32", [1, 0, 0, 0]),
    ("fp32", [1.0, 0.0, 0.0, 0.0]),
    ("fp32", [[1, 0, 0, 0]]),
    ("fp32", np.array([[1, 0, 0, 0]])),
    ("fp32", np.array([1, 0, 0, 0], dtype=">f8")),
    ("fp32", np.eye(DIM, dtype=np.float32)[:, 0]),
    ("fp16", np.array([1, 0, 0, 0], dtype=np.float16)),
    ("fp16", [1, 0, 0, 0]),
    ("int8", [1, 0, 0, 0]),
    ("int8", [1.6, 0, 0, 0]),
    ("int8", np.array([1, 0, 0, 0], dtype=np.int8)),
    ("sparse", {1: 1.0}),
]


@pytest.mark.parametrize(("field", "vector"), QUERY_VECTORS, ids=str)
def test_a_query_vector_of_any_shape_numpy_takes(vectors, field, vector):
    vectors.insert(zvec.Doc("a", vectors=some_vectors()))
    found = vectors.query(zvec.Query(field, vector=vector))
    assert [(d.id, d.score) for d in found] == [("a", 1.0)]


BAD_QUERY_VECTORS = [
    ("fp32", [1.0, 2.0], ValueError),
    ("fp32", [], ValueError),
    ("fp32", [math.nan, 0, 0, 0], ValueError),
    ("fp32", "1234", TypeError),
    ("fp32", {1: 1.0}, TypeError),
    ("fp32", ["a", "b", "c", "d"], TypeError),
    ("fp32", 5.0, TypeError),
    ("fp32", [[1, 2], [3]], TypeError),
    ("fp32", ["1", "2", "3", "4"], TypeError),
    ("fp32", np.ones(4, dtype=np.complex64), TypeError),
    ("int8", [300, 0, 0, 0], OverflowError),
    ("sparse", [1.0], TypeError),
    ("sparse", {-1: 1.0}, TypeError),
    ("sparse", dict.fromkeys(range(16385), 1.0), ValueError),
    ("zz", unit(0), ValueError),
]


@pytest.mark.parametrize(("field", "vector", "error"), BAD_QUERY_VECTORS, ids=lambda value: str(value)[:40])
def test_a_bad_query_vector_is_refused_on_an_empty_collection_too(vectors, field, vector, error):
    with pytest.raises(error):
        vectors.query(zvec.Query(field, vector=vector))


ARRAY_COLUMNS = [
    ({"v": np.eye(DIM, dtype=np.float32)}, np.eye(DIM).tolist()),
    ({"v": np.eye(DIM)}, np.eye(DIM).tolist()),
    ({"v": np.eye(DIM).tolist()}, np.eye(DIM).tolist()),
    ({"v": np.arange(16, dtype=np.float32).reshape(4, 4).T}, np.arange(16).reshape(4, 4).T.tolist()),
    ({"v": np.arange(32, dtype=np.float32).reshape(8, 4)[::2]}, np.arange(32).reshape(8, 4)[::2].tolist()),
]


@pytest.mark.parametrize(("columns", "read"), ARRAY_COLUMNS, ids=str)
def test_a_batch_of_arrays_reads_back(books, columns, read):
    assert all(s.ok() for s in books.upsert_arrays(np.array(list("abcd")), columns))
    assert [d.vectors["v"] for d in books.fetch(list("abcd")).values()] == read


EYE = np.eye(DIM, dtype=np.float32)
BAD_COLUMNS = [
    (list("abcd"), {"v": EYE[:3]}, ValueError),
    (list("abcd"), {"v": EYE[:, :3]}, ValueError),
    (list("abcd"), {"v": EYE[0]}, ValueError),
    (list("abcd"), {"v": EYE, "zz": EYE}, ValueError),
    (list("abcd"), {"v": EYE, "year": [1, 2, 3]}, ValueError),
    (list("abcd"), {"v": EYE, "title": "abcd"}, ValueError),
    (list("abcd"), {"v": EYE, "year": [1, 2, 3, "x"]}, TypeError),
    (list("abcd"), {"v": np.array([["a"] * 4] * 4)}, ValueError),
    (list("abcd"), {}, ValueError),
    (["a", "b", "c", 4], {"v": EYE}, TypeError),
    ("abcd", {"v": EYE}, TypeError),
    (["a", "", "c", "d"], {"v": EYE}, ValueError),
]


@pytest.mark.parametrize(("ids", "columns", "error"), BAD_COLUMNS, ids=lambda value: str(value)[:40])
def test_a_bad_batch_of_arrays_writes_nothing(books, ids, columns, error):
    with pytest.raises(error):
        books.upsert_arrays(ids, columns)
    assert books.stats.doc_count == 0


GOOD_IDS = ["a", " ", "a b", "'", '"', "docs/x.md", "a:b", "東京", "é", "x" * 1024, b"bytes", "-", "..", "😀"]
BAD_IDS = [
    ("", ValueError),
    ("a\nb", ValueError),
    ("a\tb", ValueError),
    ("a\0b", ValueError),
    ("\x7f", ValueError),
    ("\x85", ValueError),
    ("\u2028", ValueError),
    ("x" * 1025, ValueError),
    (b"\xff", ValueError),
    (1, TypeError),
    (None, TypeError),
    (["a"], TypeError),
]


@pytest.mark.parametrize("id", GOOD_IDS, ids=repr)
def test_a_good_id_is_found_again(books, id):
    books.insert(zvec.Doc(id, vectors={"v": unit(0)}))
    text = id.decode() if isinstance(id, bytes) else id
    assert list(books.fetch(id)) == [text]
    assert books.delete([id])[0].ok()


@pytest.mark.parametrize(("id", "error"), BAD_IDS, ids=lambda value: repr(value)[:20])
def test_a_bad_id_is_refused_in_writes(books, id, error):
    with pytest.raises(error):
        books.insert(zvec.Doc(id, vectors={"v": unit(0)}))


@pytest.mark.parametrize("id", ["", "a\nb", "x" * 1025, "\0"])
def test_reads_and_deletes_with_a_bad_id_say_not_found(books, id):
    assert books.fetch(id) == {}
    assert books.delete(id).code() is zvec.StatusCode.NOT_FOUND
    with pytest.raises(ValueError, match="not found"):
        books.query(zvec.Query("v", id=id))


@pytest.mark.parametrize("id", [None, 1, ["a", 1], "\ud800"])
def test_reads_and_deletes_with_what_is_no_id_are_type_errors(books, id):
    with pytest.raises(TypeError):
        books.fetch(id)
    with pytest.raises(TypeError):
        books.delete(id)


@pytest.mark.parametrize(
    "docs", [None, "a", 5, ["a"], [None], {"id": "a"}, [[zvec.Doc("a")]], zvec.Doc], ids=lambda value: str(value)[:20]
)
@pytest.mark.parametrize("call", ["insert", "upsert", "update"])
def test_what_is_no_document_is_a_type_error(books, call, docs):
    with pytest.raises(TypeError):
        getattr(books, call)(docs)


@pytest.mark.parametrize("given", [{"zz": 1}, {"v": 1}, {1: 1}, {"\ud800": 1}], ids=str)
def test_an_unknown_field_is_a_value_error_that_names_it(books, given):
    with pytest.raises(ValueError, match="not found in collection schema"):
        books.insert(zvec.Doc("a", vectors={"v": unit(0)}, fields=given))
    with pytest.raises(ValueError, match="not found in collection schema"):
        books.insert(zvec.Doc("a", vectors={"v": unit(0), "year": [1.0]}))


def test_documents_may_come_from_a_generator_or_a_tuple(books):
    assert len(books.insert(zvec.Doc(str(i), vectors={"v": unit(0)}) for i in range(3))) == 3
    assert len(books.upsert((zvec.Doc("x", vectors={"v": unit(0)}),))) == 1
    assert books.delete({"0", "1"}) and books.stats.doc_count == 2


@pytest.mark.parametrize("topk", [0, -1, 1.0, "1", None, True, np.int64(3)])
def test_topk_is_a_positive_int(books, topk):
    with pytest.raises(ValueError, match="topk"):
        books.query(zvec.Query("v", vector=unit(0)), topk=topk)


def test_topk_has_a_largest_value(books):
    assert books.query(topk=100_000) == []
    with pytest.raises(ValueError, match="100000"):
        books.query(topk=100_001)
    with pytest.raises(TypeError):
        books.query(topk=2**31)


@pytest.mark.parametrize("names", ["a", 5, [None], [1], {"a"}], ids=str)
def test_output_fields_of_the_wrong_type_are_type_errors(books, names):
    for call in (books.query, books.iter_docs, lambda **k: books.fetch("a", **k)):
        with pytest.raises(TypeError):
            call(output_fields=names)


@pytest.mark.parametrize("filter", [5, b"year = 1", ["year = 1"]], ids=str)
def test_a_filter_is_text(books, filter):
    with pytest.raises(TypeError):
        books.query(filter=filter)
    with pytest.raises(TypeError):
        books.delete_by_filter(filter)

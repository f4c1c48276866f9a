"""What programs pass that nobody thought of: subclasses, ctypes, huge numbers, objects, times, lies. Each is a value or an
exception of the documented type; none ends the interpreter."""

import array
import collections
import ctypes
import datetime
import decimal
import enum
import fractions
import math
import pathlib

import ml_dtypes
import numpy as np
import pytest
from support import DIM, doc, run_python, some_vectors, unit

from cocozvec import zvec
from cocozvec.zvec.extension import CallbackReRanker

HUGE = 10**400  # beyond every float


class Year(enum.IntEnum):
    THIS = 3


class Text(str):
    pass


class Index:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class Raises:
    def __init__(self, error):
        self.error = error

    def __float__(self):
        raise self.error

    __index__ = __float__


class Shrinks:
    """Empties the list it stands in while that is read."""

    def __init__(self, owner):
        self.owner = owner

    def __float__(self):
        self.owner.clear()
        return 1.0


class Lies:
    def __len__(self):
        return DIM

    def __getitem__(self, index):
        if index >= 2:
            raise IndexError
        return 1.0


def shrinking():
    values = [1.0, 2.0]
    values += [Shrinks(values), 3.0]
    return values


def of_ctypes(kind, *values):
    return (kind * len(values))(*values)


FOUR = np.array([1, 2, 3, 4], dtype=np.float32)
READ_ONLY = FOUR.copy()
READ_ONLY.flags.writeable = False

# Vectors that documents and queries take alike: all of them are 1, 2, 3, 4.
VECTORS = {
    "ctypes": of_ctypes(ctypes.c_float, 1, 2, 3, 4),
    "ctypes, doubles": of_ctypes(ctypes.c_double, 1, 2, 3, 4),
    "array": array.array("f", [1, 2, 3, 4]),
    "array of doubles": array.array("d", [1, 2, 3, 4]),
    "memoryview": memoryview(FOUR),
    "memoryview backwards": memoryview(FOUR[::-1].copy())[::-1],
    "memoryview cast": memoryview(FOUR).cast("B").cast("f"),
    "bytes as numbers": bytearray(b"\1\2\3\4"),
    "read-only": READ_ONLY,
    "masked nowhere": np.ma.array(FOUR),
    "backwards": FOUR[::-1].copy()[::-1],
    "every second": np.repeat(FOUR, 2)[::2],
    "not aligned": np.frombuffer(b"\0" + FOUR.tobytes(), np.float32, offset=1),
    "of a structure": np.array([(v, 0) for v in FOUR], dtype=[("v", "f4"), ("w", "f4")])["v"],
    "big-endian": FOUR.astype(">f4"),
    "bfloat16": FOUR.astype(ml_dtypes.bfloat16),
    "big-endian halves": FOUR.astype(">f2"),
    "halves": FOUR.astype(np.float16),
    "long doubles": FOUR.astype(np.longdouble),
    "objects": FOUR.astype(object),
    "decimals": [decimal.Decimal(v) for v in (1, 2, 3, 4)],
    "fractions": [fractions.Fraction(v) for v in (1, 2, 3, 4)],
    "range": range(1, 5),
    "deque": collections.deque([1, 2, 3, 4]),
    "user's list": collections.UserList([1, 2, 3, 4]),
    "numpy scalars": list(FOUR),
    "arrays of no dimension": [np.array(v) for v in (1.0, 2.0, 3.0, 4.0)],
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_of_any_kind_is_taken_by_documents_and_queries(vectors, name):
    given = VECTORS[name]
    assert vectors.insert(zvec.Doc("a", vectors=some_vectors(fp32=given))).ok()
    assert vectors.fetch("a")["a"].vectors["fp32"] == [1.0, 2.0, 3.0, 4.0]
    assert vectors.query(zvec.Query("fp32", vector=given))[0].score == 30.0


@pytest.mark.parametrize(
    ("field", "given"),
    [("fp32", of_ctypes(ctypes.c_float, 1, 2, 3, 4)), ("int8", of_ctypes(ctypes.c_int8, 1, 2, 3, 4))],
)
def test_arrays_of_ctypes_are_read(vectors, field, given):
    vectors.insert(zvec.Doc("a", vectors=some_vectors(**{field: given})))
    assert vectors.fetch("a")["a"].vectors[field] == [1, 2, 3, 4]
    assert vectors.query(zvec.Query(field, vector=given))[0].score == 30.0


# Guards: ctypes leaves the strides of its buffers out, and the interpreter ended.
@pytest.mark.parametrize(
    ("field", "kind"),
    [("array_int32", ctypes.c_int32), ("array_int64", ctypes.c_int64), ("array_uint32", ctypes.c_uint32),
     ("array_uint64", ctypes.c_uint64), ("array_float", ctypes.c_float), ("array_double", ctypes.c_double)],
)  # fmt: skip
def test_scalar_arrays_of_ctypes_are_read(wide, field, kind):
    wide.insert(zvec.Doc("a", fields={field: of_ctypes(kind, 1, 2, 3), "needed": 1}))
    assert wide.fetch("a")["a"].fields[field] == [1, 2, 3]


def test_batches_of_ctypes_are_read(books):
    rows = of_ctypes(ctypes.c_float * DIM, (1, 2, 3, 4), (5, 6, 7, 8))
    assert all(status.ok() for status in books.insert_arrays(["a", "b"], {"v": rows}))
    assert books.fetch("b")["b"].vectors["v"] == [5.0, 6.0, 7.0, 8.0]
    assert books.search_arrays("v", rows, topk=1)[0] == [["a"], ["b"]]


@pytest.mark.parametrize("rows", [FOUR.astype(object).reshape(1, 4), [[1, 2, 3, decimal.Decimal(4)]]], ids=["array", "list"])
def test_batches_of_objects_that_are_numbers_are_read(books, rows):
    books.insert_arrays(["a"], {"v": rows})
    assert books.fetch("a")["a"].vectors["v"] == [1.0, 2.0, 3.0, 4.0]
    assert books.search_arrays("v", rows)[1][0, 0] == 0.0


# Guards: numbers that are no int8 were cut or wrapped around, and stored.
@pytest.mark.parametrize("number", [1.5, 128, -129, HUGE], ids=lambda value: str(value)[:20])
def test_a_batch_of_numbers_that_are_no_int8_is_refused(vectors, number):
    row = some_vectors()
    for int8 in ([[number, 0, 0, 0]], np.array([[number, 0, 0, 0]])):
        with pytest.raises((ValueError, OverflowError)):
            vectors.insert_arrays(["a"], {**{name: [value] for name, value in row.items()}, "int8": int8})
    assert vectors.stats.doc_count == 0
    whole = np.array([[-128.0, 127, 0, 1]])
    vectors.insert_arrays(["a"], {**{name: [value] for name, value in row.items()}, "int8": whole})
    assert vectors.fetch("a")["a"].vectors["int8"] == [-128, 127, 0, 1]


def test_an_integer_of_more_than_64_bits_is_a_number_of_a_query(vectors):
    vectors.insert(zvec.Doc("a", vectors=some_vectors()))
    assert vectors.query(zvec.Query("fp32", vector=[2**70, 0, 0, 0]))[0].score == 2.0**70


BAD_VECTORS = {
    "no dimension": (np.array(1.0), TypeError, ValueError),
    "ctypes, no dimension": (ctypes.c_float(1), TypeError, TypeError),
    "ctypes, none": (of_ctypes(ctypes.c_float), ValueError, ValueError),
    "letters of array": (array.array("u", "abcd"), TypeError, TypeError),
    "times": (np.array(["2020"] * DIM, "datetime64[D]"), TypeError, TypeError),
    "durations": (np.ones(DIM, "timedelta64[s]"), TypeError, TypeError),
    "structures": (np.zeros(DIM, dtype=[("a", "f4")]), TypeError, TypeError),
    "texts": (np.array(["1"] * DIM), TypeError, TypeError),
    "bytes": (np.array([b"1"] * DIM), TypeError, TypeError),
    "texts as objects": (np.array(["1"] * DIM, dtype=object), TypeError, TypeError),
    "None as objects": (np.array([None] * DIM, dtype=object), TypeError, TypeError),
    "masked": (np.ma.array(FOUR, mask=[0, 1, 0, 0]), TypeError, TypeError),
    "complex": ([1j] * DIM, TypeError, TypeError),
    "numpy's complex": ([np.complex64(1)] * DIM, TypeError, TypeError),
    "complex objects": (np.array([1j] * DIM, dtype=object), TypeError, TypeError),
    "huge": ([HUGE] * DIM, TypeError, OverflowError),
    "infinite": (np.full(DIM, np.inf, np.float16), ValueError, ValueError),
    "lying": (Lies(), ValueError, ValueError),
    "raising": ([Raises(ZeroDivisionError())] * DIM, TypeError, TypeError),
    "generator": ((v for v in [1.0] * DIM), TypeError, TypeError),
    "ellipsis": (..., TypeError, TypeError),
    "class": (np.float32, TypeError, TypeError),
    "five million": (np.zeros(5_000_000, np.float32), ValueError, ValueError),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_VECTORS)
def test_a_strange_vector_is_refused(vectors, name):
    given, in_document, in_query = BAD_VECTORS[name]
    with pytest.raises(in_document):
        vectors.insert(zvec.Doc("a", vectors=some_vectors(fp32=given)))
    with pytest.raises(in_query):
        vectors.query(zvec.Query("fp32", vector=given))
    assert vectors.stats.doc_count == 0


BAD_INT8 = [
    ([math.nan] * DIM, ValueError), (np.full(DIM, np.nan, np.float32), ValueError), (np.full(DIM, np.inf), OverflowError),
    ([300] * DIM, OverflowError), (np.full(DIM, 300), OverflowError), ([128.0] * DIM, OverflowError), ([HUGE] * DIM, OverflowError),
]  # fmt: skip


# Guards: NumPy wraps numbers of arrays around, NaN becomes any number, and the query was answered.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("given", "error"), BAD_INT8, ids=lambda value: str(value)[:20])
def test_a_query_of_numbers_that_are_no_int8_is_refused(vectors, given, error):
    with pytest.raises(error):
        vectors.query(zvec.Query("int8", vector=given))


@pytest.mark.parametrize("given", [[1.6, 2.2, 3, 4], FOUR, FOUR.astype(object), FOUR.astype(ml_dtypes.bfloat16), [[1, 2, 3, 4]]], ids=str)
def test_fractions_of_an_int8_query_are_cut_off(vectors, given):
    vectors.insert(zvec.Doc("a", vectors=some_vectors(int8=[1, 1, 1, 1])))
    assert vectors.query(zvec.Query("int8", vector=given))[0].score == 10.0


def test_a_list_that_shrinks_while_it_is_read_is_refused(vectors):
    with pytest.raises((ValueError, IndexError)):
        vectors.insert(zvec.Doc("a", vectors=some_vectors(fp32=shrinking())))
    assert vectors.stats.doc_count == 0


GOOD_SCALARS = [
    ("int32", Year.THIS, 3), ("int64", Index(7), 7), ("int32", np.array(3), 3), ("float", fractions.Fraction(1, 2), 0.5),
    ("double", decimal.Decimal("1.5"), 1.5), ("string", Text("t"), "t"), ("string", np.str_("t"), "t"),
    ("bool", HUGE, True), ("array_string", np.array(["a", "b"]), ["a", "b"]), ("array_int64", range(2), [0, 1]),
    ("array_uint64", np.array([2**63], dtype=np.uint64), [2**63]), ("array_float", array.array("b", [1, 2]), [1.0, 2.0]),
]  # fmt: skip


@pytest.mark.parametrize(("field", "given", "read"), GOOD_SCALARS, ids=lambda value: str(value)[:20])
def test_a_strange_scalar_reads_back(wide, field, given, read):
    wide.insert(zvec.Doc("a", fields={field: given, "needed": 1}))
    found = wide.fetch("a")["a"].fields[field]
    assert found == read and type(found) is type(read)


BAD_SCALARS = [
    ("float", HUGE), ("float", -HUGE), ("double", HUGE), ("double", -HUGE), ("array_double", [-HUGE]),
    ("int32", HUGE), ("uint64", -HUGE), ("array_int64", [HUGE]), ("int64", Index(HUGE)),
    ("int32", np.datetime64("2020")), ("int32", np.complex64(1)), ("double", 1j), ("float", np.complex64(1)),
    ("string", pathlib.Path("x")), ("string", bytearray(b"x")), ("string", datetime.date(2020, 1, 1)),
    ("bool", np.array([True])), ("int32", Raises(ZeroDivisionError())), ("double", Raises(RuntimeError())),
    ("array_string", ["a", "\ud800"]), ("array_string", [b"\xff"]), ("array_int32", np.eye(2)), ("array_bool", ["x"]),
    ("array_float", np.ma.array(FOUR, mask=[0, 1, 0, 0])), ("int32", Ellipsis), ("int32", int), ("array_int32", np.array(["1"])), ("array_float", np.array([1j])),
]  # fmt: skip


# Guards: an integer below every float was stored as positive infinity.
@pytest.mark.parametrize(("field", "given"), BAD_SCALARS, ids=lambda value: str(value)[:20])
def test_a_strange_scalar_is_a_type_error_that_names_the_field(wide, field, given):
    with pytest.raises(TypeError, match=field):
        wide.insert(zvec.Doc("a", fields={field: given, "needed": 1}))
    assert wide.stats.doc_count == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_is_not_taken_for_a_bad_value(wide, error):
    for field in ("int32", "double", "array_int32", "array_double"):
        value = Raises(error())
        with pytest.raises(error):
            wide.insert(zvec.Doc("a", fields={field: [value] if "array" in field else value, "needed": 1}))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_is_not_taken_for_a_bad_vector(vectors, error):
    for given in ({"fp32": [Raises(error())] * DIM}, {"sparse": {1: Raises(error())}}):
        with pytest.raises(error):
            vectors.insert(zvec.Doc("a", vectors=some_vectors(**given)))
        with pytest.raises(error):
            vectors.query(zvec.Query(*given, vector=next(iter(given.values()))))


@pytest.mark.parametrize("given", [1, 0.5, np.bool_(True), Year.THIS])
def test_vectors_are_included_when_a_switch_is_true(books, given):
    books.insert(doc("a", unit(0)))
    found = [*books.query(zvec.Query("v", vector=unit(0)), include_vector=given), *books.query(include_vector=given),
             *books.fetch("a", include_vector=given).values(), *books.iter_docs(include_vector=given)]  # fmt: skip
    assert [d.vectors for d in found] == [{"v": unit(0)}] * 4


@pytest.mark.parametrize("given", [0, None, np.bool_(False)])
def test_vectors_are_left_out_when_a_switch_is_false(books, given):
    books.insert(doc("a", unit(0)))
    found = [*books.query(include_vector=given), *books.fetch("a", include_vector=given).values()]
    assert [d.vectors for d in found] == [{}] * 2


@pytest.mark.parametrize("given", ["no", [], object(), np.array([True])], ids=str)
def test_a_switch_of_another_type_is_a_type_error_that_names_it(books, given):
    for call in (books.query, lambda **k: books.fetch("a", **k), books.iter_docs):
        with pytest.raises(TypeError, match="include_vector must be a bool"):
            call(include_vector=given)


def test_an_int_of_a_subclass_is_a_topk(books):
    books.insert([doc(str(i), unit(i % DIM)) for i in range(5)])
    assert len(books.query(topk=Year.THIS)) == len(books.query(zvec.Query("v", vector=unit(0)), topk=Year.THIS)) == 3


BAD_CALLS = {
    "fts of another type": (lambda b: b.query(zvec.Query("v", fts=5)), TypeError),
    "nothing to delete": (lambda b: b.delete(None), TypeError),
    "nothing to fetch": (lambda b: b.fetch(None), TypeError),
    "ids that are one path": (lambda b: b.fetch(pathlib.Path("a")), TypeError),
    "ids of bytes": (lambda b: b.fetch(bytearray(b"a")), TypeError),
    "ids in an id": (lambda b: b.delete([["a"]]), TypeError),
    "a misspelt keyword": (lambda b: b.query(topK=5), TypeError),
    "an id of 100,000 letters": (lambda b: b.query(zvec.Query("v", id="x" * 100_000)), ValueError),
    "a zero in a filter": (lambda b: b.query(filter="year = 1\0"), ValueError),
    "a filter that is a comment": (lambda b: b.delete_by_filter("-- everything"), ValueError),
    "a surrogate in a filter": (lambda b: b.delete_by_filter("\ud800"), ValueError),
    "a filter of NOT": (lambda b: b.query(filter="NOT " * 100_000 + "year = 1"), ValueError),
    "a field name in bytes": (lambda b: b.query(zvec.Query(b"v", vector=unit(0))), TypeError),
    "a field name in a list": (lambda b: b.query(zvec.Query(["v"], vector=unit(0))), TypeError),
    "a zero in a field name": (lambda b: b.query(zvec.Query("v\0", vector=unit(0))), ValueError),
    "vectors without names": (lambda b: b.insert(zvec.Doc("a", vectors=[("v", unit(0))])), TypeError),
    "fields of a number": (lambda b: b.insert(zvec.Doc("a", vectors={"v": unit(0)}, fields=5)), TypeError),
    "a column of one number": (lambda b: b.insert_arrays(["a"], {"v": [unit(0)], "year": 5}), TypeError),
    "columns of nothing": (lambda b: b.insert_arrays(["a"], {"v": None}), ValueError),
    "columns of texts": (lambda b: b.insert_arrays(["a"], {"v": [["1"] * DIM]}), ValueError),
    "a callback that raises": (lambda b: merged(b, lambda *_: 1 / 0), ZeroDivisionError),
    "a callback without parameters": (lambda b: merged(b, lambda: []), TypeError),
    "a callback of nothing": (lambda b: merged(b, lambda *_: None), RuntimeError),
    "a callback of numbers": (lambda b: merged(b, lambda *_: [1]), RuntimeError),
    "a reranker's class": (lambda b: b.query([zvec.Query("v", vector=unit(0))] * 2, reranker=zvec.RrfReRanker), TypeError),
    "a huge constant": (lambda b: zvec.RrfReRanker(HUGE), TypeError),
    "a huge weight": (lambda b: zvec.WeightedReRanker([HUGE]), TypeError),
    "a weight of text": (lambda b: zvec.WeightedReRanker(["1"]), TypeError),
    "a huge radius": (lambda b: zvec.HnswQueryParam(radius=HUGE), TypeError),
    "a huge ef": (lambda b: zvec.HnswQueryParam(ef=HUGE), TypeError),
    "a path that is too long": (lambda b: zvec.open("x" * 5000), ValueError),
    "a zero in a path": (lambda b: zvec.create_and_open("a\0b", b.schema), ValueError),
    "a surrogate in a path": (lambda b: zvec.create_and_open("\ud800", b.schema), ValueError),
    "a path of bytes": (lambda b: zvec.open(b.path.encode()), TypeError),
}


def merged(books, callback):
    return books.query([zvec.Query("v", vector=unit(0))] * 2, reranker=CallbackReRanker(callback))


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_strange_call_is_an_exception(books, name):
    call, error = BAD_CALLS[name]
    books.insert(doc("kept", unit(0)))
    with pytest.raises(error):
        call(books)
    assert books.stats.doc_count == 1


def test_a_batch_with_masked_elements_is_refused(books):
    rows = np.ma.array(FOUR.reshape(1, DIM), mask=[[0, 1, 0, 0]])
    for call in (lambda: books.insert_arrays(["a"], {"v": rows}), lambda: books.search_arrays("v", rows)):
        with pytest.raises(ValueError, match="numbers"):
            call()
    assert books.stats.doc_count == 0


def test_a_bad_column_is_named(books):
    for call in (lambda rows: books.insert_arrays(["a"], {"v": rows}), lambda rows: books.search_arrays("v", rows)):
        with pytest.raises(ValueError, match="Field 'v'.*numbers"):
            call(np.array([["x"] * DIM]))


@pytest.mark.parametrize("constant", [np.int64(3), Year.THIS])
def test_any_integer_is_a_rank_constant(constant):
    assert zvec.RrfReRanker(constant).rerank([[zvec.Doc("a")]])[0].score == pytest.approx(1 / 4)


@pytest.mark.parametrize("weights", [np.ones(1, np.float32), (decimal.Decimal(1),), iter([1.0])], ids=["numpy", "decimal", "iterator"])
def test_any_finite_numbers_are_weights(weights):
    assert zvec.WeightedReRanker(weights).weights == [1.0]
    with pytest.raises(TypeError, match="finite"):
        zvec.WeightedReRanker([math.inf])


def test_numpys_bool_makes_a_field_nullable():
    assert zvec.FieldSchema("x", zvec.DataType.INT32, np.bool_(True)).nullable is True


def test_a_log_that_cannot_be_made_is_a_runtime_error_and_may_be_tried_again(tmp_path):
    run_python(
        """
import sys
from cocozvec import zvec
for folder in ("/proc/nowhere", sys.executable):
    try:
        zvec.init(log_type=zvec.LogType.FILE, log_dir=folder)
    except RuntimeError as error:
        assert folder in str(error), error
    else:
        raise SystemExit("made a log in " + folder)
zvec.init(log_type=zvec.LogType.FILE, log_dir=sys.argv[1])
""",
        str(tmp_path / "logs"),
    )

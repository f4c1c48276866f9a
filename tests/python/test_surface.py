"""The surface of zvec 0.8: names and numbers, schemas, statuses, queries, what is refused."""

import copy
import inspect
import math
import pickle
import warnings

import numpy as np
import pytest
from support import DIM, I, M, Q, T, books_schema, doc, some_vectors, unit

from cocozvec import zvec

NUMBERS = {
    "DataType": "STRING 2 BOOL 3 INT32 4 INT64 5 UINT32 6 UINT64 7 FLOAT 8 DOUBLE 9 VECTOR_FP16 22 VECTOR_FP32 23 "
    "VECTOR_FP64 24 VECTOR_INT8 26 VECTOR_UINT8 28 SPARSE_VECTOR_FP16 30 SPARSE_VECTOR_FP32 31 ARRAY_STRING 41 "
    "ARRAY_BOOL 42 ARRAY_INT32 43 ARRAY_INT64 44 ARRAY_UINT32 45 ARRAY_UINT64 46 ARRAY_FLOAT 47 ARRAY_DOUBLE 48",
    "IndexType": "UNDEFINED 0 HNSW 1 IVF 2 FLAT 3 HNSW_RABITQ 4 DISKANN 5 VAMANA 6 IVF_RABITQ 7 INVERT 10 FTS 11",
    "MetricType": "L2 1 IP 2 COSINE 3",
    "QuantizeType": "UNDEFINED 0 FP16 1 INT8 2 INT4 3 RABITQ 4 UNIFORM_UINT7 5 UNIFORM_UINT8 6 UNIFORM_UINT4 7",
    "StatusCode": "OK 0 NOT_FOUND 1 ALREADY_EXISTS 2 INVALID_ARGUMENT 3 PERMISSION_DENIED 4 FAILED_PRECONDITION 5 "
    "RESOURCE_EXHAUSTED 6 UNAVAILABLE 7 INTERNAL_ERROR 8 NOT_SUPPORTED 9 UNKNOWN 10",
    "IOBackendType": "PREAD 0 LIBAIO 1 IO_URING 2 WINDOWS_OVERLAPPED 3",
    "LogLevel": "DEBUG 0 INFO 1 WARN 2 WARNING 2 ERROR 3 FATAL 4",
    "LogType": "CONSOLE 0 FILE 1",
}


@pytest.mark.parametrize("enum", NUMBERS)
def test_enums_have_the_names_and_numbers(enum):
    words = NUMBERS[enum].split()
    members = getattr(zvec, enum).__members__
    assert {name: int(member) for name, member in members.items()} == dict(zip(words[::2], map(int, words[1::2])))


def test_enums_behave_as_the_peers():
    assert (str(T.INT32), repr(T.INT32), T.INT32.name, T.INT32.value) == ("DataType.INT32", "<DataType.INT32: 4>", "INT32", 4)
    assert T(4) is T.INT32 and hash(T.INT32) == 4 and list("abcde")[T.INT32] == "e"
    assert T.INT32 != 4 and T.INT32 != I.HNSW_RABITQ
    assert pickle.loads(pickle.dumps(T.INT32)) is T.INT32 and copy.deepcopy(T.INT32) is T.INT32
    assert "???" in repr(T(99))
    for bad in ("INT32", None, 1.5, 2**40):
        with pytest.raises(TypeError):
            T(bad)
    with pytest.raises(TypeError):
        assert T.INT32 < T.INT64


def test_statuses():
    ok, missing = zvec.Status(), zvec.Status.NotFound("gone")
    assert ok.ok() and ok.code() is zvec.StatusCode.OK and repr(ok) == '{"code":0}'
    assert not missing.ok() and bool(missing) and missing.message() == "gone"
    assert repr(missing) == '{"code":1, "message":"gone"}' and missing == zvec.Status(zvec.StatusCode.NOT_FOUND, "gone")
    assert pickle.loads(pickle.dumps(missing)) == missing
    with pytest.raises(TypeError):
        hash(ok)
    with pytest.raises(TypeError):
        zvec.Status(1)


INDEX_PARAMS = [
    zvec.FlatIndexParam, zvec.HnswIndexParam, zvec.VamanaIndexParam, zvec.HnswRabitqIndexParam, zvec.IVFIndexParam,
    zvec.IvfRabitqIndexParam, zvec.DiskAnnIndexParam, zvec.InvertIndexParam, zvec.FtsIndexParam,
]  # fmt: skip
QUERY_PARAMS = [
    zvec.HnswQueryParam, zvec.VamanaQueryParam, zvec.HnswRabitqQueryParam, zvec.IVFQueryParam,
    zvec.IvfRabitqQueryParam, zvec.DiskAnnQueryParam, zvec.FtsQueryParam,
]  # fmt: skip


@pytest.mark.parametrize("kind", INDEX_PARAMS)
def test_index_parameters_are_values(kind):
    made = kind()
    assert made == kind() == made.clone() == pickle.loads(pickle.dumps(made))
    assert made.to_dict().get("type", made.type.name) == made.type.name
    with pytest.raises(AttributeError):
        made.metric_type = M.L2
    with pytest.raises(TypeError):
        hash(made)


@pytest.mark.parametrize("kind", QUERY_PARAMS)
def test_query_parameters_are_read_only_and_compare_by_identity(kind):
    made = kind()
    assert made != kind() and made == made
    assert (made.radius, made.is_linear, made.is_using_refiner) == (0.0, False, False) and made.scale_factor >= 0
    assert pickle.loads(pickle.dumps(made)).type is made.type
    with pytest.raises(AttributeError):
        made.radius = 1.0


def test_a_number_that_is_given_is_honoured_even_when_it_is_the_default():
    """What nobody gave is shown as the peer's default and chosen by the database (0)."""
    from cocozvec.zvec._zvec.schema import _index_to_native

    for index, wanted in (
        (zvec.HnswIndexParam(), (0, 0)),
        (zvec.HnswIndexParam(m=50, ef_construction=500), (50, 500)),
        (zvec.HnswIndexParam(m=16), (16, 0)),
        (zvec.HnswRabitqIndexParam(ef_construction=500), (0, 500)),
    ):
        for same in (index, index.clone(), pickle.loads(pickle.dumps(index)), copy.deepcopy(index)):
            native = _index_to_native(same)
            assert (native["m"], native["ef_construction"]) == wanted
    assert zvec.HnswIndexParam() == zvec.HnswIndexParam(m=50, ef_construction=500)
    assert repr(zvec.HnswIndexParam()) == repr(zvec.HnswIndexParam(M.IP, 50, 500)) and '"m":50' in repr(zvec.HnswIndexParam())
    for param, ef in ((zvec.HnswQueryParam(), 0), (zvec.HnswQueryParam(ef=300), 300), (zvec.HnswRabitqQueryParam(300), 300)):
        assert param.ef == (ef or 300) and param._options[1] == ef == pickle.loads(pickle.dumps(param))._options[1]


def test_the_text_of_parameters():
    assert str(zvec.CollectionOption()) == '{"enable_mmap":1, "read_only":0}'
    assert repr(zvec.FlatIndexParam(M.L2)) == (
        '{"metric_type":L2, "quantize_type":UNDEFINED, "quantizer_param":{"enable_rotate":false}, '
        '"use_contiguous_memory":false}'
    )
    assert repr(zvec.IVFQueryParam()) == '{"type":IVF, "nprobe":10, "is_using_refiner":0, "scale_factor":10.000000}'


BAD_PARAMS = [
    (zvec.HnswIndexParam, {"m": -1}, ValueError),
    (zvec.HnswIndexParam, {"m": "16"}, TypeError),
    (zvec.HnswIndexParam, {"m": 1.5}, TypeError),
    (zvec.HnswIndexParam, {"m": 2**31}, TypeError),
    (zvec.HnswIndexParam, {"metric_type": "L2"}, TypeError),
    (zvec.HnswIndexParam, {"metric_type": 1}, TypeError),
    (zvec.HnswIndexParam, {"quantizer_param": {}}, TypeError),
    (zvec.HnswIndexParam, {"ef_construction": -5}, ValueError),
    (zvec.VamanaIndexParam, {"alpha": float("nan")}, ValueError),
    (zvec.VamanaIndexParam, {"alpha": "1"}, TypeError),
    (zvec.VamanaIndexParam, {"max_degree": -1}, ValueError),
    (zvec.DiskAnnIndexParam, {"list_size": -1}, ValueError),
    (zvec.DiskAnnIndexParam, {"max_degree": -1}, ValueError),
    (zvec.IVFIndexParam, {"n_list": -1}, ValueError),
    (zvec.HnswRabitqIndexParam, {"total_bits": -1}, ValueError),
    (zvec.FtsIndexParam, {"filters": "lowercase"}, TypeError),
    (zvec.FtsIndexParam, {"extra_params": {}}, TypeError),
    (zvec.HnswQueryParam, {"ef": 0}, ValueError),
    (zvec.HnswQueryParam, {"ef": -1}, ValueError),
    (zvec.HnswQueryParam, {"scale_factor": -1.0}, ValueError),
    (zvec.HnswQueryParam, {"radius": float("nan")}, ValueError),
    (zvec.HnswQueryParam, {"extra_params": {"prefetch_lines": -1}}, RuntimeError),
    (zvec.IVFQueryParam, {"nprobe": -1}, ValueError),
    (zvec.DiskAnnQueryParam, {"list_size": -1}, ValueError),
    (zvec.FtsQueryParam, {"default_operator": "XOR"}, ValueError),
    (zvec.OptimizeOption, {"concurrency": 1.0}, TypeError),
    (zvec.OptimizeOption, {"concurrency": "1"}, TypeError),
    (zvec.CollectionOption, {"read_only": "yes"}, TypeError),
    (zvec.CollectionOption, {"durability": "sometimes"}, ValueError),
]


@pytest.mark.parametrize(("kind", "given", "error"), BAD_PARAMS, ids=str)
def test_a_bad_parameter_is_refused_where_it_is_made(kind, given, error):
    with pytest.raises(error):
        kind(**given)


def test_bases_cannot_be_constructed():
    from cocozvec.zvec._zvec import param

    for base in (param.IndexParam, param.VectorIndexParam, param.QueryParam):
        with pytest.raises(TypeError):
            base()


BAD_SCHEMAS = [
    (lambda: zvec.CollectionSchema(5), ValueError),
    (lambda: zvec.CollectionSchema("\ud800"), ValueError),
    (lambda: zvec.CollectionSchema("c", ()), TypeError),
    (lambda: zvec.CollectionSchema("c", ["x"]), TypeError),
    (lambda: zvec.CollectionSchema("c", [zvec.FieldSchema("a", T.BOOL)] * 2), ValueError),
    (lambda: zvec.CollectionSchema("c", zvec.FieldSchema("a", T.BOOL), zvec.VectorSchema("a", T.VECTOR_FP32, 4)), ValueError),
    (lambda: zvec.FieldSchema(5, T.BOOL), ValueError),
    (lambda: zvec.FieldSchema("a", T.VECTOR_FP32), ValueError),
    (lambda: zvec.FieldSchema("a", 4), ValueError),
    (lambda: zvec.FieldSchema("a", "INT32"), ValueError),
    (lambda: zvec.FieldSchema("a", T.BOOL, "yes"), TypeError),
    (lambda: zvec.FieldSchema("a", T.BOOL, False, "INVERT"), TypeError),
    (lambda: zvec.VectorSchema("a", T.INT32, 4), ValueError),
    (lambda: zvec.VectorSchema("a", T.VECTOR_UINT8, 4), ValueError),
    (lambda: zvec.VectorSchema("a", T.VECTOR_FP32, -1), ValueError),
    (lambda: zvec.VectorSchema("a", T.VECTOR_FP32, "4"), ValueError),
    (lambda: zvec.VectorSchema("a", T.VECTOR_FP32, None), ValueError),
    (lambda: zvec.VectorSchema("a", T.VECTOR_FP32, 1.5), ValueError),
    (lambda: zvec.VectorSchema("a", T.VECTOR_FP32, 2**32), TypeError),
]


@pytest.mark.parametrize(("make", "error"), BAD_SCHEMAS)
def test_a_bad_schema_is_refused_by_its_constructor(make, error):
    with pytest.raises(error):
        make()


def vector(kind=T.VECTOR_FP32, dimension=4, index=None, name="v"):
    return zvec.CollectionSchema("c", vectors=zvec.VectorSchema(name, kind, dimension, index))


REFUSED_AT_CREATION = [
    zvec.CollectionSchema("c"),
    zvec.CollectionSchema("", zvec.FieldSchema("a", T.BOOL)),
    zvec.CollectionSchema("x" * 257, zvec.FieldSchema("a", T.BOOL)),
    zvec.CollectionSchema("c\n", zvec.FieldSchema("a", T.BOOL)),
    zvec.CollectionSchema("c", zvec.FieldSchema("", T.BOOL)),
    zvec.CollectionSchema("c", zvec.FieldSchema("a b", T.BOOL)),
    zvec.CollectionSchema("c", zvec.FieldSchema("é", T.BOOL)),
    zvec.CollectionSchema("c", zvec.FieldSchema("x" * 65, T.BOOL)),
    zvec.CollectionSchema("c", zvec.FieldSchema("_zvec_score", T.BOOL)),
    zvec.CollectionSchema("c", zvec.FieldSchema("a", T.INT32, False, zvec.FtsIndexParam())),
    zvec.CollectionSchema("c", zvec.FieldSchema("a", T.STRING, False, zvec.FtsIndexParam("code"))),
    zvec.CollectionSchema("c", zvec.FieldSchema("a", T.INT32, False, zvec.HnswIndexParam())),
    zvec.CollectionSchema("c", vectors=[zvec.VectorSchema(f"v{i}", T.VECTOR_FP32, 4) for i in range(6)]),
    zvec.CollectionSchema("c", [zvec.FieldSchema(f"f{i}", T.BOOL) for i in range(1025)]),
    vector(dimension=0),
    vector(dimension=20001),
    vector(T.VECTOR_FP64),
    vector(index=zvec.InvertIndexParam()),
    vector(T.VECTOR_INT8, index=zvec.FlatIndexParam(M.COSINE)),
    vector(T.VECTOR_INT8, index=zvec.IVFIndexParam(M.IP)),
    vector(T.SPARSE_VECTOR_FP32, index=zvec.FlatIndexParam(M.L2)),
    vector(T.SPARSE_VECTOR_FP32, index=zvec.IVFIndexParam(M.IP)),
    vector(T.VECTOR_FP16, index=zvec.HnswIndexParam(quantize_type=Q.INT8)),
    vector(T.SPARSE_VECTOR_FP32, index=zvec.FlatIndexParam(quantize_type=Q.INT8)),
    vector(index=zvec.FlatIndexParam(M.L2, Q.UNIFORM_UINT8)),
    vector(index=zvec.HnswIndexParam(M.IP, quantize_type=Q.UNIFORM_UINT8)),
    vector(index=zvec.HnswRabitqIndexParam(M.L2)),
    vector(index=zvec.FlatIndexParam(M(0))),
    vector(dimension=5, index=zvec.HnswIndexParam(M.L2, quantize_type=Q.INT4)),
    vector(index=zvec.HnswIndexParam(m=1001)),
]


@pytest.mark.parametrize("schema", REFUSED_AT_CREATION, ids=lambda schema: str(schema)[:80].replace("\n", ""))
def test_an_ill_formed_schema_is_a_value_error_and_leaves_nothing(path, tmp_path, schema):
    with pytest.raises(ValueError):
        zvec.create_and_open(path, schema)
    assert list(tmp_path.iterdir()) == []


def test_a_smaller_storage_type_says_that_it_is_not_there(path):
    index = zvec.HnswIndexParam(M.L2, flat_data_type=T.VECTOR_FP16)
    with pytest.raises(NotImplementedError, match="flat_data_type"):
        zvec.create_and_open(path, vector(index=index))


def test_schemas_compare_show_and_pickle():
    schema = books_schema()
    again = pickle.loads(pickle.dumps(schema))
    assert str(again) == str(schema) and '"data_type": "VECTOR_FP32"' in str(schema)
    assert again.field("year") == schema.field("year") and hash(again.field("year")) == hash(schema.field("year"))
    assert schema.vector("v") == again.vector("v") != zvec.VectorSchema("v", T.VECTOR_FP32, DIM)
    assert schema.field("v") is None and schema.vector("year") is None and schema.field("zz") is None


INDEXES = [
    zvec.FlatIndexParam(M.L2, use_contiguous_memory=True),
    zvec.HnswIndexParam(M.COSINE),
    zvec.HnswIndexParam(M.COSINE, m=50),
    zvec.HnswIndexParam(M.L2, m=16, ef_construction=100, quantize_type=Q.INT8, quantizer_param=zvec.QuantizerParam(True)),
    zvec.VamanaIndexParam(M.L2, max_degree=32, alpha=1.5, two_pass_build=False),
    zvec.IVFIndexParam(M.L2, n_list=20, use_soar=True),
    zvec.HnswRabitqIndexParam(M.L2, total_bits=5, m=20),
    zvec.IvfRabitqIndexParam(M.L2, nlist=64),
    zvec.DiskAnnIndexParam(M.L2, list_size=70),
]


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: index.type.name)
def test_a_reopened_collection_shows_the_parameters_it_was_made_with(path, index):
    from cocozvec.zvec._zvec.schema import _index_to_native

    dimension = 64
    scalars = [
        zvec.FieldSchema("s", T.STRING, True, zvec.FtsIndexParam("whitespace", ["ascii_folding"], '{"a":1}')),
        zvec.FieldSchema("i", T.INT32, False, zvec.InvertIndexParam(True, True)),
    ]
    schema = zvec.CollectionSchema("c", scalars, zvec.VectorSchema("v", T.VECTOR_FP32, dimension, index))
    zvec.create_and_open(path, schema).close()
    with zvec.open(path) as again:
        assert str(again.schema) == str(schema)
        assert again.schema.vector("v").index_param == index
        assert _index_to_native(again.schema.vector("v").index_param) == _index_to_native(index)


def test_documents():
    made = zvec.Doc("a", 0.5, {"v": np.arange(2.0)}, {"n": 1})
    assert (made.id, made.score, made.vectors, made.fields) == ("a", 0.5, {"v": [0.0, 1.0]}, {"n": 1})
    assert made.has_field("n") and not made.has_field("v") and made.has_vector("v") and made.field("n") == 1
    assert made.vector("v") == [0.0, 1.0] and made.field("zz") is None and made.field_names() == ["n"]
    assert made._replace(id="b").id == "b" and pickle.loads(pickle.dumps(made)).fields == {"n": 1}
    empty = zvec.Doc("a")
    assert (empty.score, empty.fields, empty.vectors) == (None, {}, {}) and empty != zvec.Doc("a")
    made.score = 2
    made.fields["m"] = 2
    assert made.score == 2 and made.has_field("m")
    assert repr(zvec.Doc("a", fields={"x": object()})).startswith("<Doc error during repr")
    with pytest.raises(AttributeError):
        made.other = 1
    with pytest.raises(AttributeError):
        del made.id
    for bad in ((), ("a", 1, {}, {}, 5)):
        with pytest.raises(TypeError):
            zvec.Doc(*bad)
    with pytest.raises(TypeError):
        zvec.Doc(id="a", other=1)


def fill(collection, count=10):
    assert all(s.ok() for s in collection.insert([doc(f"d{i}", unit(i % DIM), year=i, title=f"t{i}") for i in range(count)]))


def test_update_merges_and_upsert_replaces(books):
    fill(books, 2)
    assert books.update(zvec.Doc("d0", fields={"title": "new"})).ok()
    assert books.fetch("d0")["d0"].fields == {"title": "new", "year": 0}
    assert books.upsert(zvec.Doc("d0", vectors={"v": unit(1)})).ok()
    assert books.fetch("d0")["d0"].fields == {}
    assert books.update(zvec.Doc("d1", fields={"title": None})).ok()
    assert books.fetch("d1")["d1"].fields == {"year": 1}
    assert books.update(zvec.Doc("d1")).ok()
    assert books.update(zvec.Doc("zz")).code() is zvec.StatusCode.NOT_FOUND


def test_documents_of_one_call_are_applied_in_order(books):
    codes = [s.code().name for s in books.insert([doc("a"), doc("a")])]
    assert codes == ["OK", "ALREADY_EXISTS"]
    assert all(s.ok() for s in books.upsert([doc("a", title="1"), doc("a", title="2")]))
    assert all(s.ok() for s in books.update([zvec.Doc("a", fields={"title": "3"}), zvec.Doc("a", fields={"year": 3})]))
    assert books.fetch("a")["a"].fields == {"title": "3", "year": 3}


def test_more_documents_in_a_call_than_the_peer_takes(books):
    assert all(s.ok() for s in books.insert([doc(str(i)) for i in range(3000)]))
    assert books.stats.doc_count == 3000
    assert len(books.fetch([str(i) for i in range(3000)])) == 3000


def test_an_id_deleted_by_a_filter_can_be_inserted_again(books):
    fill(books)
    assert books.delete_by_filter("year >= 5") is None
    assert books.stats.doc_count == 5 and books.insert(doc("d7")).ok()


@pytest.mark.parametrize("filter", ["", " ", "\n"])
def test_deleting_by_an_empty_filter_is_refused(books, filter):
    fill(books, 3)
    with pytest.raises(ValueError, match="empty"):
        books.delete_by_filter(filter)
    assert books.stats.doc_count == 3


def test_fetch(books):
    fill(books, 3)
    assert list(books.fetch(["d2", "zz", "d0", "d2"])) == ["d2", "d0"]
    found = books.fetch("d1", output_fields=["year", "zz", "v"], include_vector=False)["d1"]
    assert (found.fields, found.vectors, found.score) == ({"year": 1}, {}, 0.0)
    assert books.fetch("d1", output_fields=[])["d1"].fields == {} and books.fetch([]) == {}


def test_queries_with_filters_fields_and_vectors(books):
    fill(books)
    query = zvec.Query("v", vector=unit(1))
    assert [d.id for d in books.query(query, filter="year > 4", topk=2)] == ["d5", "d9"]
    found = books.query(query, topk=1, include_vector=True, output_fields=["title"])[0]
    assert (found.fields, found.vectors) == ({"title": "t1"}, {"v": unit(1)})
    assert books.query(query, topk=1, output_fields=())[0].fields == {}
    assert [d.id for d in books.query(query, filter="")] == [d.id for d in books.query([query], filter=None)]
    with pytest.raises(ValueError, match="zz"):
        books.query(query, output_fields=["zz"])
    with pytest.raises(ValueError, match="zz"):
        books.query(query, filter="zz = 1")


def test_a_query_without_a_vector_lists_in_storage_order(books):
    fill(books)
    assert [d.id for d in books.query(topk=3)] == ["d0", "d1", "d2"]
    assert [(d.id, d.score) for d in books.query(filter="year in (3, 5)")] == [("d3", 0.0), ("d5", 0.0)]
    assert books.query([], topk=1)[0].id == "d0" and books.query(zvec.Query("zz"), topk=1)[0].id == "d0"
    with pytest.raises(ValueError, match="missing query clause"):
        books.query(zvec.Query("v"))


def test_a_query_by_the_id_of_a_document(books):
    fill(books)
    assert {d.id for d in books.query(zvec.Query("v", id="d2"), topk=2)} == {"d2", "d6"}
    for id in ("zz", ""):
        with pytest.raises(ValueError, match="not found"):
            books.query(zvec.Query("v", id=id))


BAD_QUERIES = [
    (zvec.Query(""), ValueError),
    (zvec.Query("  ", vector=unit(0)), ValueError),
    (zvec.Query(None, vector=unit(0)), ValueError),
    (zvec.Query("v", id="a", vector=unit(0)), ValueError),
    (zvec.Query("v", vector=unit(0), fts=zvec.Fts("a")), ValueError),
    (zvec.Query("title", fts=zvec.Fts()), ValueError),
    (zvec.Query("title", fts=zvec.Fts("a", "b")), ValueError),
    (zvec.Query("title", fts=zvec.Fts(5)), ValueError),
    (zvec.Query("title", fts=zvec.Fts("a")), NotImplementedError),
    (zvec.Query("zz", vector=unit(0)), ValueError),
    (zvec.Query("year", vector=unit(0)), ValueError),
    (zvec.Query("v", vector=unit(0), param=zvec.IVFQueryParam()), ValueError),
    (zvec.Query("v", vector=unit(0), param=5), TypeError),
    ("v", TypeError),
    (["v"], TypeError),
    (5, TypeError),
]


@pytest.mark.parametrize(("query", "error"), BAD_QUERIES, ids=str)
def test_a_bad_query_is_refused(books, query, error):
    with pytest.raises(error):
        books.query(query)


@pytest.mark.parametrize(
    ("metric", "radius", "ids"), [(M.L2, 1.5, ["d0"]), (M.IP, 0.5, ["d0"]), (M.COSINE, 0.5, ["d0"]), (M.L2, 0.0, 4), (M.L2, -1.0, 4)]
)
def test_radius_is_a_threshold_on_the_score(path, metric, radius, ids):
    with zvec.create_and_open(path, books_schema(metric)) as books:
        fill(books, 4)
        found = books.query(zvec.Query("v", vector=unit(0), param=zvec.HnswQueryParam(radius=radius)))
        assert [d.id for d in found] == ids if isinstance(ids, list) else len(found) == ids
        assert len(books.query(zvec.Query("v", vector=unit(0)))) == 4  # and does not leak into the next one


GOLDEN = [  # stored, L2, IP, COSINE for the query (1, 0, 0, 0)
    ([1, 0, 0, 0], 0, 1, 0),
    ([0, 1, 0, 0], 2, 0, 1),
    ([1, 1, 0, 0], 1, 1, 0.29289323),
    ([-1, 0, 0, 0], 4, -1, 2),
    ([2, 0, 0, 0], 1, 2, 0),
    ([0, 0, 0, 0], 1, 0, 1),
]


@pytest.mark.parametrize("metric", [M.L2, M.IP, M.COSINE])
def test_golden_scores(path, metric):
    with zvec.create_and_open(path, books_schema(metric)) as books:
        books.insert([doc(str(i), row[0]) for i, row in enumerate(GOLDEN)])
        for found in books.query(zvec.Query("v", vector=unit(0))):
            assert found.score == pytest.approx(GOLDEN[int(found.id)][int(metric)], abs=1e-6)


@pytest.fixture
def reader(books, path):
    fill(books)
    books.delete("d3")
    books.close()
    with zvec.open(path, zvec.CollectionOption(read_only=True)) as collection:
        yield collection


def test_internal_ids_are_those_of_the_query(reader):
    query = zvec.Query("v", vector=unit(1))
    ids, scores = reader.query_internal_ids(query, topk=5, return_scores=True)
    found = reader.query(query, topk=5)
    assert (ids.dtype, scores.dtype) == (np.int64, np.float32) and scores.tolist() == [d.score for d in found]
    assert reader.resolve_internal_ids(ids) == [d.id for d in found]
    assert reader.query_internal_ids(zvec.Query("v", id="d1"), topk=1, filter="year = 5").tolist() == [5]


def test_missing_internal_ids_are_padded(reader):
    ids, scores = reader.query_internal_ids(zvec.Query("v", vector=unit(0)), topk=12, filter="year > 7", return_scores=True)
    assert (ids >= 0).sum() == 2 and (ids[2:] == -1).all() and np.isnan(scores[2:]).all() and len(ids) == 12
    assert len(reader.query_internal_ids(zvec.Query("v", vector=unit(0)), topk=100_000)) == 100_000


def test_resolving_internal_ids(reader):
    assert reader.resolve_internal_ids([0, -1, 3, 10**6, 2**40, 0]) == ["d0", None, None, None, None, "d0"]
    assert reader.resolve_internal_ids(np.array([1, 2], dtype=np.uint32)) == ["d1", "d2"]
    assert reader.resolve_internal_ids(()) == []
    for bad in (["0"], [1.0], np.array([1.0]), "01", 5, None, [True]):
        with pytest.raises(TypeError):
            reader.resolve_internal_ids(bad)
    for bad in ([-2], [2**63]):
        with pytest.raises(ValueError, match="non-negative"):
            reader.resolve_internal_ids(bad)


def test_internal_ids_need_a_read_only_open_handle_and_one_query(books, path):
    query = zvec.Query("v", vector=unit(0))
    for call in (lambda: books.query_internal_ids(query), lambda: books.resolve_internal_ids([0])):
        with pytest.raises(ValueError, match="requires a read-only collection"):
            call()
    books.close()
    with pytest.raises(ValueError, match="closed"):
        books.query_internal_ids(query)
    with zvec.open(path, zvec.CollectionOption(read_only=True)) as reader:
        for bad, error in (([query], TypeError), (None, TypeError), (zvec.Query("v"), ValueError), (zvec.Query("zz", vector=unit(0)), ValueError)):
            with pytest.raises(error):
                reader.query_internal_ids(bad)
        with pytest.raises(ValueError, match="topk"):
            reader.query_internal_ids(query, topk=0)


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_many_queries_at_once_answer_as_one_by_one(books, threads):
    fill(books)
    asked = np.eye(DIM, dtype=np.float32)
    ids, scores = books.search_arrays("v", asked, topk=3, filter="year != 4", threads=threads)
    assert scores.shape == (DIM, 3)
    for row, vector in enumerate(asked):
        found = books.query(zvec.Query("v", vector=vector), topk=3, filter="year != 4")
        assert (ids[row], scores[row].tolist()) == ([d.id for d in found], [d.score for d in found])
    for same in (asked.astype(np.float64), asked.tolist(), np.asfortranarray(asked), np.repeat(asked, 2, 0)[::2], np.eye(2 * DIM, dtype="f4")[:DIM, ::2]):
        ids, scores = books.search_arrays("v", same[:1], topk=2, filter="year = 0", threads=threads)
        assert ids == [["d0", None]] and scores[0][0] == 0.0 and np.isnan(scores[0][1])


BAD_BATCHES = [
    (np.eye(DIM)[0], {}, ValueError),
    (np.ones((2, 3)), {}, ValueError),
    (np.ones((DIM, 2)), {}, ValueError),  # as many elements as two queries have
    (np.ones((1, 1, DIM)), {}, ValueError),
    ([["a"] * DIM], {}, ValueError),
    ([[1.0, math.nan, 0, 0]], {}, ValueError),
    (5, {}, TypeError),
    (None, {}, TypeError),
    ([[1.0, 0, 0, 0]], {"topk": 0}, ValueError),
    ([[1.0, 0, 0, 0]], {"topk": True}, ValueError),
    ([[1.0, 0, 0, 0]], {"threads": -1}, ValueError),
    ([[1.0, 0, 0, 0]], {"threads": 1.0}, ValueError),
    ([[1.0, 0, 0, 0]], {"filter": "zz = 1"}, ValueError),
    ([[1.0, 0, 0, 0]], {"filter": 5}, TypeError),
    ([[1.0, 0, 0, 0]], {"param": zvec.IVFQueryParam()}, ValueError),
    ([[1.0, 0, 0, 0]], {"param": 5}, TypeError),
]


@pytest.mark.parametrize(("vectors", "more", "error"), BAD_BATCHES, ids=lambda value: str(value)[:40])
def test_a_bad_batch_of_queries_is_refused(books, vectors, more, error):
    fill(books, 3)
    with pytest.raises(error):
        books.search_arrays("v", vectors, **more)


def test_no_queries_are_no_answers(books):
    ids, scores = books.search_arrays("v", np.empty((0, DIM), np.float32))
    assert ids == [] and scores.shape == (0, 10)


def test_batches_of_every_kind_of_vector(vectors):
    vectors.insert([zvec.Doc(str(i), vectors=some_vectors(fp32=unit(i), fp16=unit(i), int8=[int(x) for x in unit(i)], sparse={i: 1.0})) for i in range(DIM)])
    for field, asked in (("fp16", np.eye(DIM, dtype=np.float16)), ("int8", np.eye(DIM, dtype=np.int8)), ("sparse", [{i: 2.0} for i in range(DIM)])):
        ids, scores = vectors.search_arrays(field, asked, topk=1)
        assert [row[0] for row in ids] == ["0", "1", "2", "3"] and (scores == (2.0 if field == "sparse" else 1.0)).all()
    for bad, error in (([[1.0, 0, 0, 0]], TypeError), ({1: 1.0}, ValueError), ([{-1: 1.0}], TypeError)):
        with pytest.raises(error):
            vectors.search_arrays("sparse", bad)


def test_a_batch_of_internal_ids(books, reader):
    asked = np.eye(DIM, dtype=np.float32)
    ids, scores = reader.search_internal_ids("v", asked, topk=12)
    assert (ids.dtype, ids.shape, scores.dtype, scores.shape) == (np.int64, (DIM, 12), np.float32, (DIM, 12))
    for row, vector in enumerate(asked):
        one, its_scores = reader.query_internal_ids(zvec.Query("v", vector=vector), topk=12, return_scores=True)
        assert ids[row].tolist() == one.tolist() and np.array_equal(scores[row], its_scores, equal_nan=True)
    assert (ids[:, 9:] == -1).all() and np.isnan(scores[:, 9:]).all()
    with pytest.raises(ValueError, match="closed"):
        books.search_internal_ids("v", asked)


def test_a_built_graph_is_used_and_finds_what_a_scan_finds(path):
    rng = np.random.default_rng(7)
    data = rng.standard_normal((4000, 32), dtype=np.float32)
    index = zvec.HnswIndexParam(M.L2)
    with zvec.create_and_open(path, zvec.CollectionSchema("c", vectors=zvec.VectorSchema("v", T.VECTOR_FP32, 32, index))) as c:
        c.upsert_arrays([str(i) for i in range(4000)], {"v": data})
        c.optimize()
        assert c.stats.index_completeness == {"v": 1.0}
        found = 0
        for vector in data[:50] + 0.01:
            exact = {d.id for d in c.query(zvec.Query("v", vector=vector, param=zvec.HnswQueryParam(is_linear=True)))}
            near = {d.id for d in c.query(zvec.Query("v", vector=vector, param=zvec.HnswQueryParam(ef=200)))}
            found += len(exact & near)
        assert found >= 0.97 * 500
        with pytest.raises(ValueError, match="ef"):
            c.query(zvec.Query("v", vector=data[0], param=zvec.HnswQueryParam(ef=10**6)))


def test_the_old_names_warn(books):
    fill(books, 1)
    with pytest.warns(DeprecationWarning, match="VectorQuery"):
        old = zvec.VectorQuery("v", vector=unit(0))
    assert old != zvec.Query("v", vector=unit(0)) and isinstance(old, zvec.Query)
    with pytest.warns(DeprecationWarning, match="vectors"):
        assert [d.id for d in books.query(vectors=old)] == ["d0"]
    with pytest.raises(ValueError, match="both"):
        books.query(old, vectors=old)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [d.id for d in books.query(old)] == ["d0"]


def test_iterators_see_the_moment_they_were_made(books):
    fill(books, 200)
    iterator = books.iter_docs(output_fields=["year"], include_vector=False)
    books.delete_by_filter("year < 100")
    books.insert(doc("late"))
    seen = list(iterator)
    assert [d.id for d in seen] == [f"d{i}" for i in range(200)] and seen[5].fields == {"year": 5} and seen[5].vectors == {}
    assert next(iterator, None) is None
    iterator.close()
    iterator.close()


@pytest.mark.parametrize("names", [["zz"], ["v"], ["year", "year"]], ids=str)
def test_an_iterator_over_unknown_vector_or_repeated_fields_is_a_value_error(books, names):
    with pytest.raises(ValueError, match="output_fields"):
        books.iter_docs(output_fields=names)


LATER = {
    "group_by_query": (zvec.Query("v", vector=unit(0)), "year"),
    "create_index": ("year", zvec.InvertIndexParam()),
    "drop_index": ("year",),
    "add_column": (zvec.FieldSchema("n", T.INT32, True),),
    "drop_column": ("year",),
    "alter_column": ("year", "jahr"),
}


@pytest.mark.parametrize("name", LATER)
def test_what_is_not_there_yet_says_so_by_name(books, name):
    with pytest.raises(NotImplementedError, match="group-by|schema changes"):
        getattr(books, name)(*LATER[name])


def test_models_and_networks_are_not_there_and_say_so():
    from cocozvec.zvec import extension

    for name in ("OpenAIDenseEmbedding", "HTTPDenseEmbedding", "DefaultLocalReRanker", "BM25EmbeddingFunction"):
        with pytest.raises(NotImplementedError, match=name):
            getattr(extension, name)()


MODELS = {
    "BM25EmbeddingFunction": "corpus encoding_type language b k1 kwargs",
    "DefaultLocalDenseEmbedding": "model_source device normalize_embeddings batch_size kwargs",
    "DefaultLocalReRanker": "query rerank_field model_name model_source device batch_size",
    "DefaultLocalSparseEmbedding": "model_source device encoding_type kwargs",
    "HTTPDenseEmbedding": "base_url model api_key timeout",
    "JinaDenseEmbedding": "model dimension api_key task kwargs",
    "JinaFunctionBase": "model api_key task",
    "OpenAIDenseEmbedding": "model dimension api_key base_url kwargs",
    "OpenAIFunctionBase": "model api_key base_url",
    "QwenDenseEmbedding": "dimension model api_key kwargs",
    "QwenFunctionBase": "model api_key",
    "QwenReRanker": "query rerank_field model api_key",
    "QwenSparseEmbedding": "dimension model api_key kwargs",
    "SentenceTransformerFunctionBase": "model_name model_source device",
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_its_signature_and_says_that_it_is_not_there(name):
    kind = getattr(zvec.extension, name)
    parameters = inspect.signature(kind).parameters
    assert list(parameters) == MODELS[name].split()
    needed = {key: "x" for key, parameter in parameters.items() if parameter.default is parameter.empty and key != "kwargs"}
    with pytest.raises(NotImplementedError, match=name):
        kind(**needed)
    if "kwargs" not in parameters:
        with pytest.raises(TypeError, match="unexpected"):
            kind(**needed, misspelt=1)


def test_the_cache_of_a_model_says_that_it_is_not_there():
    for call in ("clear_cache", "get_cache_info", "remove_from_cache"):
        with pytest.raises(NotImplementedError, match="DefaultLocalSparseEmbedding"):
            getattr(zvec.DefaultLocalSparseEmbedding, call)()


def test_every_public_name_is_there():
    for name in zvec.__all__:
        assert getattr(zvec, name) is not None
    assert len(zvec.__all__) == 65  # the peer's 64 and CollectionClosedError


def test_sub_modules_that_programs_import_from():
    import importlib

    names = {
        "model": "Collection CollectionSchema Doc FieldSchema Fts GroupResult Query VectorQuery",
        "model.param": "HnswIndexParam Query",
        "model.param.query": "Fts Query VectorQuery",
        "model.schema": "CollectionSchema CollectionStats FieldSchema VectorSchema",
        "model.doc": "Doc DocList GroupResult",
        "model.collection": "Collection DocIterator",
        "typing": "DataType IndexType MetricType QuantizeType IOBackendType StatusCode Status",
        "typing.enum": "LogLevel LogType",
        "common": "DenseVectorType SparseVectorType VectorType",
        "tool": "require_module",
        "extension": "RrfReRanker CallbackReRanker HTTPDenseEmbedding RerankFunction",
        "extension.multi_vector_reranker": "RrfReRanker WeightedReRanker CallbackReRanker",
        "extension.sentence_transformer_function": "SentenceTransformerFunctionBase",
    }
    for module, members in names.items():
        loaded = importlib.import_module(f"cocozvec.zvec.{module}")
        assert all(hasattr(loaded, member) for member in members.split())


def test_require_module():
    import json

    assert zvec.require_module("json") is json
    with pytest.raises(ImportError, match="pip install 'other'"):
        zvec.require_module("no_such_module", "other")

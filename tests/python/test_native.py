"""Native names where they differ from the peer's or go beyond them; test_beside_peer.py has what is the same."""

import subprocess
import sys

import numpy as np
import pytest
from support import DIM, M, T, doc, unit

from cocozvec import zvec
from cocozvec.zvec import _core, _zvec
from cocozvec.zvec._zvec import param, schema, typing
from cocozvec.zvec.executor import QueryContext, QueryExecutor
from cocozvec.zvec.extension import CallbackReRanker


@pytest.fixture
def native(books):
    books.insert([doc(f"d{i}", unit(i % DIM), year=i) for i in range(6)])
    return books._obj


def search(topk, vector=None):
    query = param._SearchQuery()
    query.topk, query.field_name = topk, "v"
    query.set_vector(schema._FieldSchema("v", T.VECTOR_FP32, DIM), np.array(unit(1) if vector is None else vector))
    return query


def multi(*candidates):
    query = _zvec._MultiQuery()
    subs = [param._SubQuery.from_search_query(search(n)) for n in candidates]
    query.queries = subs
    return query


def test_a_collection_may_be_made_of_its_native_object(native):
    again = zvec.Collection(native)
    assert again.schema.name == "books" and [d.id for d in again.query(topk=1)] == ["d0"] and again._obj is native


# Guards: a query with a parameter was told that there is no such field in the schema.
def test_a_vector_field_that_was_made_without_an_index_is_flat(tmp_path):
    path = str(tmp_path / "bare")
    _core.create(path, ("bare", [("v", int(T.VECTOR_FP32), False, DIM, None)]), True, False).close()
    with zvec.open(path) as opened:
        opened.insert([doc(f"d{i}", unit(i)) for i in range(3)])
        assert [d.id for d in opened.query(zvec.Query("v", vector=unit(1)), topk=1)] == ["d1"]
        with pytest.raises(ValueError, match="expected FLAT but got HNSW"):
            opened.query(zvec.Query("v", vector=unit(1), param=zvec.HnswQueryParam()))
        native = opened._obj.Schema().get_vector_field("v")
        assert native.index_param == opened.schema.vector("v").index_param == zvec.FlatIndexParam()


def test_an_executor_takes_either_object(books, native):
    executor, context = QueryExecutor(books.schema), QueryContext(2, queries=[zvec.Query("v", vector=unit(2))])
    for target in (books, native):
        assert [d.id for d in executor.execute(context, target)] == ["d2", "d0"]


def test_other_element_types_of_a_query_vector_are_converted(native):
    """The peer reads their bytes as float32."""
    assert native.Query(search(1, np.array(unit(3), np.float64)))[0][0] == "d3"


def test_nothing_wanted_is_an_empty_answer_of_an_open_collection(books, native):
    assert native.Query(search(0)) == []
    books.close()
    with pytest.raises(zvec.CollectionClosedError):
        native.Query(search(0))


def test_candidates_are_counted_per_sub_query_and_checked(native):
    assert len(native.Query(multi(1, 3))) == 3
    for bad in (0, -5):
        with pytest.raises(ValueError, match="topk"):
            native.Query(multi(1, bad))
    with pytest.raises(ValueError, match="rank_constant"):
        multi(1, 1).set_rerank_rrf(-1)


def test_a_callback_may_give_public_documents(books, native):
    queries = [zvec.Query("v", vector=unit(0)), zvec.Query("v", vector=unit(1))]
    found = books.query(queries, topk=1, reranker=CallbackReRanker(lambda results, fields, topn: [zvec.Doc("x", 1.0)]))
    assert [(d.id, d.score) for d in found] == [("x", 1.0)]
    for bad in (lambda *_: 5, lambda *_: ["d0"]):
        with pytest.raises(RuntimeError, match="rerank callback"):
            books.query(queries, reranker=CallbackReRanker(bad))


def test_a_native_document_may_be_null_in_every_kind_of_field():
    made = _zvec._Doc()
    for kind in T.__members__.values():
        if kind.name not in ("VECTOR_FP64", "VECTOR_UINT8"):
            field = schema._FieldSchema("f", kind, 4, True)
            assert made.set_any("f", field, None) and made.get_any("f", kind) is None


@pytest.mark.parametrize("kind", [T.VECTOR_FP64, T.VECTOR_UINT8, T(99), T(23 + 256), T(-1)], ids=str)
def test_a_type_that_the_database_does_not_have_is_refused(path, kind):
    """23 + 256 is VECTOR_FP32 in a byte."""
    field = schema._FieldSchema("f", kind, 4)
    with pytest.raises((TypeError, ValueError)):
        _zvec._Doc().set_any("f", field, [1.0] * 4)
    with pytest.raises((TypeError, ValueError)):
        _zvec._Collection.CreateAndOpen(path, schema._CollectionSchema("c", [field]), zvec.CollectionOption())


@pytest.mark.parametrize("index", [zvec.FlatIndexParam(M(257)), zvec.FlatIndexParam(M.L2, typing.QuantizeType(256))], ids=repr)
def test_an_unknown_number_does_not_become_a_known_one(path, index):
    with pytest.raises(ValueError):
        zvec.create_and_open(path, zvec.CollectionSchema("c", vectors=zvec.VectorSchema("v", T.VECTOR_FP32, 4, index)))


def test_the_storage_mode_of_a_graph(books, native):
    with pytest.raises(KeyError, match="year"):
        native._debug_hnsw_storage_mode("year")
    books.optimize()
    assert native._debug_hnsw_storage_mode("v") == "contiguous"


LATER = ["CreateIndex", "DropIndex", "AddColumn", "DropColumn", "AlterColumn"]


@pytest.mark.parametrize("name", LATER)
def test_what_is_not_there_yet_says_so(native, name):
    with pytest.raises(NotImplementedError, match="group-by|schema changes"):
        getattr(native, name)("year")


def test_a_group_by_search_says_that_it_is_not_there(books, native):
    query = param._GroupByVectorQuery()
    query.field_name, query.group_by_field_name = "v", "year"
    with pytest.raises(NotImplementedError, match="group-by"):
        native.GroupByQuery(query)
    with pytest.raises(TypeError, match="_GroupByVectorQuery"):
        native.GroupByQuery("year")
    books.close()
    with pytest.raises(zvec.CollectionClosedError):
        native.GroupByQuery(query)


def test_a_group_and_its_documents_cannot_be_made_by_hand():
    with pytest.raises(TypeError, match="No constructor"):
        _zvec._GroupResult()


INITIALIZE = """
from cocozvec.zvec import _zvec
import cocozvec.zvec as zvec
_zvec.Initialize({"log_type": "console", "log_level": "ERROR", "unheard": 1}, query_threads=2)
zvec.init(log_type=zvec.LogType.CONSOLE, log_level=zvec.LogLevel.ERROR, query_threads=2)
for bad, kind in (({"log_level": "ERROR"}, RuntimeError), ({"log_type": "nowhere"}, ValueError), ({"log_type": 3}, RuntimeError),
                  ({"query_threads": 0}, ValueError), ({"query_threads": "a"}, TypeError), (None, TypeError)):
    try:
        _zvec.Initialize(bad)
    except kind:
        continue
    raise AssertionError(bad)
print("as wanted")
"""


def test_settings_of_the_process_are_those_of_init():
    done = subprocess.run([sys.executable, "-I", "-c", INITIALIZE], capture_output=True, text=True, check=False)
    assert done.stdout == "as wanted\n", done.stderr


def test_full_text_says_that_it_is_not_there(native):
    query = search(1)
    query.fts = param._Fts()
    with pytest.raises(NotImplementedError, match="full-text"):
        native.Query(query)

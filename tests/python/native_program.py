"""What the native names answer, as one JSON object: name of a case -> value, or the type of the exception.

  native_program.py FOLDER      with `zvec` the drop-in or the peer's package (test_beside_peer.py compares the two)
"""

import json
import pickle
import sys

import numpy as np
import zvec
from zvec import _zvec
from zvec._zvec import param, schema, typing
from zvec.extension import CallbackReRanker
from zvec.model.convert import convert_to_cpp_doc, convert_to_py_doc

T, M = typing.DataType, typing.MetricType
out = {}


def plain(value):
    if isinstance(value, np.ndarray):
        return [str(value.dtype), value.tolist()]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in sorted(value.items(), key=str)}
    if isinstance(value, _zvec._Doc):
        return ["doc", value.pk(), round(value.score(), 6)]
    if isinstance(value, float):
        return round(value, 6)
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)


def case(name, call):
    try:
        out[name] = plain(call())
    except Exception as error:
        kinds = [kind.__name__ for kind in (AttributeError, ValueError, TypeError, KeyError, RuntimeError) if isinstance(error, kind)]
        out[name] = f"raises {kinds[-1] if kinds else type(error).__name__}"


def cases(prefix, calls):
    for name, call in calls.items():
        case(f"{prefix}: {name}", call)


n = schema._FieldSchema("n", T.INT32, 0, True, None)
s = schema._FieldSchema("s", T.STRING)
v = schema._FieldSchema("v", T.VECTOR_FP32, 4, False, param.FlatIndexParam(M.L2))
h = schema._FieldSchema("h", T.VECTOR_FP16, 2, False, param.HnswIndexParam(M.IP))
sp = schema._FieldSchema("sp", T.SPARSE_VECTOR_FP32, 0, False, param.FlatIndexParam())
books = schema._CollectionSchema("books", [n, s, v])


def restored(limit):
    made = schema._CollectionSchema.__new__(schema._CollectionSchema)
    made.__setstate__((*books.__getstate__()[:2], limit))
    return made


def schemas():
    attributes = "name data_type dimension nullable index_type is_dense_vector is_sparse_vector".split()
    for field in (n, s, v, h, sp):
        case(f"field {field.name}", lambda: [getattr(field, a) for a in attributes])
    cases(
        "field",
        {
            "index": lambda: [n.index_param, v.index_param.metric_type],
            "equal": lambda: [n == schema._FieldSchema("n", T.INT32, 0, True), n != s],
            "hash": lambda: hash(n),
            "pickle": lambda: pickle.loads(pickle.dumps(v)) == v,
            "state": lambda: n.__getstate__(),
            "type as text": lambda: schema._FieldSchema("n", "INT32"),
            "name as int": lambda: schema._FieldSchema(5, T.INT32),
            "negative dimension": lambda: schema._FieldSchema("v", T.VECTOR_FP32, -1),
            "dimension as float": lambda: schema._FieldSchema("v", T.VECTOR_FP32, 1.5),
            "index as text": lambda: schema._FieldSchema("v", T.VECTOR_FP32, 1, False, "FLAT"),
            "no setter": lambda: setattr(n, "name", "m"),
        },
    )
    cases(
        "schema",
        {
            "fields": lambda: [[f.name for f in fields()] for fields in (books.fields, books.forward_fields, books.vector_fields)],
            "get": lambda: [books.get_field("n").name, books.get_field("zz"), books.get_vector_field("n"), books.get_forward_field("v")],
            "has": lambda: [books.has_field("v"), books.has_field("zz")],
            "name": lambda: books.name,
            "limit": lambda: books.__getstate__()[2],
            "restored": lambda: [restored(1000).__getstate__()[2], restored(1000).name],
            "pickle": lambda: pickle.loads(pickle.dumps(books)) == books,
            "fields as text": lambda: schema._CollectionSchema("c", "n"),
            "name as int": lambda: schema._CollectionSchema(5, [n]),
            "of a wrapper": lambda: [f.name for f in wrapper()._get_object().fields()],
            "kept by a wrapper": lambda: wrapper()._cpp_obj.name,
            "of a field": lambda: [zvec.FieldSchema("a", T.BOOL, True)._get_object().nullable, zvec.VectorSchema("v", T.VECTOR_FP32, 4)._get_object().dimension],
            "to a wrapper": lambda: zvec.CollectionSchema._from_core(books).vector("v").dimension,
        },
    )


def wrapper():
    return zvec.CollectionSchema("c", zvec.FieldSchema("a", T.BOOL), zvec.VectorSchema("v", T.VECTOR_FP32, 4))


def document(pk, number, first=None):
    made = _zvec._Doc()
    made.set_pk(pk)
    made.set_any("n", n, number)
    made.set_any("s", s, f"text {number}")
    made.set_any("v", v, [float(number) if first is None else first, 0, 0, 0])
    return made


def documents():
    doc = document("a", 5)
    empty = _zvec._Doc()
    cases(
        "doc",
        {
            "empty": lambda: [empty.pk(), empty.score(), empty.field_names(), empty.get_all(books)],
            "set": lambda: [doc.pk(), sorted(doc.field_names()), doc.has_field("n"), doc.has_field("zz")],
            "get": lambda: [doc.get_any("n", T.INT32), doc.get_any("v", T.VECTOR_FP32), doc.get_any("zz", T.INT32)],
            "get as another type": lambda: doc.get_any("n", T.STRING),
            "all": lambda: doc.get_all(books),
            "score": lambda: [doc.set_score(2), doc.score()],
            "pickle": lambda: pickle.loads(pickle.dumps(doc)).get_all(books),
            "pk of bytes": lambda: [empty.set_pk(b"ab"), empty.pk()],
            "pk of int": lambda: empty.set_pk(5),
            "score of text": lambda: empty.set_score("x"),
            "float for an int": lambda: empty.set_any("n", n, 5.5),
            "text for a vector": lambda: empty.set_any("v", v, "abcd"),
            "null": lambda: [empty.set_any("n", n, None), empty.has_field("n"), empty.get_any("n", T.INT32), empty.get_all(books)],
            "null where none may be": lambda: empty.set_any("s", s, None),
            "array": lambda: [empty.set_any("v", v, np.arange(4, dtype=np.float32)), empty.get_any("v", T.VECTOR_FP32)],
            "sparse": lambda: [empty.set_any("sp", sp, {3: 1.0, 1: 2.0}), empty.get_any("sp", T.SPARSE_VECTOR_FP32)],
            "half": lambda: [empty.set_any("h", h, [0.1, 1]), empty.get_any("h", T.VECTOR_FP16)],
            "no field schema": lambda: empty.set_any("n", T.INT32, 1),
        },
    )


def search(topk=3, vector=(1.2, 0, 0, 0), field=v, **more):
    query = param._SearchQuery()
    query.topk, query.field_name = topk, field.name
    if vector is not None:
        query.set_vector(field, np.array(vector, np.float32))
    for name, value in more.items():
        setattr(query, name, value)
    return query


def queries():
    query = param._SearchQuery()
    cases(
        "search query",
        {
            "defaults": lambda: [query.topk, query.field_name, query.filter, query.include_vector, query.output_fields, query.query_params, query.fts],
            "no vector": lambda: query.get_vector(v),
            "no sparse vector": lambda: query.get_vector(sp),
            "list": lambda: query.set_vector(v, [1, 2, 3, 4]),
            "no field": lambda: query.set_vector("v", np.ones(4, np.float32)),
            "sparse of a list": lambda: query.set_vector(sp, [1.0, 2.0]),
            "scalar field": lambda: query.set_vector(n, np.ones(1)),
            "vector": lambda: [query.set_vector(v, np.array([1, 2, 3, 4], np.float32)), query.get_vector(v)],
            "sparse": lambda: [query.set_vector(sp, {3: 1.0, 1: 2.0}), query.get_vector(sp)],
            "topk of text": lambda: setattr(query, "topk", "3"),
            "filter of None": lambda: setattr(query, "filter", None),
            "param of int": lambda: setattr(query, "query_params", 5),
            "param": lambda: [setattr(query, "query_params", param.HnswQueryParam(ef=7)), query.query_params.ef],
            "fts": lambda: [param._Fts().query_string, param._Fts().match_string],
            "fields": lambda: [setattr(query, "output_fields", ["n"]), query.output_fields],
            "sub-query": lambda: [param._SubQuery().num_candidates, param._SubQuery.from_search_query(search(7)).num_candidates],
        },
    )


def others():
    """What no call of the wrappers needs, but programs name."""
    group, option, op = param._GroupByVectorQuery(), param.SegmentOption(), _zvec._DocOp
    names = ("field_name", "filter", "group_by_field_name", "group_count", "include_vector", "output_fields", "query_params", "topk_per_group")
    bad = {"field_name": 3, "filter": None, "group_by_field_name": None, "group_count": -1, "topk_per_group": 2**40, "output_fields": "a", "query_params": 3}
    cases("group query of wrong", {name: lambda name=name: setattr(group, name, bad[name]) for name in bad})
    cases(
        "others",
        {
            "group query": lambda: [getattr(group, name) for name in names],
            "group query, set": lambda: [setattr(group, "output_fields", ["n"]), setattr(group, "group_count", 2**32 - 1), group.output_fields, group.group_count],
            "group vector": lambda: group.set_vector(v, np.ones(4, np.float32)),
            "group vector, list": lambda: group.set_vector(v, [1.0] * 4),
            "group result": lambda: _zvec._GroupResult(),
            "group result, members": lambda: [isinstance(vars(_zvec._GroupResult)[name], property) for name in ("docs", "group_by_value")],
            "segment option": lambda: [str(option), option.read_only, option.enable_mmap, option.max_buffer_size, option.__getstate__()],
            "segment option, pickled": lambda: str(pickle.loads(pickle.dumps(option))),
            "segment option, set": lambda: setattr(option, "read_only", True),
            "segment option, given": lambda: param.SegmentOption(True),
            "operations": lambda: {name: int(member) for name, member in op.__members__.items()},
            "operation": lambda: [str(op.UPSERT), repr(op.UPSERT), op.UPSERT.name, op.UPSERT.value, repr(op(7)), op(2) == op.UPDATE, op.INSERT == 0],
            "operation of text": lambda: op("INSERT"),
            "initialize of None": lambda: _zvec.Initialize(None),
            "initialize, unknown kind of log": lambda: _zvec.Initialize({"log_type": "nowhere"}),
            "initialize, log kind of int": lambda: _zvec.Initialize({"log_type": 3}),
            "initialize, no threads": lambda: _zvec.Initialize({"query_threads": 0}),
            "initialize, threads of text": lambda: _zvec.Initialize({"query_threads": "a"}),
            "initialize, ratio": lambda: _zvec.Initialize({"invert_to_forward_scan_ratio": 2.0}),
            "initialize": lambda: _zvec.Initialize({"log_type": "CONSOLE", "log_level": "ERROR", "unheard": 1}),
        },
    )


def multi(first=None, second=None, **more):
    query = _zvec._MultiQuery()
    query.topk = 3
    subs = [search() if first is None else first, search(vector=(3.9, 0, 0, 0)) if second is None else second]
    query.queries = [param._SubQuery.from_search_query(q) for q in subs]
    for name, value in more.items():
        getattr(query, name)(value) if name.startswith("set_") else setattr(query, name, value)
    return query


def merged(results, fields, topn):
    results[1][0].set_score(9)
    return [results[1][0], results[0][1]]


def many(books):
    def few(count):
        query = _zvec._MultiQuery()
        query.queries = [param._SubQuery.from_search_query(search())] * count
        return query

    fresh = _zvec._MultiQuery()
    return {
        "defaults": lambda: [fresh.topk, fresh.filter, fresh.include_vector, fresh.output_fields, fresh.queries],
        "none": lambda: books.Query(few(0)),
        "one": lambda: books.Query(few(1)),
        "reciprocal ranks by default": lambda: books.Query(multi()),
        "reciprocal ranks": lambda: books.Query(multi(set_rerank_rrf=1)),
        "weights": lambda: books.Query(multi(set_rerank_weighted=[1, 2])),
        "too few weights": lambda: books.Query(multi(set_rerank_weighted=[1])),
        "callback": lambda: books.Query(multi(set_rerank_callback=merged)),
        "callback that fails": lambda: books.Query(multi(set_rerank_callback=lambda *_: [][0])),
        "callback that gives no list": lambda: books.Query(multi(set_rerank_callback=lambda *_: 5)),
        "filter, fields, vectors": lambda: books.Query(multi(filter="n < 3", output_fields=["s"], include_vector=True)),
        "filters of sub-queries": lambda: books.Query(multi(search(filter="n = 4"))),
        "queries are copies": lambda: [q.num_candidates for q in multi().queries],
        "queries of another type": lambda: setattr(fresh, "queries", [search()]),
    }


def collection(folder):
    path = f"{folder}/native"
    made = _zvec._Collection.CreateAndOpen(path, books, param.CollectionOption())
    cases(
        "collection",
        {
            "path": lambda: made.Path() == path,
            "options": made.Options,
            "schema": lambda: made.Schema().name,
            "stats": made.Stats,
            "insert": lambda: made.Insert([document(f"d{i}", i) for i in range(6)]),
            "insert again": lambda: [s.code() for s in made.Insert((document("d0", 0),))],
            "insert one": lambda: made.Insert(document("x", 1)),
            "insert what lacks fields": lambda: made.Insert([_zvec._Doc()]),
            "update": lambda: made.Update([document("d1", 1)]),
            "upsert": lambda: made.Upsert([document("d5", 5)]),
            "delete": lambda: [s.code() for s in made.Delete(["d5", "zz"])],
            "delete one": lambda: made.Delete("d5"),
            "delete by a filter": lambda: made.DeleteByFilter("n = 77"),
            "fetch": lambda: made.Fetch(["d1", "zz"]),
            "fetched": lambda: made.Fetch(["d1"])["d1"].get_all(books),
            "fetched fields": lambda: made.Fetch(["d1"], ["n"], False)["d1"].get_all(books),
            "fetched text": lambda: made.Fetch(["d1"])["d1"].get_any("s", T.STRING),
            "flush": made.Flush,
            "iterate": lambda: [d.get_all(books) for d in made.CreateIterator(["n"], False)],
            "optimize": lambda: made.Optimize(param.OptimizeOption()),
            "mode": lambda: made._debug_hnsw_storage_mode("zz"),
        },
    )
    cases(
        "query",
        {
            "plain": lambda: made.Query(search()),
            "fields and vectors": lambda: made.Query(search(2, include_vector=True, output_fields=["n"])),
            "no fields": lambda: made.Query(search(2, output_fields=[])),
            "filter": lambda: made.Query(search(filter="n > 2")),
            "negative topk": lambda: made.Query(search(-1)),
            "huge topk": lambda: made.Query(search(100_001)),
            "wrong dimension": lambda: made.Query(search(vector=(1, 2))),
            "no clause": lambda: made.Query(search(vector=None)),
            "what is no query": lambda: made.Query(5),
            "parameters of another index": lambda: made.Query(search(query_params=param.HnswQueryParam())),
            "internal ids of a writer": lambda: made.QueryInternalIds(search()),
        },
    )
    cases("multi", many(made))
    made.Close()
    cases("closed", {"close": made.Close, "stats": made.Stats, "path": made.Path, "insert": lambda: made.Insert([]), "query": lambda: made.Query(search())})
    reader = _zvec._Collection.Open(path, param.CollectionOption(read_only=True))
    cases(
        "reader",
        {
            "internal ids": lambda: reader.ResolveInternalIds(reader.QueryInternalIds(search(2)).tolist()),
            "with scores": lambda: reader.QueryInternalIds(search(2), True)[1],
            "missing": lambda: reader.QueryInternalIds(search(9), True)[0][5:],
            "resolved": lambda: reader.ResolveInternalIds([0, -1]),
            "resolved text": lambda: reader.ResolveInternalIds(["0"]),
            "below -1": lambda: reader.ResolveInternalIds([-2]),
            "insert": lambda: reader.Insert([document("y", 1)]),
        },
    )
    reader.Close()


def rerankers():
    def doc(pk, score):
        made = _zvec._Doc()
        made.set_pk(pk)
        made.set_score(score)
        return made

    def lists():
        return [[doc("a", 1), doc("b", 2)], [doc("b", 1)]]

    rerank = _zvec._reranker_rerank
    cases(
        "rerank",
        {
            "rrf": lambda: rerank(_zvec._RrfParams(60), lists(), [v, v], 10),
            "rrf without fields": lambda: rerank(_zvec._RrfParams(), lists(), [], 1),
            "weighted": lambda: rerank(_zvec._WeightedParams([1.0, 2.0]), lists(), [v, v], 10),
            "callback": lambda: rerank(_zvec._CallbackParams(lambda r, f, n: r[0][:n]), lists(), [v, v], 1),
            "no parameters": lambda: rerank(5, lists(), [v, v], 1),
            "nothing wanted": lambda: rerank(_zvec._RrfParams(60), lists(), [v, v], 0),
            "values": lambda: [_zvec._RrfParams(3).rank_constant, _zvec._WeightedParams([1.5]).weights],
        },
    )


def wrappers(folder):
    made = zvec.create_and_open(f"{folder}/wrapped", zvec.CollectionSchema._from_core(books))
    made.insert([zvec.Doc(f"d{i}", vectors={"v": [float(i), 0, 0, 0]}, fields={"n": i, "s": "x"}) for i in range(4)])
    seen = []

    def merge(results, fields, topn):
        seen.append([len(results), results[0][0].pk(), round(results[0][0].score(), 6), results[0][0].get_all(books), type(fields[0]).__name__, topn])
        results[0][1].set_score(7.0)
        return [results[0][1]]

    asked = [zvec.Query("v", vector=[1.0, 0, 0, 0]), zvec.Query("v", vector=[3.0, 0, 0, 0])]
    shown = made.schema
    cases(
        "wrapper",
        {
            "native object": lambda: type(made._obj).__name__,
            "native query": lambda: made._obj.Query(search(1)),
            "callback": lambda: [(d.id, d.score, d.fields) for d in made.query(asked, topk=2, reranker=CallbackReRanker(merge))],
            "callback saw": lambda: seen,
            "to native": lambda: convert_to_cpp_doc(zvec.Doc("a", 1.0, {"v": [1, 2, 3, 4]}, {"n": None}), shown).get_all(books)[0::2],
            "to native, unknown": lambda: convert_to_cpp_doc(zvec.Doc("a", None, {"v": [1, 2, 3, 4]}, {"zz": 1}), shown),
            "to native, wrong type": lambda: convert_to_cpp_doc(zvec.Doc("a", None, {"v": [1, 2, 3, 4]}, {"n": "x"}), shown),
            "from native": lambda: [convert_to_py_doc(made._obj.Fetch(["d1"])["d1"], shown).fields, convert_to_py_doc(None, shown)],
        },
    )
    made.close()


schemas()
documents()
queries()
others()
collection(sys.argv[1])
rerankers()
wrappers(sys.argv[1])
print(json.dumps(out))

"""Merging the results of several queries."""

import math

import pytest
from support import DIM, M, T, unit

from cocozvec import zvec
from cocozvec.zvec.extension import CallbackReRanker


def docs(*pairs):
    return [zvec.Doc(id, score) for id, score in pairs]


def field(metric):
    return zvec.VectorSchema("v", T.VECTOR_FP32, DIM, zvec.FlatIndexParam(metric))


def test_rrf_adds_reciprocal_ranks():
    merged = zvec.RrfReRanker().rerank([docs(("a", 1), ("b", 2)), docs(("b", 3), ("c", None))])
    assert [d.id for d in merged] == ["b", "a", "c"]
    assert [d.score for d in merged] == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62])
    assert zvec.RrfReRanker(1).rerank([docs(("a", 1))])[0].score == 0.5


GOLDEN = [(M.L2, 0.27931836, 0.82659972), (M.IP, 1.4882065, 0.81167156), (M.COSINE, 0.00250506, 0.99874747)]


@pytest.mark.parametrize(("metric", "score", "normal"), GOLDEN, ids=str)
def test_weighted_normalises_by_metric(metric, score, normal):
    merged = zvec.WeightedReRanker([2.0]).rerank([docs(("a", score))], fields=[field(metric)])
    assert merged[0].score == pytest.approx(2 * normal, abs=1e-6)


def test_weighted_normalises_full_text_scores():
    text = zvec.FieldSchema("t", T.STRING, True, zvec.FtsIndexParam())
    merged = zvec.WeightedReRanker([1.0]).rerank([docs(("a", 1.91855943))], fields=[text])
    assert merged[0].score == pytest.approx(0.69411528, abs=1e-6)


def test_a_scalar_field_without_a_score_is_refused():
    with pytest.raises(ValueError, match="year"):
        zvec.WeightedReRanker([1.0]).rerank([docs(("a", 1.0))], fields=[zvec.FieldSchema("year", T.INT32)])


BAD = [
    (lambda: zvec.RrfReRanker(-1), ValueError),
    (lambda: zvec.RrfReRanker("60"), TypeError),
    (lambda: zvec.RrfReRanker(topn=5), TypeError),
    (lambda: zvec.WeightedReRanker({"v": 1.0}), TypeError),
    (lambda: zvec.WeightedReRanker([math.nan]), TypeError),
    (lambda: zvec.WeightedReRanker([1.0]).rerank([docs(("a", 1))]), ValueError),
    (lambda: zvec.WeightedReRanker([1.0]).rerank([], fields=[]), ValueError),
    (lambda: CallbackReRanker(5), TypeError),
    (lambda: zvec.ReRanker(), TypeError),
]


@pytest.mark.parametrize(("make", "error"), BAD)
def test_bad_rerankers_are_refused(make, error):
    with pytest.raises(error):
        make()


@pytest.fixture
def two(path):
    fields = [zvec.VectorSchema(name, T.VECTOR_FP32, DIM, zvec.FlatIndexParam(M.L2)) for name in ("a", "b")]
    with zvec.create_and_open(path, zvec.CollectionSchema("two", vectors=fields)) as collection:
        collection.insert([zvec.Doc(str(i), vectors={"a": unit(i), "b": unit((i + 1) % DIM)}) for i in range(DIM)])
        yield collection


QUERIES = [zvec.Query("a", vector=unit(0)), zvec.Query("b", vector=unit(1))]


def test_several_queries_are_merged(two):
    merged = two.query(QUERIES, topk=2, reranker=zvec.RrfReRanker())
    assert merged[0].id == "0" and merged[0].score == pytest.approx(2 / 61) and len(merged) == 2
    assert two.query(QUERIES, topk=1, reranker=zvec.WeightedReRanker([1, 1]))[0].score == pytest.approx(2.0)


def test_a_function_merges(two):
    seen = []

    def merge(results, fields, topn):
        seen.append(([len(r) for r in results], [f.name for f in fields], topn))
        return results[1][:topn]

    assert [d.id for d in two.query(QUERIES, topk=1, reranker=CallbackReRanker(merge))] == ["0"]
    assert seen == [([4, 4], ["a", "b"], 1)]


def test_several_queries_need_a_reranker(two):
    with pytest.raises(ValueError, match="reranker"):
        two.query(QUERIES)
    with pytest.raises(TypeError):
        two.query(QUERIES, reranker=5)

"""Rerankers that merge by rank, by weighted score, or by a function of yours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Optional, Union

from .._core import DocBase
from .._zvec import fusion
from .._zvec.doc import _Doc
from .._zvec.rerank import _CallbackParams, _reranker_rerank
from .._zvec.schema import _FieldSchema
from ..model.doc import Doc
from ..model.schema import FieldSchema, VectorSchema
from .rerank_function import RerankFunction

__all__ = ["CallbackReRanker", "RrfReRanker", "WeightedReRanker"]

_Fields = Optional[Sequence[Union[FieldSchema, VectorSchema]]]


def _check_topn(topn: Any) -> None:
    if isinstance(topn, bool) or not isinstance(topn, int) or topn < 1:
        raise ValueError(f"topn must be a positive integer, got {topn!r}")


def _best(scores: dict[str, float], results: list[list[Doc]], topn: int) -> list[Doc]:
    """The first-seen copy of each document with its fused score, best first."""
    first: dict[str, Doc] = {}
    for docs in results:
        for doc in docs:
            first.setdefault(doc.id, doc)
    return [first[id]._replace(score=score) for id, score in fusion.best(scores, topn)]


class RrfReRanker(RerankFunction):
    """Reciprocal rank fusion: the sum of 1 / (rank_constant + rank + 1) over the lists that hold the document."""

    _merges_scores: ClassVar[bool] = True

    def __init__(self, rank_constant: int = 60) -> None:
        self._rank_constant = fusion.check_rank_constant(rank_constant)

    @property
    def rank_constant(self) -> int:
        return self._rank_constant

    def rerank(self, query_results: list[list[Doc]], topn: int = 10, *, fields: _Fields = None) -> list[Doc]:
        _check_topn(topn)
        scores = fusion.rrf([[doc.id for doc in docs] for docs in query_results], self._rank_constant)
        return _best(scores, query_results, topn)


class WeightedReRanker(RerankFunction):
    """The sum of weight * normalised score; a list without the document adds nothing."""

    _merges_scores: ClassVar[bool] = True

    def __init__(self, weights: Sequence[float]) -> None:
        self._weights = fusion.check_weights(weights)

    @property
    def weights(self) -> list[float]:
        return self._weights

    def rerank(self, query_results: list[list[Doc]], topn: int = 10, *, fields: _Fields = None) -> list[Doc]:
        if fields is None:
            raise ValueError("WeightedReRanker.rerank needs 'fields', one schema a list of results")
        _check_topn(topn)
        scored = [[(doc.id, doc.score or 0.0) for doc in docs] for docs in query_results]
        return _best(fusion.weighted(scored, self._weights, fields), query_results, topn)


class CallbackReRanker(RerankFunction):
    """`callback(results, fields, topn)` returns the merged list. Inside `query` it gets native documents (`pk()`,
    `score()`, `set_score()`, `get_all(schema)`; `id`, `fields` and `vectors` as well) and native fields."""

    _merges_scores: ClassVar[bool] = True
    _takes_native: ClassVar[bool] = True

    def __init__(self, callback: Callable[..., Sequence[Any]]) -> None:
        self._native = _CallbackParams(callback)

    def _merge_natives(self, results: list[list[_Doc]], fields: list[_FieldSchema], topn: int) -> list[DocBase]:
        return _reranker_rerank(self._native, results, fields, topn)

    def rerank(self, query_results: list[list[Doc]], topn: int = 10, *, fields: _Fields = None) -> list[Doc]:
        return list(self._native._callback(query_results, fields, topn))

"""Rerankers that merge by rank, by weighted score, or by a function of yours."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Optional, Union

from .._zvec.typing import IndexType, MetricType
from ..model.doc import Doc
from ..model.schema import FieldSchema, VectorSchema
from .rerank_function import RerankFunction

__all__ = ["CallbackReRanker", "RrfReRanker", "WeightedReRanker"]

_Fields = Optional[Sequence[Union[FieldSchema, VectorSchema]]]


def _best(scores: dict[str, float], docs: dict[str, Doc], topn: int) -> list[Doc]:
    """The first-seen copy of each document with its fused score (kept as float32), best first."""
    if isinstance(topn, bool) or not isinstance(topn, int) or topn < 1:
        raise ValueError(f"topn must be a positive integer, got {topn!r}")
    order = sorted(scores, key=lambda id: -scores[id])[:topn]
    return [docs[id]._replace(score=struct.unpack("f", struct.pack("f", scores[id]))[0]) for id in order]


class RrfReRanker(RerankFunction):
    """Reciprocal rank fusion: the sum of 1 / (rank_constant + rank + 1) over the lists that hold the document."""

    _merges_scores: ClassVar[bool] = True

    def __init__(self, rank_constant: int = 60) -> None:
        if isinstance(rank_constant, bool) or not isinstance(rank_constant, int):
            raise TypeError(f"rank_constant must be an int, got {rank_constant!r}")
        if rank_constant < 0:
            raise ValueError(f"rank_constant must not be negative, got {rank_constant}")
        self._rank_constant = rank_constant

    @property
    def rank_constant(self) -> int:
        return self._rank_constant

    def rerank(self, query_results: list[list[Doc]], topn: int = 10, *, fields: _Fields = None) -> list[Doc]:
        scores: dict[str, float] = {}
        docs: dict[str, Doc] = {}
        for results in query_results:
            for rank, doc in enumerate(results):
                docs.setdefault(doc.id, doc)
                scores[doc.id] = scores.get(doc.id, 0.0) + 1.0 / (self._rank_constant + rank + 1)
        return _best(scores, docs, topn)


def _normalise(field: Any) -> Callable[[float], float]:
    """The map of a field's scores to 0 .. 1, larger is better."""
    index = getattr(field, "index_param", None)
    if index is not None and index.type is IndexType.FTS:
        return lambda score: 2 * math.atan(score) / math.pi
    if not isinstance(field, VectorSchema):
        raise ValueError(f"weighted reranking needs vector or full-text fields, got {getattr(field, 'name', field)!r}")
    metric = getattr(index, "metric_type", MetricType.IP)
    if metric is MetricType.L2:
        return lambda score: 1 - 2 * math.atan(score) / math.pi
    if metric is MetricType.COSINE:
        return lambda score: 1 - score / 2
    return lambda score: 0.5 + math.atan(score) / math.pi


class WeightedReRanker(RerankFunction):
    """The sum of weight * normalised score; a list without the document adds nothing."""

    _merges_scores: ClassVar[bool] = True

    def __init__(self, weights: Sequence[float]) -> None:
        if isinstance(weights, (dict, str)) or not hasattr(weights, "__iter__"):
            raise TypeError(f"weights must be a list of numbers, one a query, got {weights!r}")
        for weight in weights:
            if not isinstance(weight, (int, float)) or not math.isfinite(weight):
                raise TypeError(f"weights must be finite numbers, got {weight!r}")
        self._weights = list(weights)

    @property
    def weights(self) -> list[float]:
        return self._weights

    def rerank(self, query_results: list[list[Doc]], topn: int = 10, *, fields: _Fields = None) -> list[Doc]:
        if fields is None:
            raise ValueError("WeightedReRanker.rerank needs 'fields', one schema a list of results")
        if len(self._weights) != len(query_results):
            raise ValueError(
                f"WeightedParams: weights count ({len(self._weights)}) != results count ({len(query_results)})"
            )
        if len(fields) != len(query_results):
            raise ValueError(f"fields count ({len(fields)}) != results count ({len(query_results)})")
        scores: dict[str, float] = {}
        docs: dict[str, Doc] = {}
        for results, weight, field in zip(query_results, self._weights, fields):
            normal = _normalise(field)
            for doc in results:
                docs.setdefault(doc.id, doc)
                scores[doc.id] = scores.get(doc.id, 0.0) + weight * normal(doc.score or 0.0)
        return _best(scores, docs, topn)


class CallbackReRanker(RerankFunction):
    """`callback(results, fields, topn)` returns the merged list."""

    _merges_scores: ClassVar[bool] = True

    def __init__(self, callback: Callable[..., list[Doc]]) -> None:
        if not callable(callback):
            raise TypeError(f"callback must be callable, got {callback!r}")
        self._callback = callback

    def rerank(self, query_results: list[list[Doc]], topn: int = 10, *, fields: _Fields = None) -> list[Doc]:
        return self._callback(query_results, fields, topn)

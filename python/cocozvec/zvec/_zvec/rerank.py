"""Native rerankers, and a query of several vectors that ends in one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional, Union

from .._core import DocBase
from . import fusion
from .doc import _Doc
from .param import _check_text, _SubQuery
from .schema import _FieldSchema

__all__ = ["_CallbackParams", "_MultiQuery", "_RrfParams", "_WeightedParams", "_reranker_rerank"]

_Callback = Callable[..., Sequence[Any]]  # (list of lists of _Doc, list of _FieldSchema, topn)


class _RrfParams:
    def __init__(self, rank_constant: int = 60) -> None:
        self.rank_constant = fusion.check_rank_constant(rank_constant)


class _WeightedParams:
    def __init__(self, weights: Sequence[float]) -> None:
        self.weights = fusion.check_weights(weights)


class _CallbackParams:
    def __init__(self, callback: _Callback) -> None:
        if not callable(callback):
            raise TypeError(f"callback must be callable, got {callback!r}")
        self._callback = callback


_Params = Union[_RrfParams, _WeightedParams, _CallbackParams]


def _reranker_rerank(
    params: _Params, results: Sequence[Sequence[_Doc]], fields: Sequence[_FieldSchema], topn: int
) -> list[Any]:
    """The merged list, best first; each document is the first-seen copy, its score set anew."""
    if isinstance(params, _CallbackParams):
        merged = params._callback([list(found) for found in results], list(fields), topn)
        if not isinstance(merged, (list, tuple)) or not all(isinstance(doc, DocBase) for doc in merged):
            raise RuntimeError(f"a rerank callback must return a list of the documents it was given, got {merged!r}")
        return list(merged)
    if isinstance(params, _RrfParams):
        scores = fusion.rrf([[doc.pk() for doc in found] for found in results], params.rank_constant)
    elif isinstance(params, _WeightedParams):
        scored = [[(doc.pk(), doc.score()) for doc in found] for found in results]
        scores = fusion.weighted(scored, params.weights, fields)
    else:
        raise TypeError("params must be _RrfParams, _WeightedParams, or _CallbackParams")
    first: dict[str, _Doc] = {}
    for found in results:
        for doc in found:
            first.setdefault(doc.pk(), doc)
    out = []
    for id, score in fusion.best(scores, max(topn, 0)):
        first[id].set_score(score)
        out.append(first[id])
    return out


class _MultiQuery:
    """At least two sub-queries and how their results are merged: by reciprocal ranks unless told otherwise."""

    def __init__(self) -> None:
        self.topk = 10
        self.include_vector = False
        self.output_fields: Optional[list[str]] = None
        self._filter = ""
        self._queries: list[_SubQuery] = []
        self._rerank: _Params = _RrfParams()

    @property
    def filter(self) -> str:
        return self._filter

    @filter.setter
    def filter(self, value: str) -> None:
        self._filter = _check_text("filter", value)

    @property
    def queries(self) -> list[_SubQuery]:
        return [query._copy() for query in self._queries]

    @queries.setter
    def queries(self, value: Sequence[_SubQuery]) -> None:
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, _SubQuery) for item in value):
            raise TypeError("queries: a list of _SubQuery is wanted")
        self._queries = [query._copy() for query in value]

    def set_rerank_rrf(self, rank_constant: int = 60) -> None:
        self._rerank = _RrfParams(rank_constant)

    def set_rerank_weighted(self, weights: Sequence[float]) -> None:
        self._rerank = _WeightedParams(weights)

    def set_rerank_callback(self, callback: _Callback) -> None:
        self._rerank = _CallbackParams(callback)

    def _merge(self, results: list[list[_Doc]], fields: list[Any]) -> list[Any]:
        return _reranker_rerank(self._rerank, results, fields, self.topk)

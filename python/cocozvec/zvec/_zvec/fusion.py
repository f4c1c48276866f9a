"""Merging ranked lists: the scores of the rerankers, whatever kind of document they merge."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

from .typing import IndexType, MetricType

__all__ = ["best", "check_rank_constant", "check_weights", "normal_of", "rrf", "weighted"]


def check_rank_constant(rank_constant: Any) -> int:
    if isinstance(rank_constant, (bool, float)) or not hasattr(rank_constant, "__index__"):
        raise TypeError(f"rank_constant must be an int, got {rank_constant!r}")
    number = int(rank_constant)
    if number >= 2**31:
        raise TypeError(f"rank_constant must be an int of 32 bits, got {number}")
    if number < 0:
        raise ValueError(f"rank_constant must not be negative, got {number}")
    return number


def check_weights(weights: Any) -> list[float]:
    if isinstance(weights, (dict, str)) or not hasattr(weights, "__iter__"):
        raise TypeError(f"weights must be a list of numbers, one a query, got {weights!r}")
    weights = list(weights)
    for weight in weights:
        if isinstance(weight, (str, bytes)) or not hasattr(weight, "__float__"):
            raise TypeError(f"weights must be finite numbers, got {weight!r}")
    try:
        out = [float(weight) for weight in weights]
    except OverflowError:
        out = [math.inf]
    if not all(map(math.isfinite, out)):
        raise TypeError(f"weights must be finite numbers, got {weights!r}")
    return out


def rrf(results: Sequence[Sequence[str]], rank_constant: int) -> dict[str, float]:
    """id -> sum of 1 / (rank_constant + rank + 1) over the lists that hold it."""
    scores: dict[str, float] = {}
    for ids in results:
        for rank, id in enumerate(ids):
            scores[id] = scores.get(id, 0.0) + 1.0 / (rank_constant + rank + 1)
    return scores


def weighted(
    results: Sequence[Sequence[tuple[str, float]]], weights: Sequence[float], fields: Sequence[Any]
) -> dict[str, float]:
    """id -> sum of weight * normalised score; a list without the id adds nothing. `fields`: of each list."""
    if len(weights) != len(results):
        raise ValueError(f"WeightedParams: weights count ({len(weights)}) != results count ({len(results)})")
    if len(fields) != len(results):
        raise ValueError(f"fields count ({len(fields)}) != results count ({len(results)})")
    scores: dict[str, float] = {}
    for pairs, weight, field in zip(results, weights, fields):
        normal = normal_of(field)
        for id, score in pairs:
            scores[id] = scores.get(id, 0.0) + weight * normal(score)
    return scores


def normal_of(field: Any) -> Callable[[float], float]:
    """The map of a field's scores to 0 .. 1, larger is better. `field`: a schema of either layer."""
    index = getattr(field, "index_param", None)
    if index is not None and index.type is IndexType.FTS:
        return lambda score: 2 * math.atan(score) / math.pi
    if "VECTOR" not in getattr(getattr(field, "data_type", None), "name", ""):
        raise ValueError(f"weighted reranking needs vector or full-text fields, got {getattr(field, 'name', field)!r}")
    metric = getattr(index, "metric_type", MetricType.IP)
    if metric is MetricType.L2:
        return lambda score: 1 - 2 * math.atan(score) / math.pi
    if metric is MetricType.COSINE:
        return lambda score: 1 - score / 2
    return lambda score: 0.5 + math.atan(score) / math.pi


def best(scores: dict[str, float], topn: int) -> list[tuple[str, float]]:
    """Ids and scores (kept as float32), best first, equal ones in the order of first sight."""
    order = sorted(scores, key=lambda id: -scores[id])[:topn]
    return [(id, struct.unpack("f", struct.pack("f", scores[id]))[0]) for id in order]

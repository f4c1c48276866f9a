"""What an embedding function has to offer."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

__all__ = ["DenseEmbeddingFunction", "SparseEmbeddingFunction"]


@runtime_checkable
class DenseEmbeddingFunction(Protocol):
    def embed(self, input: Any) -> list[float]: ...


@runtime_checkable
class SparseEmbeddingFunction(Protocol):
    def embed(self, input: Any) -> dict[int, float]: ...

"""Names of the peer; see _later.py."""

from __future__ import annotations

from typing import Any, Literal, Optional

from ._later import Later

__all__ = ["BM25EmbeddingFunction"]


class BM25EmbeddingFunction(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        corpus: Optional[list[str]] = None,
        encoding_type: Literal["query", "document"] = "query",
        language: Literal["zh", "en"] = "zh",
        b: float = 0.75,
        k1: float = 1.2,
        **kwargs: Any,
    ) -> None:
        self._refuse()

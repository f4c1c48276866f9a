"""Names of the peer; see _later.py."""

from __future__ import annotations

from typing import Any, Optional

from ._later import Later

__all__ = ["QwenDenseEmbedding", "QwenSparseEmbedding"]


class QwenDenseEmbedding(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        dimension: int,
        model: str = "text-embedding-v4",
        api_key: Optional[str] = None,
        **kwargs: Any,
    ) -> None:
        self._refuse()


class QwenSparseEmbedding(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        dimension: int,
        model: str = "text-embedding-v4",
        api_key: Optional[str] = None,
        **kwargs: Any,
    ) -> None:
        self._refuse()

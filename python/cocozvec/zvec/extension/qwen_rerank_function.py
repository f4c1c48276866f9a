"""Names of the peer; see _later.py."""

from __future__ import annotations

from typing import Optional

from ._later import Later

__all__ = ["QwenReRanker"]


class QwenReRanker(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        query: Optional[str] = None,
        rerank_field: Optional[str] = None,
        model: str = "gte-rerank-v2",
        api_key: Optional[str] = None,
    ) -> None:
        self._refuse()

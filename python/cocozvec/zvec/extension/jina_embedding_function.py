"""Names of the peer; see _later.py."""

from __future__ import annotations

from typing import Any, Optional

from ._later import Later

__all__ = ["JinaDenseEmbedding"]


class JinaDenseEmbedding(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        model: str = "jina-embeddings-v5-text-nano",
        dimension: Optional[int] = None,
        api_key: Optional[str] = None,
        task: Optional[str] = None,
        **kwargs: Any,
    ) -> None:
        self._refuse()

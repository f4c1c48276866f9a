"""Names of the peer; see _later.py."""

from __future__ import annotations

from typing import Optional

from ._later import Later

__all__ = ["HTTPDenseEmbedding"]


class HTTPDenseEmbedding(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        base_url: str = "http://localhost:1234",
        model: str = "text-embedding-nomic-embed-text-v1.5@f16",
        api_key: Optional[str] = None,
        timeout: int = 30,
    ) -> None:
        self._refuse()

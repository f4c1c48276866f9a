"""Names of the peer; see _later.py."""

from __future__ import annotations

from typing import Any, Optional

from ._later import Later

__all__ = ["OpenAIDenseEmbedding"]


class OpenAIDenseEmbedding(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        model: str = "text-embedding-3-small",
        dimension: Optional[int] = None,
        api_key: Optional[str] = None,
        base_url: Optional[str] = None,
        **kwargs: Any,
    ) -> None:
        self._refuse()

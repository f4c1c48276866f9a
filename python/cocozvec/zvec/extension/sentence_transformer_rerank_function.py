"""Names of the peer; see _later.py."""

from __future__ import annotations

from typing import Literal, Optional

from ._later import Later

__all__ = ["DefaultLocalReRanker"]


class DefaultLocalReRanker(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        query: Optional[str] = None,
        rerank_field: Optional[str] = None,
        model_name: str = "cross-encoder/ms-marco-MiniLM-L6-v2",
        model_source: Literal["huggingface", "modelscope"] = "huggingface",
        device: Optional[str] = None,
        batch_size: int = 32,
    ) -> None:
        self._refuse()

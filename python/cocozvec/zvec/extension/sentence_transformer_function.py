"""Names of the peer; see _later.py."""

from __future__ import annotations

from typing import Literal, Optional

from ._later import Later

__all__ = ["SentenceTransformerFunctionBase"]


class SentenceTransformerFunctionBase(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        model_name: str,
        model_source: Literal["huggingface", "modelscope"] = "huggingface",
        device: Optional[str] = None,
    ) -> None:
        self._refuse()

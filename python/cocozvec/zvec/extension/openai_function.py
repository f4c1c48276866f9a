"""Names of the peer; see _later.py."""

from __future__ import annotations

from typing import Optional

from ._later import Later

__all__ = ["OpenAIFunctionBase"]


class OpenAIFunctionBase(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        model: str,
        api_key: Optional[str] = None,
        base_url: Optional[str] = None,
    ) -> None:
        self._refuse()

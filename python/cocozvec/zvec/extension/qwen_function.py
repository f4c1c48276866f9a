"""Names of the peer; see _later.py."""

from __future__ import annotations

from typing import Optional

from ._later import Later

__all__ = ["QwenFunctionBase"]


class QwenFunctionBase(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        model: str,
        api_key: Optional[str] = None,
    ) -> None:
        self._refuse()

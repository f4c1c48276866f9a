"""Names of the peer; see _later.py."""

from ._later import Later

__all__ = ["QwenFunctionBase"]


class QwenFunctionBase(Later):
    """Raises NotImplementedError."""

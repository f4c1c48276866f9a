"""Names of the peer; see _later.py."""

from ._later import Later

__all__ = ["JinaFunctionBase"]


class JinaFunctionBase(Later):
    """Raises NotImplementedError."""

"""Names of the peer; see _later.py."""

from ._later import Later

__all__ = ["SentenceTransformerFunctionBase"]


class SentenceTransformerFunctionBase(Later):
    """Raises NotImplementedError."""

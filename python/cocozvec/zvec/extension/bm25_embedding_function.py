"""Names of the peer; see _later.py."""

from ._later import Later

__all__ = ["BM25EmbeddingFunction"]


class BM25EmbeddingFunction(Later):
    """Raises NotImplementedError."""

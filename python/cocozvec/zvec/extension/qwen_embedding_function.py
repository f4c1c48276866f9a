"""Names of the peer; see _later.py."""

from ._later import Later

__all__ = ["QwenDenseEmbedding", "QwenSparseEmbedding"]


class QwenDenseEmbedding(Later):
    """Raises NotImplementedError."""


class QwenSparseEmbedding(Later):
    """Raises NotImplementedError."""

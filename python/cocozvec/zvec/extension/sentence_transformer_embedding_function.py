"""Names of the peer; see _later.py."""

from ._later import Later

__all__ = ["DefaultLocalDenseEmbedding", "DefaultLocalSparseEmbedding"]


class DefaultLocalDenseEmbedding(Later):
    """Raises NotImplementedError."""


class DefaultLocalSparseEmbedding(Later):
    """Raises NotImplementedError."""

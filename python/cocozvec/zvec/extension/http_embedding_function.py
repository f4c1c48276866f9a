"""Names of the peer; see _later.py."""

from ._later import Later

__all__ = ["HTTPDenseEmbedding"]


class HTTPDenseEmbedding(Later):
    """Raises NotImplementedError."""

"""Names of the peer; see _later.py."""

from ._later import Later

__all__ = ["JinaDenseEmbedding"]


class JinaDenseEmbedding(Later):
    """Raises NotImplementedError."""

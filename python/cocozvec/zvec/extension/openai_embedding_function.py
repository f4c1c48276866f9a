"""Names of the peer; see _later.py."""

from ._later import Later

__all__ = ["OpenAIDenseEmbedding"]


class OpenAIDenseEmbedding(Later):
    """Raises NotImplementedError."""

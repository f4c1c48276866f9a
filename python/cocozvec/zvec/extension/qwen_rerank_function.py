"""Names of the peer; see _later.py."""

from ._later import Later

__all__ = ["QwenReRanker"]


class QwenReRanker(Later):
    """Raises NotImplementedError."""

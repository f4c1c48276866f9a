"""Names of the peer; see _later.py."""

from ._later import Later

__all__ = ["DefaultLocalReRanker"]


class DefaultLocalReRanker(Later):
    """Raises NotImplementedError."""

"""Names of the peer; see _later.py."""

from ._later import Later

__all__ = ["OpenAIFunctionBase"]


class OpenAIFunctionBase(Later):
    """Raises NotImplementedError."""

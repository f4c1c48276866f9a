"""Names of the peer; see _later.py."""

from __future__ import annotations

from typing import Any, Literal, Optional

from ._later import Later

__all__ = ["DefaultLocalDenseEmbedding", "DefaultLocalSparseEmbedding"]


class DefaultLocalDenseEmbedding(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        model_source: Literal["huggingface", "modelscope"] = "huggingface",
        device: Optional[str] = None,
        normalize_embeddings: bool = True,
        batch_size: int = 32,
        **kwargs: Any,
    ) -> None:
        self._refuse()


class DefaultLocalSparseEmbedding(Later):
    """Raises NotImplementedError."""

    def __init__(
        self,
        model_source: Literal["huggingface", "modelscope"] = "huggingface",
        device: Optional[str] = None,
        encoding_type: Literal["query", "document"] = "query",
        **kwargs: Any,
    ) -> None:
        self._refuse()

    @classmethod
    def clear_cache(cls) -> None:
        cls._refuse()

    @classmethod
    def get_cache_info(cls) -> dict[str, Any]:
        cls._refuse()

    @classmethod
    def remove_from_cache(cls, model_source: str = "huggingface", device: Optional[str] = None) -> bool:
        cls._refuse()

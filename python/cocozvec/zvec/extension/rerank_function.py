"""Base of all rerankers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Optional, Union

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._core import DocBase
    from .._zvec.doc import _Doc
    from .._zvec.schema import _FieldSchema
    from ..model.doc import Doc
    from ..model.schema import FieldSchema, VectorSchema

__all__ = ["ReRanker", "RerankFunction"]


class RerankFunction(ABC):
    """Merges the results of several queries into one list, best first."""

    # Whether `query` asks for max(topk, 10) candidates of each and passes the fields, or for topk and lists only.
    _merges_scores: ClassVar[bool] = False
    # Whether `query` hands on native documents and fields to _merge_natives, as the peer does to a callback.
    _takes_native: ClassVar[bool] = False

    def _merge_natives(self, results: list[list[_Doc]], fields: list[_FieldSchema], topn: int) -> list[DocBase]:
        raise NotImplementedError

    @abstractmethod
    def rerank(
        self,
        query_results: list[list[Doc]],
        topn: int = 10,
        *,
        fields: Optional[Sequence[Union[FieldSchema, VectorSchema]]] = None,
    ) -> list[Doc]: ...


ReRanker = RerankFunction

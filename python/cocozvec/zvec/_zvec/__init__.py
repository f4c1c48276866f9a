"""Names that programs of the peer import from its extension module (docs/python.md, 'Native names')."""

from .collection import _Collection, _DocIterator
from .doc import _Doc, _GroupResult
from .initialize import Initialize
from .rerank import _CallbackParams, _MultiQuery, _reranker_rerank, _RrfParams, _WeightedParams
from .typing import _DocOp

__all__ = [
    "Initialize",
    "_CallbackParams",
    "_Collection",
    "_Doc",
    "_DocIterator",
    "_DocOp",
    "_GroupResult",
    "_MultiQuery",
    "_RrfParams",
    "_WeightedParams",
    "_reranker_rerank",
]

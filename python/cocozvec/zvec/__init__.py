"""cocozvec.zvec: an embedded vector database with the surface of zvec 0.8. Guide: docs/python.md."""

from __future__ import annotations

import atexit as _atexit
import os as _os
from importlib.metadata import PackageNotFoundError as _NotFound
from importlib.metadata import version as _version

from . import _core
from ._core import CollectionClosedError
from .extension import (
    BM25EmbeddingFunction,
    DefaultLocalDenseEmbedding,
    DefaultLocalReRanker,
    DefaultLocalSparseEmbedding,
    DenseEmbeddingFunction,
    OpenAIDenseEmbedding,
    OpenAIFunctionBase,
    QwenDenseEmbedding,
    QwenFunctionBase,
    QwenReRanker,
    QwenSparseEmbedding,
    ReRanker,
    RrfReRanker,
    SentenceTransformerFunctionBase,
    SparseEmbeddingFunction,
    WeightedReRanker,
)
from .model.collection import Collection
from .model.doc import Doc, DocList, GroupResult
from .model.param import (
    AddColumnOption,
    AlterColumnOption,
    CollectionOption,
    DiskAnnIndexParam,
    DiskAnnQueryParam,
    FlatIndexParam,
    Fts,
    FtsIndexParam,
    FtsQueryParam,
    HnswIndexParam,
    HnswQueryParam,
    HnswRabitqIndexParam,
    HnswRabitqQueryParam,
    IndexOption,
    InvertIndexParam,
    IVFIndexParam,
    IVFQueryParam,
    IvfRabitqIndexParam,
    IvfRabitqQueryParam,
    OptimizeOption,
    QuantizerParam,
    Query,
    VamanaIndexParam,
    VamanaQueryParam,
    VectorQuery,
)
from .model.schema import CollectionSchema, CollectionStats, FieldSchema, VectorSchema
from .tool import require_module
from .typing import DataType, IndexType, IOBackendType, LogLevel, LogType, MetricType, QuantizeType, Status, StatusCode
from .zvec import create_and_open, init, io_backend_description, io_backend_type, open

try:
    __version__ = _version("cocozvec")
except _NotFound:
    __version__ = "unknown"

_atexit.register(_core.close_all)
_os.register_at_fork(after_in_child=_core.remember_main_thread)

__all__ = [
    "AddColumnOption",
    "AlterColumnOption",
    "BM25EmbeddingFunction",
    "Collection",
    "CollectionClosedError",
    "CollectionOption",
    "CollectionSchema",
    "CollectionStats",
    "DataType",
    "DefaultLocalDenseEmbedding",
    "DefaultLocalReRanker",
    "DefaultLocalSparseEmbedding",
    "DenseEmbeddingFunction",
    "DiskAnnIndexParam",
    "DiskAnnQueryParam",
    "Doc",
    "DocList",
    "FieldSchema",
    "FlatIndexParam",
    "Fts",
    "FtsIndexParam",
    "FtsQueryParam",
    "GroupResult",
    "HnswIndexParam",
    "HnswQueryParam",
    "HnswRabitqIndexParam",
    "HnswRabitqQueryParam",
    "IOBackendType",
    "IVFIndexParam",
    "IVFQueryParam",
    "IndexOption",
    "IndexType",
    "InvertIndexParam",
    "IvfRabitqIndexParam",
    "IvfRabitqQueryParam",
    "LogLevel",
    "LogType",
    "MetricType",
    "OpenAIDenseEmbedding",
    "OpenAIFunctionBase",
    "OptimizeOption",
    "QuantizeType",
    "QuantizerParam",
    "Query",
    "QwenDenseEmbedding",
    "QwenFunctionBase",
    "QwenReRanker",
    "QwenSparseEmbedding",
    "ReRanker",
    "RrfReRanker",
    "SentenceTransformerFunctionBase",
    "SparseEmbeddingFunction",
    "Status",
    "StatusCode",
    "VamanaIndexParam",
    "VamanaQueryParam",
    "VectorQuery",
    "VectorSchema",
    "WeightedReRanker",
    "create_and_open",
    "init",
    "io_backend_description",
    "io_backend_type",
    "open",
    "require_module",
]

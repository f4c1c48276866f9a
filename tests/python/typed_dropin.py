"""A program with types that was written for the package zvec: its types are those of cocozvec.zvec."""

from __future__ import annotations

from typing import assert_type

import zvec
import zvec.extension
from zvec._zvec.param import _SearchQuery
from zvec.executor import QueryContext
from zvec.model.doc import Doc
from zvec.model.param import HnswQueryParam
from zvec.model.param.query import Query
from zvec.model.schema import CollectionSchema
from zvec.typing import MetricType, Status
from zvec.typing.enum import LogLevel

from cocozvec import zvec as real

schema = CollectionSchema("c", None, zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, 4, zvec.HnswIndexParam(MetricType.L2)))


def ask(collection: zvec.Collection) -> list[Doc]:
    assert_type(collection, real.Collection)
    assert_type(collection.insert(zvec.Doc("a")), Status)
    assert_type(HnswQueryParam(ef=5).ef, int)
    assert_type(QueryContext(3).topk, int)
    assert_type(_SearchQuery().topk, int)
    assert_type(zvec.__version__, str)
    merge = zvec.extension.RrfReRanker()
    zvec.init(log_level=LogLevel.WARN)
    return collection.query([Query("v", vector=[1.0, 0.0, 0.0, 0.0]), Query("v", id="a")], reranker=merge)

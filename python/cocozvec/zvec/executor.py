"""A query and its run as two objects, for programs that build them by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Union

from ._zvec.collection import _Collection
from .extension.rerank_function import RerankFunction
from .model.collection import Collection
from .model.doc import Doc
from .model.param.query import Query
from .model.schema import CollectionSchema

__all__ = ["QueryContext", "QueryExecutor"]


class QueryContext:
    """What Collection.query takes."""

    def __init__(
        self,
        topk: int,
        filter: Optional[str] = None,
        include_vector: bool = False,
        queries: Optional[Sequence[Query]] = None,
        output_fields: Optional[Sequence[str]] = None,
        reranker: Optional[RerankFunction] = None,
    ) -> None:
        self.topk = topk
        self.filter = filter
        self.include_vector = include_vector
        self.queries = list(queries or ())
        self.output_fields = output_fields
        self.reranker = reranker


class QueryExecutor:
    def __init__(self, schema: CollectionSchema) -> None:
        self._schema = schema

    def execute(self, ctx: QueryContext, collection: Union[Collection, _Collection]) -> list[Doc]:
        """`collection`: a Collection, or the native object that it keeps in `_obj`."""
        target = Collection(collection) if isinstance(collection, _Collection) else collection
        return target.query(
            ctx.queries,
            topk=ctx.topk,
            filter=ctx.filter,
            include_vector=ctx.include_vector,
            output_fields=ctx.output_fields,
            reranker=ctx.reranker,
        )

"""An open collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Optional, Union, overload

import numpy as np
from numpy.typing import NDArray

from .._core import Handle
from .._core import Iterator as _Native
from .._zvec.collection import (
    INSERT,
    MAX_TOPK,
    UPDATE,
    UPSERT,
    _Collection,
    as_list,
    check_row_numbers,
    check_topk,
    later,
    statuses,
)
from .._zvec.doc import _Doc
from .._zvec.param import (
    AddColumnOption,
    AlterColumnOption,
    CollectionOption,
    IndexOption,
    IndexParam,
    OptimizeOption,
    QueryParam,
)
from .._zvec.schema import CollectionStats
from .._zvec.typing import Status
from ..extension.rerank_function import RerankFunction as ReRanker
from .convert import convert_to_py_doc
from .doc import Doc, GroupResult
from .param.query import Query
from .schema import CollectionSchema, FieldSchema

__all__ = ["Collection", "DocIterator"]


def _row_number(number: Any) -> int:
    if isinstance(number, (bool, float, str)) or not hasattr(number, "__index__"):
        raise TypeError(f"internal ids must be integers, got {number!r}")
    return int(number)


class DocIterator(Iterator[Doc]):
    """The documents of the moment in which it was made. Close it, use it in `with`, or read it to its end."""

    def __init__(self, core_iterator: _Native) -> None:
        self._obj: Optional[_Native] = core_iterator

    def __iter__(self) -> DocIterator:
        return self

    def __next__(self) -> Doc:
        if self._obj is None:
            raise StopIteration
        try:
            doc: Doc = self._obj.next()
        except BaseException:
            self.close()
            raise
        return doc

    def close(self) -> None:
        native, self._obj = self._obj, None
        if native is not None:
            native.close()

    def __enter__(self) -> DocIterator:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        value: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


class Collection:
    """One directory of documents. Made by create_and_open and open; safe to use from several threads."""

    def __init__(self, obj: Union[_Collection, Handle]) -> None:
        self._obj = obj if isinstance(obj, _Collection) else _Collection(obj)
        self._handle = self._obj._handle
        self._schema: Optional[CollectionSchema] = None
        self._reads_only = False  # True once it was found to be; a closed handle is found by the call itself

    # State.

    @property
    def path(self) -> str:
        return self._obj.Path()

    @property
    def option(self) -> CollectionOption:
        return self._obj.Options()

    @property
    def schema(self) -> CollectionSchema:
        if self._schema is None:
            self._schema = CollectionSchema._from_core(self._obj.Schema())
        return self._schema

    @property
    def stats(self) -> CollectionStats:
        return self._obj.Stats()

    def _check_alive(self) -> None:
        self._handle.check(False)

    def flush(self) -> None:
        """Makes all that was written so far survive a power cut, whatever the durability option."""
        self._handle.flush()

    def close(self) -> None:
        """Writes what is pending and gives the lock back. Twice is once."""
        self._handle.close()

    def destroy(self) -> None:
        """Closes the collection and deletes its directory."""
        self._handle.destroy()

    def optimize(self, option: OptimizeOption = OptimizeOption()) -> None:
        self._obj.Optimize(option)

    def __enter__(self) -> Collection:
        self._check_alive()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        value: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        # An iterator that was left behind must neither hide the body's exception nor keep the collection locked.
        if not self._handle.closed:
            self._handle.leave()

    def __reduce__(self) -> Any:
        raise TypeError("a Collection cannot be pickled: open its path in the other process")

    # Writes.

    @overload
    def insert(self, docs: Doc) -> Status: ...
    @overload
    def insert(self, docs: Iterable[Doc]) -> list[Status]: ...
    def insert(self, docs: Union[Doc, Iterable[Doc]]) -> Union[Status, list[Status]]:
        """Adds documents; one whose id exists answers ALREADY_EXISTS and the others are written. A document
        that does not fit the schema is an exception, and nothing of the call is written."""
        return self._write(INSERT, docs)

    @overload
    def upsert(self, docs: Doc) -> Status: ...
    @overload
    def upsert(self, docs: Iterable[Doc]) -> list[Status]: ...
    def upsert(self, docs: Union[Doc, Iterable[Doc]]) -> Union[Status, list[Status]]:
        """Adds documents or replaces them whole."""
        return self._write(UPSERT, docs)

    @overload
    def update(self, docs: Doc) -> Status: ...
    @overload
    def update(self, docs: Iterable[Doc]) -> list[Status]: ...
    def update(self, docs: Union[Doc, Iterable[Doc]]) -> Union[Status, list[Status]]:
        """Overwrites the fields and vectors given and keeps the rest; NOT_FOUND for an id that is not there."""
        return self._write(UPDATE, docs)

    def _write(self, kind: int, docs: Any) -> Union[Status, list[Status]]:
        if isinstance(docs, Doc):
            count, failures = self._handle.write(kind, docs, True)
            return statuses(count, failures)[0]
        if isinstance(docs, (str, bytes, dict)) or not hasattr(docs, "__iter__"):
            raise TypeError(f"docs must be a Doc or an iterable of Doc, got {type(docs).__name__}")
        count, failures = self._handle.write(kind, as_list(docs), False)
        return statuses(count, failures)

    def insert_arrays(self, ids: Sequence[str], columns: Mapping[str, Any]) -> list[Status]:
        """As insert, for a whole batch: per field an array or sequence with one value a document."""
        return self._write_arrays(INSERT, ids, columns)

    def upsert_arrays(self, ids: Sequence[str], columns: Mapping[str, Any]) -> list[Status]:
        """As upsert, for a whole batch. `columns`: field name -> for a dense vector field an array of shape
        (len(ids), dimension), copied once when its dtype is the field's; for every other field a sequence of
        len(ids) values."""
        return self._write_arrays(UPSERT, ids, columns)

    def _write_arrays(self, kind: int, ids: Any, columns: Mapping[str, Any]) -> list[Status]:
        held = {name: list(column) if hasattr(column, "__next__") else column for name, column in dict(columns).items()}
        return statuses(*self._handle.write_arrays(kind, ids if hasattr(ids, "tolist") else as_list(ids), held))

    @overload
    def delete(self, ids: str) -> Status: ...  # type: ignore[overload-overlap]
    @overload
    def delete(self, ids: Iterable[str]) -> list[Status]: ...
    def delete(self, ids: Union[str, Iterable[str]]) -> Union[Status, list[Status]]:
        """NOT_FOUND for an id that is not there."""
        single, count, failures = self._handle.delete(as_list(ids))
        out = statuses(count, failures)
        return out[0] if single else out

    def delete_by_filter(self, filter: str) -> None:
        """Deletes all that match. An empty filter, which would match everything, is a ValueError."""
        self._obj.DeleteByFilter(filter)

    # Reads.

    def fetch(
        self,
        ids: Union[str, Iterable[str]],
        *,
        output_fields: Optional[Sequence[str]] = None,
        include_vector: bool = True,
    ) -> dict[str, Doc]:
        """id -> document. Ids that are not there are left out."""
        if type(ids) is not list and type(ids) is not str:
            ids = as_list(ids)
        return self._handle.fetch(ids, output_fields, include_vector)

    def iter_docs(
        self, *, output_fields: Optional[Sequence[str]] = None, include_vector: bool = True
    ) -> DocIterator:
        """Every document, as of now, in storage order."""
        return DocIterator(self._handle.iterate(output_fields, include_vector))

    def query(
        self,
        queries: Optional[Union[Query, Sequence[Query]]] = None,
        *,
        vectors: Optional[Union[Query, Sequence[Query]]] = None,
        topk: int = 10,
        filter: Optional[str] = None,
        include_vector: bool = False,
        output_fields: Optional[Sequence[str]] = None,
        reranker: Optional[ReRanker] = None,
    ) -> list[Doc]:
        """The `topk` best of the documents that pass `filter`, best first. Without a query: documents in
        storage order. Several queries: merged by `reranker`."""
        if type(queries) is not Query or vectors is not None:
            query = self._only_query(queries, vectors)
            if isinstance(query, list):
                return self._query_many(query, topk, filter, include_vector, output_fields, reranker)
        else:
            query = queries
        if type(topk) is not int or not 0 < topk <= MAX_TOPK:
            check_topk(topk)
        if query is None:
            return self._handle.scan(topk, filter, include_vector, output_fields)
        return self._query_one(query, topk, filter, include_vector, output_fields)

    def _query_one(self, query: Query, topk: int, filter: Any, include_vector: bool, output_fields: Any) -> list[Doc]:
        if query.id is not None or query.fts is not None or query.vector is None or not query.field_name:
            query._validate()
            if query.fts is not None:
                raise later("full-text search")
            if query.id is None:
                self._obj._check_clause(query.field_name)
                return self._handle.scan(topk, filter, include_vector, output_fields)
        if query.param is None:
            ef, radius, exact = 0, 0.0, False
        else:
            ef, radius, exact = self._obj._search_options(query.field_name, query.param)
        return self._handle.query(
            query.field_name, query.vector, query.id, topk, filter, include_vector, output_fields, ef, radius, exact
        )

    def _only_query(self, queries: Any, vectors: Any) -> Union[None, Query, list[Query]]:
        """One query, None for a listing, or a list of several."""
        if vectors is not None:
            if queries is not None:
                raise ValueError("Cannot specify both 'queries' and 'vectors'.")
            import warnings

            warnings.warn("'vectors' is deprecated; use 'queries'", DeprecationWarning, stacklevel=3)
            queries = vectors
        if queries is None or isinstance(queries, Query):
            return queries
        if not isinstance(queries, (list, tuple)):
            raise TypeError(f"queries must be a Query or a list of Query, got {type(queries).__name__}")
        for item in queries:
            if not isinstance(item, Query):
                raise TypeError(f"queries must hold Query only, got {type(item).__name__}")
        if len(queries) > 1:
            return list(queries)
        return queries[0] if queries else None

    def _query_many(
        self, queries: list[Query], topk: int, filter: Any, include_vector: bool, output_fields: Any, reranker: Any
    ) -> list[Doc]:
        check_topk(topk)
        if reranker is None:
            raise ValueError(
                "A reranker is required to merge results from multiple queries; specify the 'reranker' argument."
            )
        if not isinstance(reranker, ReRanker):
            raise TypeError(f"reranker must be a ReRanker, got {type(reranker).__name__}")
        candidates = max(topk, 10) if reranker._merges_scores else topk
        found = [self._query_one(q, candidates, filter, include_vector, output_fields) for q in queries]
        if not reranker._merges_scores:
            return reranker.rerank(found, topk)
        schema = self._obj.Schema()
        if reranker._takes_native:
            natives = [[_Doc._of(doc, schema) for doc in docs] for docs in found]
            fields: list[Any] = [schema.get_field(q.field_name) for q in queries]
            return [convert_to_py_doc(doc, self.schema) for doc in reranker._merge_natives(natives, fields, topk)]
        schemas: list[Any] = [self.schema.vector(q.field_name) for q in queries]
        return reranker.rerank(found, topk, fields=schemas)

    @overload
    def query_internal_ids(
        self, query: Query, *, topk: int = 10, filter: Optional[str] = None, return_scores: Literal[False] = False
    ) -> NDArray[np.int64]: ...
    @overload
    def query_internal_ids(
        self, query: Query, *, topk: int = 10, filter: Optional[str] = None, return_scores: Literal[True]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...
    def query_internal_ids(
        self, query: Query, *, topk: int = 10, filter: Optional[str] = None, return_scores: bool = False
    ) -> Union[NDArray[np.int64], tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Numbers of the nearest rows as an array of `topk` elements, missing ones -1 (score NaN). Only on a
        read-only handle, for which the numbers do not change; resolve_internal_ids gives the ids."""
        if not self._reads_only:
            self._check_internal("query_internal_ids")
        if type(query) is not Query or query.fts is not None or query.id is not None or query.vector is None:
            self._check_internal_query(query)
        if type(topk) is not int or not 0 < topk <= MAX_TOPK:
            check_topk(topk)
        options = self._obj._search_options(query.field_name, query.param)
        return self._obj._rows(query.field_name, query.vector, query.id, topk, filter, options, return_scores)

    @staticmethod
    def _check_internal_query(query: Any) -> None:
        if not isinstance(query, Query):
            raise TypeError(f"query must be a Query, got {type(query).__name__}")
        query._validate()
        if query.fts is not None:
            raise later("full-text search")
        if query.vector is None and query.id is None:
            raise ValueError(f"Invalid query: missing query clause for field[{query.field_name}]")

    def resolve_internal_ids(self, ids: Any) -> list[Optional[str]]:
        """The id of each row number, in order; None for -1, unknown and deleted rows."""
        self._check_internal("resolve_internal_ids")
        if isinstance(ids, np.ndarray):
            if ids.dtype.kind not in "iu":
                raise TypeError(f"internal ids must be integers, got an array of {ids.dtype}")
            numbers = ids.ravel().tolist()
        elif isinstance(ids, (list, tuple)):
            numbers = [_row_number(number) for number in ids]
        else:
            raise TypeError(f"internal ids must be a list, tuple or array, got {type(ids).__name__}")
        check_row_numbers(numbers)
        return self._handle.ids_of_rows(numbers)

    def _check_internal(self, call: str) -> None:
        self._obj._check_internal(call)
        self._reads_only = True

    def search_arrays(
        self,
        field_name: str,
        vectors: Any,
        *,
        topk: int = 10,
        filter: Optional[str] = None,
        param: Optional[QueryParam] = None,
        threads: int = 0,
    ) -> tuple[list[list[Optional[str]]], NDArray[np.float32]]:
        """Many queries in one call, on one state: `vectors` of shape (queries, dimension), or a list of dicts for a
        sparse field, gives for each the ids of its nearest documents and an array of their scores (queries, topk);
        missing ones are None and NaN. `threads`: that work on it, 0 for all cores. Our addition."""
        scores = np.empty((len(vectors), self._batch_topk(topk, threads)), np.float32)
        ef, radius, exact = self._obj._search_options(field_name, param)
        ids = self._handle.query_batch(field_name, vectors, topk, filter, ef, radius, exact, threads, None, scores)
        return ids, scores

    def search_internal_ids(
        self,
        field_name: str,
        vectors: Any,
        *,
        topk: int = 10,
        filter: Optional[str] = None,
        param: Optional[QueryParam] = None,
        threads: int = 0,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As search_arrays, but numbers of rows as query_internal_ids gives them, -1 for missing ones: two arrays of
        shape (queries, topk) and nothing else. Only on a read-only handle. Our addition."""
        if not self._reads_only:
            self._check_internal("search_internal_ids")
        shape = (len(vectors), self._batch_topk(topk, threads))
        ids, scores = np.empty(shape, np.int64), np.empty(shape, np.float32)
        ef, radius, exact = self._obj._search_options(field_name, param)
        self._handle.query_batch(field_name, vectors, topk, filter, ef, radius, exact, threads, ids, scores)
        return ids, scores

    @staticmethod
    def _batch_topk(topk: Any, threads: Any) -> int:
        check_topk(topk)
        if type(threads) is not int or not 0 <= threads < 2**16:
            raise ValueError(f"threads must be 0 (all cores) or a number of threads, got {threads!r}")
        return int(topk)

    def group_by_query(
        self,
        query: Query,
        group_by_field_name: str,
        group_count: int = 2,
        topk_per_group: int = 3,
        *,
        filter: Optional[str] = None,
        include_vector: bool = False,
        output_fields: Optional[Sequence[str]] = None,
    ) -> list[GroupResult]:
        self._check_alive()
        raise later("group-by search")

    # Schema changes.

    def create_index(self, field_name: str, index_param: IndexParam, option: IndexOption = IndexOption()) -> None:
        self._obj._not_yet("create_index")

    def drop_index(self, field_name: str) -> None:
        self._obj._not_yet("drop_index")

    def add_column(
        self, field_schema: FieldSchema, expression: str = "", option: AddColumnOption = AddColumnOption()
    ) -> None:
        self._obj._not_yet("add_column")

    def drop_column(self, field_name: str) -> None:
        self._obj._not_yet("drop_column")

    def alter_column(
        self,
        old_name: str,
        new_name: Optional[str] = None,
        field_schema: Optional[FieldSchema] = None,
        option: AlterColumnOption = AlterColumnOption(),
    ) -> None:
        self._obj._not_yet("alter_column")

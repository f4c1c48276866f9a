"""The native collection: the methods that programs of the peer reach through `Collection._obj`, and the checks
that the public Collection shares with it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any, NoReturn, Optional, Union

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._core import DocBase, Handle
from .doc import _Doc, _GroupResult
from .param import CollectionOption, OptimizeOption, QueryParam, _GroupByVectorQuery, _SearchQuery
from .rerank import _MultiQuery
from .schema import CollectionStats, _CollectionSchema, _from_core, _to_core
from .typing import IndexType, Status, StatusCode

__all__ = ["_Collection", "_DocIterator"]

MAX_TOPK = 100_000
INSERT, UPSERT, UPDATE = 0, 1, 2
_OK = Status()
_LONE = (str, bytes)


def statuses(count: int, failures: Optional[list[tuple[int, int, str]]]) -> list[Status]:
    out = [_OK] * count
    for index, code, message in failures or ():
        out[index] = Status(StatusCode(code), message)
    return out


def as_list(given: Any) -> Any:
    """What an iterable gives, as a list or tuple; a text or what is none as it is. So that a generator never runs below C++:
    the interpreter's exit unwinds the stack of a daemon thread that runs Python code, and C++ on it ends the process."""
    if type(given) in (list, tuple) or isinstance(given, _LONE) or not hasattr(given, "__iter__"):
        return given
    return list(given)


def later(feature: str) -> NotImplementedError:
    return NotImplementedError(f"{feature} is not in this release of cocozvec; see docs/python.md, 'What is not there yet'")


def check_topk(topk: Any) -> None:
    if isinstance(topk, bool) or not isinstance(topk, int) or topk < 1:
        raise ValueError(f"topk must be a positive integer, got {topk!r}")
    if topk >= 2**31:
        raise TypeError(f"topk[{topk}] is no 32-bit integer")
    if topk > MAX_TOPK:
        raise ValueError(f"Invalid query: topk[{topk}] exceeds the maximum allowed value of {MAX_TOPK}")


def check_row_numbers(numbers: Sequence[int]) -> None:
    for number in numbers:
        if number < -1 or number >= 2**63:
            raise ValueError(f"resolve_internal_ids: internal ID must be non-negative or -1, got {number}")


def _listed(what: str, given: Any, kind: type) -> list[Any]:
    if isinstance(given, _LONE) or not isinstance(given, Sequence) or not all(isinstance(item, kind) for item in given):
        raise TypeError(f"{what}: incompatible function arguments: a list of {kind.__name__} is wanted, got {given!r}")
    return list(given)


def _as_tuple(doc: DocBase) -> tuple[str, float, Optional[dict[str, Any]], Optional[dict[str, Any]]]:
    score = doc.score() if isinstance(doc, _Doc) else doc.score
    return doc.id, score or 0.0, doc.fields or None, doc.vectors or None


def _absolute(path: str) -> str:
    """The program may change its directory while the collection is open. Not os.path.abspath: `..` behind a link."""
    try:
        return os.path.join(os.getcwd(), path) if path else path
    except OSError:  # the directory is gone: let the database say what it cannot do there
        return path


def _is_of_the_peer(path: str) -> bool:
    try:
        names = os.listdir(path)
    except OSError:
        return False
    return any(re.fullmatch(r"manifest\.\d+", name) for name in names) and any(
        re.fullmatch(r"idmap\.\d+", name) for name in names
    )


class _DocIterator:
    """Native documents of the moment in which it was made."""

    def __init__(self, native: _core.Iterator, schema: _CollectionSchema) -> None:
        self._native, self._schema = native, schema

    def __iter__(self) -> _DocIterator:
        return self

    def __next__(self) -> _Doc:
        return _Doc._of(self._native.next(), self._schema)

    def close(self) -> None:
        self._native.close()


class _Collection:
    """An open collection, native documents and schemas in and out."""

    __slots__ = ("_handle", "_kinds", "_path", "_schema")

    def __init__(self, handle: Handle, path: Optional[str] = None) -> None:
        self._handle = handle
        self._path = path
        self._schema: Optional[_CollectionSchema] = None
        self._kinds: Optional[dict[str, IndexType]] = None

    @staticmethod
    def CreateAndOpen(path: str, schema: _CollectionSchema, option: CollectionOption) -> _Collection:
        if not isinstance(schema, _CollectionSchema) or not isinstance(option, CollectionOption):
            raise TypeError("CreateAndOpen(): incompatible function arguments: (str, _CollectionSchema, CollectionOption)")
        relaxed = option.durability == "relaxed"
        return _Collection(_core.create(_absolute(path), _to_core(schema), option.enable_mmap, relaxed), path)

    @staticmethod
    def Open(path: str, option: CollectionOption) -> _Collection:
        if not isinstance(path, str) or not isinstance(option, CollectionOption):
            raise TypeError("Open(): incompatible function arguments: (str, CollectionOption) are wanted")
        if not path or not os.path.lexists(path):
            raise ValueError(f"collection path{{{path}}} not exist.")
        if _is_of_the_peer(path):
            raise RuntimeError(
                f"{path} is a collection in the format of the zvec package, which cocozvec does not read. Read it with "
                "that package and write it with this one: docs/python.md, 'Moving the data over'"
            )
        relaxed = option.durability == "relaxed"
        return _Collection(_core.open(_absolute(path), option.read_only, option.enable_mmap, relaxed), path)

    # State.

    def Path(self) -> str:
        """As it was given."""
        self._handle.check(False)
        return self._handle.path if self._path is None else self._path

    def Options(self) -> CollectionOption:
        read_only, enable_mmap, relaxed = self._handle.options
        return CollectionOption(read_only, enable_mmap, durability="relaxed" if relaxed else "durable")

    def Schema(self) -> _CollectionSchema:
        if self._schema is None:
            self._schema = _from_core(self._handle.schema)
        return self._schema

    def Stats(self) -> CollectionStats:
        return CollectionStats(*self._handle.stats)

    def Flush(self) -> None:
        self._handle.flush()

    def Optimize(self, option: OptimizeOption) -> None:
        if not isinstance(option, OptimizeOption):
            raise TypeError(f"option must be an OptimizeOption, got {type(option).__name__}")
        self._handle.optimize(option.concurrency)

    def Close(self) -> None:
        self._handle.close()

    def Destroy(self) -> None:
        self._handle.destroy()

    def _debug_hnsw_storage_mode(self, column_name: str) -> str:
        """Always answers "contiguous", whatever was asked for: there is no such mode here (docs/search.md, "Memory")."""
        if self._index_kinds().get(column_name) is not IndexType.HNSW or not self._handle.stats[1].get(column_name):
            raise KeyError(f"No HNSW index found for column '{column_name}'")
        return "contiguous"

    # Writes.

    def Insert(self, docs: Sequence[_Doc]) -> list[Status]:
        return statuses(*self._handle.write(INSERT, _listed("Insert()", docs, _Doc), False))

    def Upsert(self, docs: Sequence[_Doc]) -> list[Status]:
        return statuses(*self._handle.write(UPSERT, _listed("Upsert()", docs, _Doc), False))

    def Update(self, docs: Sequence[_Doc]) -> list[Status]:
        return statuses(*self._handle.write(UPDATE, _listed("Update()", docs, _Doc), False))

    def Delete(self, pks: Sequence[str]) -> list[Status]:
        _, count, failures = self._handle.delete(_listed("Delete()", pks, str))
        return statuses(count, failures)

    def DeleteByFilter(self, filter: str) -> None:
        if not isinstance(filter, str):
            raise TypeError(f"filter must be a string, got {type(filter).__name__}")
        self._handle.delete_by_filter(filter)

    # Reads.

    def Fetch(
        self, pks: Sequence[str], output_fields: Optional[Sequence[str]] = None, include_vector: bool = True
    ) -> dict[str, Optional[_Doc]]:
        """id -> document, None where there is none."""
        wanted = _listed("Fetch()", pks, str)
        found = self._handle.fetch(wanted, output_fields, include_vector)
        return {pk: _Doc._of(found[pk], self.Schema()) if pk in found else None for pk in wanted}

    def CreateIterator(
        self, output_fields: Optional[Sequence[str]] = None, include_vector: bool = True
    ) -> _DocIterator:
        return _DocIterator(self._handle.iterate(output_fields, include_vector), self.Schema())

    def Query(
        self, query: Union[_SearchQuery, _MultiQuery]
    ) -> list[tuple[str, float, Optional[dict[str, Any]], Optional[dict[str, Any]]]]:
        """(id, score, fields or None, vectors or None), best first."""
        if isinstance(query, _MultiQuery):
            return [_as_tuple(doc) for doc in self._query_many(query)]
        if not isinstance(query, _SearchQuery):
            raise TypeError(f"Query(): incompatible function arguments: {query!r} is no _SearchQuery and no _MultiQuery")
        return [_as_tuple(doc) for doc in self._query_one(query, query.topk, query)]

    def _query_one(self, query: _SearchQuery, topk: int, common: Union[_SearchQuery, _MultiQuery]) -> list[Any]:
        if topk == 0:
            self._handle.check(False)
            return []
        check_topk(topk)
        if query.fts is not None:
            raise later("full-text search")
        if query._vector is None:
            self._check_clause(query.field_name)
            return self._handle.scan(topk, common.filter, common.include_vector, common.output_fields)
        ef, radius, exact = self._search_options(query.field_name, query.query_params)
        return self._handle.query(
            query.field_name, query._vector, None, topk, common.filter, common.include_vector, common.output_fields,
            ef, radius, exact,
        )  # fmt: skip

    def _query_many(self, query: _MultiQuery) -> list[Any]:
        if len(query._queries) < 2:
            raise ValueError(f"Invalid query: MultiQuery requires at least 2 sub-queries, got {len(query._queries)}")
        check_topk(query.topk)
        schema = self.Schema()
        results = []
        for item in query._queries:
            check_topk(item.num_candidates)
            found = self._query_one(item._query, item.num_candidates, query)
            results.append([_Doc._of(doc, schema) for doc in found])
        return query._merge(results, [schema.get_field(item._query.field_name) for item in query._queries])

    def QueryInternalIds(self, query: _SearchQuery, return_scores: bool = False) -> Any:
        self._check_internal("query_internal_ids")
        check_topk(query.topk)
        if query.fts is not None:
            raise later("full-text search")
        if query._vector is None:
            raise ValueError(f"Invalid query: missing query clause for field[{query.field_name}]")
        options = self._search_options(query.field_name, query.query_params)
        return self._rows(query.field_name, query._vector, None, query.topk, query.filter, options, return_scores)

    def ResolveInternalIds(self, ids: Sequence[int]) -> list[Optional[str]]:
        self._check_internal("resolve_internal_ids")
        numbers = [int(number) for number in _listed("ResolveInternalIds()", ids, int)]
        check_row_numbers(numbers)
        return self._handle.ids_of_rows(numbers)

    # What the public Collection shares.

    def _rows(
        self, field: str, vector: Any, id: Any, topk: int, filter: Any, options: tuple[int, float, bool], scored: bool
    ) -> Union[NDArray[np.int64], tuple[NDArray[np.int64], NDArray[np.float32]]]:
        ids = np.empty(topk, np.int64)
        scores = np.empty(topk, np.float32) if scored else None
        ef, radius, exact = options
        self._handle.query_rows(field, vector, id, topk, filter, ef, radius, exact, ids, scores)
        return ids if scores is None else (ids, scores)

    def _index_kinds(self) -> dict[str, IndexType]:
        """Field name -> type of its index, vectors and indexed scalars."""
        if self._kinds is None:
            self._kinds = {field.name: field.index_type for field in self.Schema()._fields}
        return self._kinds

    def _check_clause(self, field_name: str) -> None:
        if field_name in self._index_kinds():
            raise ValueError(f"Invalid query: missing query clause for field[{field_name}]")

    def _search_options(self, field_name: str, param: Any) -> tuple[int, float, bool]:
        """(ef, radius, exact) of a parameter object that fits the field's index; ef 0: chosen from topk."""
        if param is None:
            return 0, 0.0, False
        if not isinstance(param, QueryParam):
            raise TypeError(f"Query.param must be a query parameter, got {type(param).__name__}")
        kind = (self._kinds or self._index_kinds()).get(field_name)
        wanted, ef, radius, exact = param._options
        if kind is not wanted:
            self._refuse_param(field_name, kind, param)
        return ef, radius, exact

    @staticmethod
    def _refuse_param(field_name: str, kind: Optional[IndexType], param: QueryParam) -> NoReturn:
        if kind is None or kind is IndexType.UNDEFINED:
            raise ValueError(f"Vector field '{field_name}' not found in schema")
        raise ValueError(
            "Invalid query: query params type does not match the index type of vector "
            f"field[{field_name}], expected {kind.name} but got {param._type.name}"
        )

    def _check_internal(self, call: str) -> None:
        if self._handle.closed:
            self._handle.check(False)
        if not self._handle.options[0]:
            raise ValueError(f"{call} requires a read-only collection")

    # Schema changes.

    def _not_yet(self, feature: str) -> NoReturn:
        self._handle.check(True)
        raise later(f"{feature} (schema changes)")

    def CreateIndex(self, *arguments: Any) -> None:
        self._not_yet("create_index")

    def DropIndex(self, *arguments: Any) -> None:
        self._not_yet("drop_index")

    def AddColumn(self, *arguments: Any) -> None:
        self._not_yet("add_column")

    def DropColumn(self, *arguments: Any) -> None:
        self._not_yet("drop_column")

    def AlterColumn(self, *arguments: Any) -> None:
        self._not_yet("alter_column")

    def GroupByQuery(self, query: _GroupByVectorQuery) -> list[_GroupResult]:
        if not isinstance(query, _GroupByVectorQuery):
            raise TypeError(f"GroupByQuery(): incompatible function arguments: {query!r} is no _GroupByVectorQuery")
        self._handle.check(False)
        raise later("group-by search")

"""What is asked for."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Optional

from ..._zvec.param import QueryParam
from ...common import VectorType

__all__ = ["Fts", "Query", "VectorQuery"]


@dataclass(frozen=True)
class Fts:
    """Full-text search: exactly one of the two."""

    query_string: Optional[str] = None
    match_string: Optional[str] = None


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


@dataclass(frozen=True, init=False)
class Query:
    """Neighbours of a vector, or of the vector of the stored document `id`, in one field."""

    field_name: str
    id: Optional[str] = None
    vector: Optional[VectorType] = None
    param: Optional[QueryParam] = None
    fts: Optional[Fts] = None

    # By hand: what a frozen dataclass makes costs a microsecond a query.
    def __init__(
        self,
        field_name: str,
        id: Optional[str] = None,
        vector: Optional[VectorType] = None,
        param: Optional[QueryParam] = None,
        fts: Optional[Fts] = None,
    ) -> None:
        values = self.__dict__
        values["field_name"] = field_name
        values["id"] = id
        values["vector"] = vector
        values["param"] = param
        values["fts"] = fts

    def has_id(self) -> bool:
        return self.id is not None

    def has_vector(self) -> bool:
        return self.vector is not None and len(self.vector) > 0

    def has_fts(self) -> bool:
        return self.fts is not None and (_text(self.fts.query_string) or _text(self.fts.match_string))

    def _validate(self) -> None:
        if not isinstance(self.field_name, str) or not self.field_name.strip():
            raise ValueError("Field name must be a non-empty string")
        if self.id is not None and self.vector is not None:
            raise ValueError("Cannot provide both id and vector")
        if self.fts is None:
            return
        if not isinstance(self.fts, Fts):
            raise TypeError(f"Query.fts must be an Fts, got {type(self.fts).__name__}")
        if self.id is not None or self.vector is not None:
            raise ValueError("Cannot combine fts with vector search fields (id/vector) in a single Query")
        for name in ("query_string", "match_string"):
            text: Any = getattr(self.fts, name)
            if text is not None and not isinstance(text, str):
                raise ValueError(f"Fts {name} must be a string")
        given = [_text(self.fts.query_string), _text(self.fts.match_string)]
        if all(given):
            raise ValueError("Cannot provide both query_string and match_string in Fts; choose one")
        if not any(given):
            raise ValueError("Fts requires a non-empty query_string or match_string")


class VectorQuery(Query):
    """The old name of Query."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            "VectorQuery is deprecated and will be removed in a future version. Use Query instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        super().__init__(*args, **kwargs)

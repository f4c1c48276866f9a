"""Documents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .._core import DocBase, set_doc_type

__all__ = ["Doc", "DocList", "GroupResult"]


class Doc(DocBase):
    """An id, and named values: scalars in `fields`, vectors in `vectors`. A document from the database builds
    each of them when it is first asked for."""

    __slots__ = ()

    def has_field(self, name: str) -> bool:
        return name in self.fields

    def has_vector(self, name: str) -> bool:
        return name in self.vectors

    def field(self, name: str) -> Any:
        """The value; None when there is none."""
        return self.fields.get(name)

    def vector(self, name: str) -> Any:
        """The vector as a list (sparse: a dict); None when there is none."""
        return self.vectors.get(name)

    def field_names(self) -> list[str]:
        return list(self.fields)

    def vector_names(self) -> list[str]:
        return list(self.vectors)

    def _replace(self, **changes: Any) -> Doc:
        values = {"id": self.id, "score": self.score, "vectors": self.vectors, "fields": self.fields}
        unknown = changes.keys() - values.keys()
        if unknown:
            raise ValueError(f"Doc has no {', '.join(sorted(unknown))}")
        return type(self)(**{**values, **changes})

    @classmethod
    def _from_tuple(cls, values: tuple[Any, Any, Any, Any]) -> Doc:
        id, score, fields, vectors = values
        return cls(id=id, score=score, vectors=vectors, fields=fields)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.id, self.score, self.vectors, self.fields)

    def __repr__(self) -> str:
        shown = {"id": self.id, "score": self.score, "fields": self.fields, "vectors": self.vectors}
        try:
            return json.dumps(shown, indent=2, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            return f"<Doc error during repr: {error}>"


set_doc_type(Doc)

DocList = list[Doc]


@dataclass(frozen=True)
class GroupResult:
    """One group of a group-by query."""

    group_by_value: str
    docs: list[Doc]

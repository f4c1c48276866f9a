"""A native document."""

from __future__ import annotations

from typing import Any, Optional

from .._core import DocBase, as_stored
from .schema import _CollectionSchema, _FieldSchema
from .typing import DataType

__all__ = ["_Doc", "_GroupResult"]


_SCORE: Any = vars(DocBase)["score"]  # the property that the method hides


def _restore(state: tuple[str, float, dict[str, Any], dict[str, Any], dict[str, DataType]]) -> _Doc:
    made = _Doc()
    made.id, score, made.fields, made.vectors, made._kinds = state
    made.set_score(score)
    return made


class _Doc(DocBase):
    """Values by name, each checked against a field when it is set. `score` is a method here, as the peer has it."""

    __slots__ = ("_kinds",)
    _kinds: dict[str, DataType]

    def __init__(self) -> None:
        super().__init__("", 0.0)
        self._kinds = {}

    @classmethod
    def _of(cls, doc: DocBase, schema: _CollectionSchema) -> _Doc:
        """A copy of a document from the database."""
        kinds = {field.name: field.data_type for field in schema._fields}
        return _restore((doc.id, doc.score or 0.0, doc.fields, doc.vectors, kinds))

    def pk(self) -> str:
        return self.id

    def set_pk(self, pk: str) -> None:
        if isinstance(pk, bytes):
            pk = pk.decode()
        if not isinstance(pk, str):
            raise TypeError(f"set_pk(): incompatible function arguments: a str is wanted, got {pk!r}")
        self.id = pk

    def score(self) -> float:  # type: ignore[override]
        score: float = _SCORE.__get__(self)
        return score

    def set_score(self, score: float) -> None:
        if isinstance(score, (str, bytes)) or not (hasattr(score, "__float__") or hasattr(score, "__index__")):
            raise TypeError(f"set_score(): incompatible function arguments: a number is wanted, got {score!r}")
        _SCORE.__set__(self, float(score))

    def set_any(self, name: str, field: _FieldSchema, value: Any) -> bool:
        """TypeError or ValueError when the value does not fit the field's type."""
        if not isinstance(name, str) or not isinstance(field, _FieldSchema):
            raise TypeError("set_any(): incompatible function arguments: (str, _FieldSchema, object) are wanted")
        stored = as_stored(field.name, int(field.data_type), field.nullable, value)
        (self.vectors if field._is_vector else self.fields)[name] = stored
        self._kinds[name] = field.data_type
        return True

    def get_any(self, name: str, data_type: DataType) -> Any:
        """The value; None when there is none, or one of another type."""
        if self._kinds.get(name) != data_type:
            return None
        return self.fields.get(name, self.vectors.get(name))

    def has_field(self, name: str) -> bool:
        return name in self.fields or name in self.vectors

    def field_names(self) -> list[str]:
        return [*self.fields, *self.vectors]

    def get_all(
        self, schema: _CollectionSchema
    ) -> tuple[str, float, Optional[dict[str, Any]], Optional[dict[str, Any]]]:
        """(id, score, fields, vectors) of what the schema has; None for no field and for no vector."""
        fields = {f.name: self.fields[f.name] for f in schema.forward_fields() if self.fields.get(f.name) is not None}
        vectors = {f.name: self.vectors[f.name] for f in schema.vector_fields() if self.vectors.get(f.name) is not None}
        return self.id, self.score(), fields or None, vectors or None

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, ((self.id, self.score(), self.fields, self.vectors, self._kinds),)


class _GroupResult:
    """One group of a group-by search; comes from a collection only."""

    __slots__ = ("_docs", "_group_by_value")
    _group_by_value: str
    _docs: list[_Doc]

    def __init__(self) -> None:
        raise TypeError("zvec._zvec._GroupResult: No constructor defined!")

    @property
    def group_by_value(self) -> str:
        return self._group_by_value

    @property
    def docs(self) -> list[_Doc]:
        return self._docs

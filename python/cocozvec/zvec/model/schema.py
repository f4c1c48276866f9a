"""Schemas."""

from __future__ import annotations

import json
from typing import Any, Optional, Union

import numpy as np

from .._zvec.param import FlatIndexParam, FtsIndexParam, IndexParam, InvertIndexParam, VectorIndexParam
from .._zvec.schema import _DENSE, _SPARSE, CollectionStats, _CollectionSchema, _FieldSchema
from .._zvec.typing import DataType

__all__ = ["CollectionSchema", "CollectionStats", "FieldSchema", "VectorSchema"]

_VECTOR_TYPES = (*_DENSE, *_SPARSE)
_SCALAR_TYPES = tuple(kind for kind in DataType if "VECTOR" not in kind.name)


def _check_name(what: str, name: object) -> None:
    if not isinstance(name, str):
        raise ValueError(f"{what} name must be str, got {type(name).__name__}")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"Invalid schema: {what}[{name!a}] is not valid UTF-8") from None


def _check_type(what: str, kind: object, allowed: tuple[DataType, ...]) -> None:
    if not isinstance(kind, DataType) or kind not in allowed:
        names = ", ".join(member.name for member in allowed)
        raise ValueError(f"{what} data_type must be one of {names}; got {kind!r}")


class _Schema:
    """What both kinds of fields share: read-only, equal by value, shown as JSON."""

    __slots__ = ("_data_type", "_index_param", "_name")
    _name: str
    _data_type: DataType
    _index_param: Optional[IndexParam]

    @property
    def name(self) -> str:
        return self._name

    @property
    def data_type(self) -> DataType:
        return self._data_type

    def _values(self) -> dict[str, Any]:
        raise NotImplementedError

    def _get_object(self) -> _FieldSchema:
        raise NotImplementedError

    def _json(self) -> dict[str, Any]:
        values = self._values()
        values["data_type"] = self._data_type.name
        values["index_param"] = self._index_param.to_dict() if self._index_param is not None else None
        return values

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((self._name, self._data_type))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self._values().values())

    def __repr__(self) -> str:
        return json.dumps(self._json(), indent=2, ensure_ascii=False)


class FieldSchema(_Schema):
    """A scalar field or an array of scalars."""

    __slots__ = ("_nullable",)

    def __init__(
        self,
        name: str,
        data_type: DataType,
        nullable: bool = False,
        index_param: Optional[Union[InvertIndexParam, FtsIndexParam]] = None,
    ) -> None:
        _check_name("field", name)
        _check_type("scalar field", data_type, _SCALAR_TYPES)
        if nullable is not None and not isinstance(nullable, (int, np.bool_)):
            raise TypeError(f"field[{name}]: nullable must be a bool, got {nullable!r}")
        if index_param is not None and not isinstance(index_param, IndexParam):
            raise TypeError(f"field[{name}]: index_param must be an InvertIndexParam or FtsIndexParam")
        self._name = name
        self._data_type = data_type
        self._nullable = bool(nullable)
        self._index_param = index_param

    @property
    def nullable(self) -> bool:
        return self._nullable

    @property
    def index_param(self) -> Optional[IndexParam]:
        return self._index_param

    def _get_object(self) -> _FieldSchema:
        return _FieldSchema(self._name, self._data_type, 0, self._nullable, self._index_param)

    @classmethod
    def _from_core(cls, native: _FieldSchema) -> FieldSchema:
        return cls(native.name, native.data_type, native.nullable, native.index_param)  # type: ignore[arg-type]

    def _values(self) -> dict[str, Any]:
        return {
            "name": self._name,
            "data_type": self._data_type,
            "nullable": self._nullable,
            "index_param": self._index_param,
        }


class VectorSchema(_Schema):
    """A dense or sparse vector field. Without an index parameter: flat, inner product."""

    __slots__ = ("_dimension",)

    def __init__(
        self,
        name: str,
        data_type: DataType,
        dimension: Optional[int] = 0,
        index_param: Optional[VectorIndexParam] = None,
    ) -> None:
        _check_name("vector", name)
        _check_type("vector field", data_type, _VECTOR_TYPES)
        if not isinstance(dimension, int) or dimension < 0:
            raise ValueError(f"vector[{name}]: dimension must be >= 0, got {dimension!r}")
        if dimension >= 2**32:
            raise TypeError(f"vector[{name}]: dimension {dimension} is out of range")
        if index_param is None:
            index_param = FlatIndexParam()
        if not isinstance(index_param, IndexParam):
            raise TypeError(f"vector[{name}]: index_param must be a vector index parameter, got {index_param!r}")
        self._name = name
        self._data_type = data_type
        self._dimension = int(dimension)
        self._index_param = index_param

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def index_param(self) -> IndexParam:
        assert self._index_param is not None
        return self._index_param

    def _get_object(self) -> _FieldSchema:
        return _FieldSchema(self._name, self._data_type, self._dimension, False, self._index_param)

    @classmethod
    def _from_core(cls, native: _FieldSchema) -> VectorSchema:
        return cls(native.name, native.data_type, native.dimension, native.index_param)  # type: ignore[arg-type]

    def _values(self) -> dict[str, Any]:
        return {
            "name": self._name,
            "data_type": self._data_type,
            "dimension": self._dimension,
            "index_param": self._index_param,
        }


def _as_list(given: Any, kind: type, what: str) -> list[Any]:
    if given is None:
        return []
    if isinstance(given, kind):
        return [given]
    if not isinstance(given, list):
        raise TypeError(f"{what} must be a {kind.__name__}, a list of them or None, got {type(given).__name__}")
    for item in given:
        if not isinstance(item, kind):
            raise TypeError(f"{what} must hold {kind.__name__} only, got {type(item).__name__}")
    return list(given)


class CollectionSchema:
    """A name, scalar fields and vector fields. Whatever the constructor does not check, create_and_open does."""

    __slots__ = ("_fields", "_name", "_vectors")

    def __init__(
        self,
        name: str,
        fields: Optional[Union[FieldSchema, list[FieldSchema]]] = None,
        vectors: Optional[Union[VectorSchema, list[VectorSchema]]] = None,
    ) -> None:
        _check_name("collection", name)
        self._name = name
        self._fields: list[FieldSchema] = _as_list(fields, FieldSchema, "fields")
        self._vectors: list[VectorSchema] = _as_list(vectors, VectorSchema, "vectors")
        seen: set[str] = set()
        for item in [*self._fields, *self._vectors]:
            if item.name in seen:
                raise ValueError(f"Invalid schema: duplicate field name '{item.name}'")
            seen.add(item.name)

    @property
    def name(self) -> str:
        return self._name

    @property
    def fields(self) -> list[FieldSchema]:
        return list(self._fields)

    @property
    def vectors(self) -> list[VectorSchema]:
        return list(self._vectors)

    def field(self, name: str) -> Optional[FieldSchema]:
        return next((item for item in self._fields if item.name == name), None)

    def vector(self, name: str) -> Optional[VectorSchema]:
        return next((item for item in self._vectors if item.name == name), None)

    def _get_object(self) -> _CollectionSchema:
        return _CollectionSchema(self._name, [item._get_object() for item in (*self._fields, *self._vectors)])

    @property
    def _cpp_obj(self) -> _CollectionSchema:
        return self._get_object()

    @classmethod
    def _from_core(cls, native: _CollectionSchema) -> CollectionSchema:
        fields = [FieldSchema._from_core(item) for item in native.forward_fields()]
        return cls(native.name, fields, [VectorSchema._from_core(item) for item in native.vector_fields()])

    def __reduce__(self) -> tuple[Any, ...]:
        return CollectionSchema, (self._name, self._fields, self._vectors)

    def __repr__(self) -> str:
        shown = {
            "name": self._name,
            "fields": {item.name: item._json() for item in self._fields},
            "vectors": {item.name: item._json() for item in self._vectors},
        }
        return json.dumps(shown, indent=2, ensure_ascii=False)

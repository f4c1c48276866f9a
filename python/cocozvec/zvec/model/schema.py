"""Schemas."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Optional, Union

from .._zvec import param as params
from .._zvec.param import FlatIndexParam, FtsIndexParam, IndexParam, InvertIndexParam, VectorIndexParam
from .._zvec.schema import CollectionStats
from .._zvec.typing import DataType, IndexType, MetricType, QuantizeType

__all__ = ["CollectionSchema", "CollectionStats", "FieldSchema", "VectorSchema"]

_VECTOR_TYPES = (
    DataType.VECTOR_FP16,
    DataType.VECTOR_FP32,
    DataType.VECTOR_FP64,
    DataType.VECTOR_INT8,
    DataType.SPARSE_VECTOR_FP16,
    DataType.SPARSE_VECTOR_FP32,
)
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
        if nullable is not None and not isinstance(nullable, int):
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

    def __reduce__(self) -> tuple[Any, ...]:
        return CollectionSchema, (self._name, self._fields, self._vectors)

    def __repr__(self) -> str:
        shown = {
            "name": self._name,
            "fields": {item.name: item._json() for item in self._fields},
            "vectors": {item.name: item._json() for item in self._vectors},
        }
        return json.dumps(shown, indent=2, ensure_ascii=False)


# What the database's own form of an index parameter has a place for; the rest of a vector index's parameters is
# kept with the schema as JSON, so that a reopened collection shows what it was made with.
_NATIVE = ("metric_type", "quantize_type", "m", "ef_construction")
_CLASSES: dict[IndexType, Any] = {
    kind._type: kind
    for kind in vars(params).values()
    if isinstance(kind, type) and issubclass(kind, IndexParam) and kind not in (IndexParam, VectorIndexParam)
}
_DEFAULT_GRAPH = (50, 500)  # the peer's defaults: ours choose


def _index_to_native(index: Optional[IndexParam]) -> Optional[dict[str, Any]]:
    if index is None:
        return None
    out: dict[str, Any] = {
        "type": int(index.type),
        "metric": int(getattr(index, "metric_type", MetricType.IP)),
        "quantize": int(getattr(index, "quantize_type", QuantizeType.UNDEFINED)),
        "m": 0,
        "ef_construction": 0,
        "range_optimization": getattr(index, "enable_range_optimization", False),
        "extended_wildcard": getattr(index, "enable_extended_wildcard", False),
        "tokenizer": getattr(index, "tokenizer_name", "standard"),
        "filters": getattr(index, "filters", ["lowercase"]),
        "extra_params": getattr(index, "extra_params", ""),
    }
    if not isinstance(index, VectorIndexParam):
        return out
    graph = (getattr(index, "m", 50), getattr(index, "ef_construction", 500))
    if graph != _DEFAULT_GRAPH:
        out["m"], out["ef_construction"] = graph
    extra: dict[str, Any] = {}
    for item in dataclasses.fields(index):  # type: ignore[arg-type]
        value = getattr(index, item.name)
        if item.name in _NATIVE or value == _default(item):
            continue
        extra[item.name] = value.to_dict() if hasattr(value, "to_dict") else getattr(value, "name", value)
    if extra:
        out["extra_params"] = json.dumps(extra, sort_keys=True)
    return out


def _default(item: Any) -> Any:
    return item.default if item.default is not dataclasses.MISSING else item.default_factory()


def _index_from_native(index: Optional[dict[str, Any]]) -> Optional[IndexParam]:
    if index is None:
        return None
    kind = IndexType(index["type"])
    if kind is IndexType.INVERT:
        return InvertIndexParam(index["range_optimization"], index["extended_wildcard"])
    if kind is IndexType.FTS:
        return FtsIndexParam(index["tokenizer"], index["filters"], index["extra_params"])
    made = _CLASSES[kind]
    names = {item.name for item in dataclasses.fields(made)}
    values: dict[str, Any] = {"metric_type": MetricType(index["metric"])}
    if "quantize_type" in names:
        values["quantize_type"] = QuantizeType(index["quantize"])
    if "m" in names and (index["m"], index["ef_construction"]) != (0, 0):
        values["m"], values["ef_construction"] = index["m"], index["ef_construction"]
    values.update(_extra_from_json(index["extra_params"], names))
    out: IndexParam = made(**values)
    return out


def _extra_from_json(text: str, names: set[str]) -> dict[str, Any]:
    try:
        extra = json.loads(text) if text else {}
    except ValueError:
        extra = {}  # written by a C++ program for itself
    out = {name: value for name, value in extra.items() if name in names} if isinstance(extra, dict) else {}
    if "quantizer_param" in out:
        out["quantizer_param"] = params.QuantizerParam(**out["quantizer_param"])
    if "flat_data_type" in out:
        out["flat_data_type"] = DataType[out["flat_data_type"]]
    return out


def _to_native(schema: CollectionSchema) -> tuple[str, list[tuple[Any, ...]]]:
    """The description that _core.create takes."""
    for item in schema.vectors:
        if item.data_type is DataType.VECTOR_FP64:
            raise ValueError(f"Invalid schema: field[{item.name}]: VECTOR_FP64 is not supported; use VECTOR_FP32")
        flat = getattr(item.index_param, "flat_data_type", DataType.VECTOR_FP32)
        if flat is not DataType.VECTOR_FP32:
            raise NotImplementedError(f"field[{item.name}]: flat_data_type {flat.name} (vectors stored in a smaller type)")
    fields: list[tuple[Any, ...]] = [
        (item.name, int(item.data_type), item.nullable, 0, _index_to_native(item.index_param))
        for item in schema.fields
    ]
    fields += [
        (item.name, int(item.data_type), False, item.dimension, _index_to_native(item.index_param))
        for item in schema.vectors
    ]
    return schema.name, fields


def _from_native(description: tuple[str, list[tuple[Any, ...]]]) -> CollectionSchema:
    name, items = description
    fields: list[FieldSchema] = []
    vectors: list[VectorSchema] = []
    for field_name, kind, nullable, dimension, index in items:
        param: Any = _index_from_native(index)
        data_type = DataType(kind)
        if data_type in _VECTOR_TYPES:
            vectors.append(VectorSchema(field_name, data_type, dimension, param))
        else:
            fields.append(FieldSchema(field_name, data_type, nullable, param))
    return CollectionSchema(name, fields, vectors)

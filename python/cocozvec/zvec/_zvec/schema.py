"""Native schemas, as programs of the peer reach them in its extension module, and their form in _core."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from . import param as params
from .param import FtsIndexParam, IndexParam, InvertIndexParam, VectorIndexParam, given
from .typing import DataType, IndexType, MetricType, QuantizeType

__all__ = ["CollectionStats", "_CollectionSchema", "_FieldSchema"]

_DENSE = (DataType.VECTOR_FP16, DataType.VECTOR_FP32, DataType.VECTOR_FP64, DataType.VECTOR_INT8)
_SPARSE = (DataType.SPARSE_VECTOR_FP16, DataType.SPARSE_VECTOR_FP32)
_MAX_DOCS_PER_SEGMENT = 10_000_000


@dataclass(repr=False)
class CollectionStats:
    """`index_completeness`: vector field -> share of the live documents that its index covers, 0 to 1."""

    doc_count: int = 0
    index_completeness: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        shares = ", ".join(f"{json.dumps(name)}:{share:f}" for name, share in self.index_completeness.items())
        return f'{{"doc_count":{self.doc_count}, "index_completeness":{{{shares}}}}}'


class _FieldSchema:
    """A field of either kind. Read-only; pickles as (name, data_type, dimension, nullable, index_param)."""

    __slots__ = ("_state",)
    _state: tuple[str, DataType, int, bool, Optional[IndexParam]]
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        name: str,
        data_type: DataType,
        dimension: int = 0,
        nullable: bool = False,
        index_param: Optional[IndexParam] = None,
    ) -> None:
        bad = not isinstance(name, str) or not isinstance(data_type, DataType) or not isinstance(nullable, int)
        if bad or isinstance(dimension, float) or not hasattr(dimension, "__index__") or not 0 <= dimension < 2**32:
            raise TypeError("_FieldSchema(): incompatible constructor arguments: (str, DataType, int, bool) are wanted")
        if index_param is not None and not isinstance(index_param, IndexParam):
            raise TypeError(f"_FieldSchema(): incompatible constructor arguments: {index_param!r} is no IndexParam")
        self._state = (name, data_type, int(dimension), bool(nullable), index_param)

    @property
    def name(self) -> str:
        return self._state[0]

    @property
    def data_type(self) -> DataType:
        return self._state[1]

    @property
    def dimension(self) -> int:
        return self._state[2]

    @property
    def nullable(self) -> bool:
        return self._state[3]

    @property
    def index_param(self) -> Optional[IndexParam]:
        return self._state[4]

    @property
    def index_type(self) -> IndexType:
        return IndexType.UNDEFINED if self.index_param is None else self.index_param.type

    @property
    def is_dense_vector(self) -> bool:
        return self.data_type in _DENSE

    @property
    def is_sparse_vector(self) -> bool:
        return self.data_type in _SPARSE

    @property
    def _is_vector(self) -> bool:
        return self.is_dense_vector or self.is_sparse_vector

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _FieldSchema) and self._state == other._state

    def __getstate__(self) -> tuple[str, DataType, int, bool, Optional[IndexParam]]:
        return self._state

    def __setstate__(self, state: tuple[str, DataType, int, bool, Optional[IndexParam]]) -> None:
        self.__init__(*state)  # type: ignore[misc]


class _CollectionSchema:
    """Name and fields. Pickles as (name, fields, documents a segment); the last is kept and has no effect."""

    __slots__ = ("_fields", "_limit", "_name")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str, fields: Sequence[_FieldSchema]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"_CollectionSchema(): incompatible constructor arguments: name is {name!r}")
        if not isinstance(fields, (list, tuple)) or not all(isinstance(item, _FieldSchema) for item in fields):
            raise TypeError("_CollectionSchema(): incompatible constructor arguments: a list of _FieldSchema is wanted")
        self._name = name
        self._fields = list(fields)
        self._limit = _MAX_DOCS_PER_SEGMENT

    @property
    def name(self) -> str:
        return self._name

    def fields(self) -> list[_FieldSchema]:
        return list(self._fields)

    def forward_fields(self) -> list[_FieldSchema]:
        return [item for item in self._fields if not item._is_vector]

    def vector_fields(self) -> list[_FieldSchema]:
        return [item for item in self._fields if item._is_vector]

    def get_field(self, field_name: str) -> Optional[_FieldSchema]:
        return next((item for item in self._fields if item.name == field_name), None)

    def get_forward_field(self, field_name: str) -> Optional[_FieldSchema]:
        return next((item for item in self.forward_fields() if item.name == field_name), None)

    def get_vector_field(self, field_name: str) -> Optional[_FieldSchema]:
        return next((item for item in self.vector_fields() if item.name == field_name), None)

    def has_field(self, field_name: str) -> bool:
        return self.get_field(field_name) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _CollectionSchema) and self.__getstate__() == other.__getstate__()

    def __getstate__(self) -> tuple[str, list[_FieldSchema], int]:
        return self._name, self.fields(), self._limit

    def __setstate__(self, state: tuple[str, list[_FieldSchema], int]) -> None:
        name, fields, limit = state
        self.__init__(name, fields)  # type: ignore[misc]
        self._limit = int(limit)


# What the database's own form of an index parameter has a place for; the rest of a vector index's parameters is
# kept with the schema as JSON, so that a reopened collection shows what it was made with.
_NATIVE = ("metric_type", "quantize_type", "m", "ef_construction")
_CLASSES: dict[IndexType, Any] = {
    kind._type: kind
    for kind in vars(params).values()
    if isinstance(kind, type) and issubclass(kind, IndexParam) and kind not in (IndexParam, VectorIndexParam)
}


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
    for name in ("m", "ef_construction"):
        out[name] = given(getattr(index, name, 0))
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
    values.update({name: index[name] for name in ("m", "ef_construction") if name in names and index[name] != 0})
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


def _to_core(schema: _CollectionSchema) -> tuple[str, list[tuple[Any, ...]]]:
    """The description that _core.create takes."""
    fields: list[tuple[Any, ...]] = []
    for item in schema._fields:
        if item.data_type is DataType.VECTOR_FP64:
            raise ValueError(f"Invalid schema: field[{item.name}]: VECTOR_FP64 is not supported; use VECTOR_FP32")
        flat = getattr(item.index_param, "flat_data_type", DataType.VECTOR_FP32)
        if flat is not DataType.VECTOR_FP32:
            raise NotImplementedError(f"field[{item.name}]: flat_data_type {flat.name} (vectors stored in a smaller type)")
        index = item.index_param
        if index is None and item._is_vector:
            index = params.FlatIndexParam()
        fields.append((item.name, int(item.data_type), item.nullable, item.dimension, _index_to_native(index)))
    return schema.name, fields


def _from_core(description: tuple[str, list[tuple[Any, ...]]]) -> _CollectionSchema:
    name, items = description
    fields = []
    for field_name, kind, nullable, dimension, index in items:
        field = _FieldSchema(field_name, DataType(kind), dimension, nullable, _index_from_native(index))
        if field._is_vector and field.index_param is None:  # a C++ program may leave it out: flat, inner product
            field = _FieldSchema(field_name, DataType(kind), dimension, nullable, params.FlatIndexParam())
        fields.append(field)
    return _CollectionSchema(name, fields)

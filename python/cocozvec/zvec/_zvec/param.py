"""Index and query parameters and options. Plain values: read-only, picklable; what the database does with each
parameter is told in docs/python.md."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Optional

import numpy as np

from .text import dict_names, text_of
from .typing import DataType, IndexType, MetricType, QuantizeType

__all__ = [
    "AddColumnOption",
    "AlterColumnOption",
    "CollectionOption",
    "DiskAnnIndexParam",
    "DiskAnnQueryParam",
    "FlatIndexParam",
    "FtsIndexParam",
    "FtsQueryParam",
    "HnswIndexParam",
    "HnswQueryParam",
    "HnswRabitqIndexParam",
    "HnswRabitqQueryParam",
    "IVFIndexParam",
    "IVFQueryParam",
    "IndexOption",
    "IndexParam",
    "InvertIndexParam",
    "IvfRabitqIndexParam",
    "IvfRabitqQueryParam",
    "OptimizeOption",
    "QuantizerParam",
    "QueryParam",
    "SegmentOption",
    "VamanaIndexParam",
    "VamanaQueryParam",
    "VectorIndexParam",
    "_Fts",
    "_GroupByVectorQuery",
    "_SearchQuery",
    "_SubQuery",
]

_INT32 = 2**31


class Unset(int):
    """The peer's default of a number that nobody gave: shown and compared as that, and ours choose."""

    __slots__ = ()


def given(value: int) -> int:
    """The number; 0, by which the database chooses, where nobody gave one."""
    return 0 if isinstance(value, Unset) else value


def _bad(owner: object, name: str, wanted: str, value: object) -> TypeError:
    return TypeError(
        f"{type(owner).__name__}(): incompatible constructor arguments: {name} must be {wanted}, got {value!r}"
    )


def _integer(owner: object, name: str, least: int = 0) -> None:
    """An int of 32 bits; NumPy's integers become Python's. Below `least` is a ValueError."""
    value = getattr(owner, name)
    if isinstance(value, Unset):
        return
    if isinstance(value, float) or not hasattr(value, "__index__"):
        raise _bad(owner, name, "an int", value)
    number = int(value)
    if not -_INT32 <= number < _INT32:
        raise _bad(owner, name, "an int of 32 bits", value)
    if number < least:
        raise ValueError(f"{type(owner).__name__}: {name} must be at least {least}, got {number}")
    object.__setattr__(owner, name, number)


def _real(owner: object, name: str) -> None:
    value = getattr(owner, name)
    if isinstance(value, (str, bytes)) or not (hasattr(value, "__float__") or hasattr(value, "__index__")):
        raise _bad(owner, name, "a number", value)
    try:
        number = float(value)
    except OverflowError:
        raise _bad(owner, name, "a number within the range of a float", value) from None
    if not math.isfinite(number):
        raise ValueError(f"{type(owner).__name__}: {name} must be finite, got {number}")
    object.__setattr__(owner, name, number)


def _boolean(owner: object, name: str) -> None:
    value = getattr(owner, name)
    if value is not None and not isinstance(value, (bool, int)) and type(value).__name__ not in ("bool_", "bool"):
        raise _bad(owner, name, "a bool", value)
    object.__setattr__(owner, name, bool(value))


def _member(owner: object, name: str, kind: type) -> None:
    value = getattr(owner, name)
    if not isinstance(value, kind):
        raise _bad(owner, name, f"a {kind.__name__}", value)


def _names(owner: object) -> list[str]:
    return [item.name for item in dataclasses.fields(owner)]  # type: ignore[arg-type]


@dataclass(frozen=True, repr=False)
class QuantizerParam:
    """How codes are made: `enable_rotate` asks for a random rotation before."""

    enable_rotate: bool = False

    def __post_init__(self) -> None:
        _boolean(self, "enable_rotate")

    def to_dict(self) -> dict[str, Any]:
        return {"enable_rotate": self.enable_rotate}

    def __repr__(self) -> str:
        return text_of(self, _names(self))

    __hash__ = None  # type: ignore[assignment]


class IndexParam:
    """Base of all index parameters; not to be constructed."""

    _type: ClassVar[IndexType] = IndexType.UNDEFINED
    _names_type: ClassVar[bool] = True  # whether the dictionary form begins with the type
    __hash__ = None  # type: ignore[assignment]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls in (IndexParam, VectorIndexParam):
            raise TypeError(f"{cls.__name__}: No constructor defined!")
        return object.__new__(cls)

    @property
    def type(self) -> IndexType:
        return self._type

    def clone(self) -> Any:
        return dataclasses.replace(self)  # type: ignore[type-var]

    def to_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"type": self._type.name} if self._names_type else {}
        for name in dict_names(self, _names(self)):
            value = getattr(self, name)
            if isinstance(value, QuantizerParam):
                value = value.to_dict()
            elif isinstance(value, list):
                value = list(value)
            else:
                value = getattr(value, "name", value)
            out[name] = value
        return out

    def __repr__(self) -> str:
        return text_of(self, _names(self))


class VectorIndexParam(IndexParam):
    """Base of the index parameters of vector fields; not to be constructed."""

    metric_type: MetricType

    def __post_init__(self) -> None:
        kinds: dict[str, Any] = {
            "metric_type": MetricType,
            "quantize_type": QuantizeType,
            "flat_data_type": DataType,
            "quantizer_param": QuantizerParam,
        }
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            value = item.default
            if item.name in kinds:
                _member(self, item.name, kinds[item.name])
            elif isinstance(value, bool):
                _boolean(self, item.name)
            elif isinstance(value, float):
                _real(self, item.name)
            else:
                _integer(self, item.name)


@dataclass(frozen=True, repr=False)
class FlatIndexParam(VectorIndexParam):
    _type = IndexType.FLAT
    _names_type = False
    metric_type: MetricType = MetricType.IP
    quantize_type: QuantizeType = QuantizeType.UNDEFINED
    quantizer_param: QuantizerParam = field(default_factory=QuantizerParam)
    use_contiguous_memory: bool = False
    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, repr=False)
class HnswIndexParam(VectorIndexParam):
    """`m` and `ef_construction` are taken as given, 50 and 500 too; where nothing is given, ours choose."""

    _type = IndexType.HNSW
    metric_type: MetricType = MetricType.IP
    m: int = Unset(50)
    ef_construction: int = Unset(500)
    quantize_type: QuantizeType = QuantizeType.UNDEFINED
    use_contiguous_memory: bool = False
    quantizer_param: QuantizerParam = field(default_factory=QuantizerParam)
    use_flat_contiguous_memory: bool = False
    flat_data_type: DataType = DataType.VECTOR_FP32
    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, repr=False)
class VamanaIndexParam(VectorIndexParam):
    _type = IndexType.VAMANA
    metric_type: MetricType = MetricType.IP
    max_degree: int = 64
    search_list_size: int = 100
    alpha: float = 1.2
    saturate_graph: bool = False
    use_contiguous_memory: bool = False
    use_id_map: bool = False
    quantize_type: QuantizeType = QuantizeType.UNDEFINED
    quantizer_param: QuantizerParam = field(default_factory=QuantizerParam)
    two_pass_build: bool = True
    use_flat_contiguous_memory: bool = False
    flat_data_type: DataType = DataType.VECTOR_FP32
    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, repr=False)
class HnswRabitqIndexParam(VectorIndexParam):
    _type = IndexType.HNSW_RABITQ
    metric_type: MetricType = MetricType.IP
    total_bits: int = 7
    num_clusters: int = 16
    m: int = Unset(50)
    ef_construction: int = Unset(500)
    sample_count: int = 0
    __hash__ = None  # type: ignore[assignment]

    @property
    def quantize_type(self) -> QuantizeType:
        return QuantizeType.RABITQ

    @property
    def quantizer_param(self) -> QuantizerParam:
        return QuantizerParam()


@dataclass(frozen=True, repr=False)
class IVFIndexParam(VectorIndexParam):
    _type = IndexType.IVF
    metric_type: MetricType = MetricType.IP
    n_list: int = 10
    n_iters: int = 10
    use_soar: bool = False
    quantize_type: QuantizeType = QuantizeType.UNDEFINED
    quantizer_param: QuantizerParam = field(default_factory=QuantizerParam)
    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, repr=False)
class IvfRabitqIndexParam(VectorIndexParam):
    _type = IndexType.IVF_RABITQ
    metric_type: MetricType = MetricType.IP
    nlist: int = 1024
    total_bits: int = 7
    sample_count: int = 0
    __hash__ = None  # type: ignore[assignment]

    @property
    def quantize_type(self) -> QuantizeType:
        return QuantizeType.RABITQ

    @property
    def quantizer_param(self) -> QuantizerParam:
        return QuantizerParam()


@dataclass(frozen=True, repr=False)
class DiskAnnIndexParam(VectorIndexParam):
    _type = IndexType.DISKANN
    metric_type: MetricType = MetricType.IP
    max_degree: int = 100
    list_size: int = 50
    pq_chunk_num: int = 0
    quantize_type: QuantizeType = QuantizeType.UNDEFINED
    quantizer_param: QuantizerParam = field(default_factory=QuantizerParam)
    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, repr=False)
class InvertIndexParam(IndexParam):
    _type = IndexType.INVERT
    _names_type = False
    enable_range_optimization: bool = False
    enable_extended_wildcard: bool = False
    __hash__ = None

    def __post_init__(self) -> None:
        _boolean(self, "enable_range_optimization")
        _boolean(self, "enable_extended_wildcard")


@dataclass(frozen=True, repr=False)
class FtsIndexParam(IndexParam):
    _type = IndexType.FTS
    tokenizer_name: str = "standard"
    filters: list[str] = field(default_factory=lambda: ["lowercase"])
    extra_params: str = ""
    __hash__ = None

    def __post_init__(self) -> None:
        for name in ("tokenizer_name", "extra_params"):
            _member(self, name, str)
        given: object = self.filters
        if not isinstance(given, (list, tuple)) or not all(isinstance(item, str) for item in given):
            raise _bad(self, "filters", "a list of str", given)
        object.__setattr__(self, "filters", list(given))


class QueryParam:
    """Base of all query parameters; not to be constructed."""

    _type: ClassVar[IndexType] = IndexType.UNDEFINED

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is QueryParam:
            raise TypeError("QueryParam: No constructor defined!")
        return object.__new__(cls)

    @property
    def type(self) -> IndexType:
        return self._type

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            if isinstance(item.default, bool):
                _boolean(self, item.name)
            elif isinstance(item.default, float):
                _real(self, item.name)
            elif isinstance(item.default, int):
                _integer(self, item.name, 1)
        if getattr(self, "scale_factor", 0.0) < 0:
            raise ValueError(f"{type(self).__name__}: scale_factor must not be negative")
        self._remember()

    # (index type, ef or 0 for "choose", radius, exact): what a query needs, found once.
    _options: ClassVar[Any]

    def _remember(self) -> None:
        values: Any = self
        options = (self._type, given(getattr(self, "ef", 0)), values.radius, values.is_linear)
        object.__setattr__(self, "_options", options)

    def __repr__(self) -> str:
        return text_of(self, _names(self))


def _extra(owner: object, given: object, key: str, default: int) -> int:
    value = given.get(key, default) if isinstance(given, dict) else default
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RuntimeError(f"{type(owner).__name__}: Unable to cast extra_params[{key!r}] = {value!r}")
    return value


class _GraphQueryParam(QueryParam):
    extra_params: dict[str, Any]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.extra_params, dict):
            raise _bad(self, "extra_params", "a dict", self.extra_params)
        _ = self.prefetch_offset, self.prefetch_lines

    @property
    def prefetch_offset(self) -> int:
        return _extra(self, self.extra_params, "prefetch_offset", 8)

    @property
    def prefetch_lines(self) -> int:
        return _extra(self, self.extra_params, "prefetch_lines", 0)


@dataclass(frozen=True, eq=False, repr=False)
class HnswQueryParam(_GraphQueryParam):
    """`ef` is taken as given, 300 too; where nothing is given, ours choose from `topk`."""

    _type = IndexType.HNSW
    ef: int = Unset(300)
    radius: float = 0.0
    is_linear: bool = False
    is_using_refiner: bool = False
    extra_params: dict[str, Any] = field(default_factory=dict)
    scale_factor: float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class VamanaQueryParam(_GraphQueryParam):
    _type = IndexType.VAMANA
    ef_search: int = 200
    radius: float = 0.0
    is_linear: bool = False
    is_using_refiner: bool = False
    extra_params: dict[str, Any] = field(default_factory=dict)
    scale_factor: float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class HnswRabitqQueryParam(QueryParam):
    _type = IndexType.HNSW_RABITQ
    ef: int = Unset(300)
    radius: float = 0.0
    is_linear: bool = False
    is_using_refiner: bool = False
    scale_factor: float = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class IVFQueryParam(QueryParam):
    _type = IndexType.IVF
    nprobe: int = 10
    is_using_refiner: bool = False
    scale_factor: float = 10.0
    radius = 0.0
    is_linear = False


@dataclass(frozen=True, eq=False, repr=False)
class IvfRabitqQueryParam(QueryParam):
    _type = IndexType.IVF_RABITQ
    nprobe: int = 10
    radius: float = 0.0
    is_linear: bool = False
    is_using_refiner: bool = False
    scale_factor: float = 10.0


@dataclass(frozen=True, eq=False, repr=False)
class DiskAnnQueryParam(QueryParam):
    _type = IndexType.DISKANN
    list_size: int = 300
    radius = 0.0
    is_linear = False
    is_using_refiner = False
    scale_factor = 0.0


@dataclass(frozen=True, eq=False, repr=False)
class FtsQueryParam(QueryParam):
    _type = IndexType.FTS
    default_operator: str = ""
    radius = 0.0
    is_linear = False
    is_using_refiner = False
    scale_factor = 0.0

    def __post_init__(self) -> None:
        _member(self, "default_operator", str)
        if self.default_operator.upper() not in ("", "AND", "OR"):
            raise ValueError(f"FtsQueryParam: default_operator must be '', 'AND' or 'OR', got {self.default_operator!r}")
        self._remember()


@dataclass(frozen=True, eq=False, repr=False)
class CollectionOption:
    """How a collection is opened. `durability` is ours: "durable" (a write that returned survives a power cut)
    or "relaxed" (it survives the death of the process only, as in the peer)."""

    read_only: bool = False
    enable_mmap: bool = True
    durability: str = field(default="durable", kw_only=True)

    def __post_init__(self) -> None:
        _boolean(self, "read_only")
        _boolean(self, "enable_mmap")
        if self.durability not in ("durable", "relaxed"):
            raise ValueError(f"CollectionOption: durability must be 'durable' or 'relaxed', got {self.durability!r}")

    def __repr__(self) -> str:
        return f'{{"enable_mmap":{int(self.enable_mmap)}, "read_only":{int(self.read_only)}}}'


class SegmentOption:
    """How one segment is read. Segments follow the options of their collection: these are defaults to look at."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values = (False, False, 64 << 20)

    @property
    def read_only(self) -> bool:
        return self._values[0]

    @property
    def enable_mmap(self) -> bool:
        return self._values[1]

    @property
    def max_buffer_size(self) -> int:
        return self._values[2]

    def __getstate__(self) -> tuple[bool, bool, int]:
        return self._values

    def __setstate__(self, state: tuple[bool, bool, int]) -> None:
        if not isinstance(state, tuple) or len(state) != 3:
            raise RuntimeError("Invalid state for SegmentOption pickle!")
        self._values = state

    def __repr__(self) -> str:
        read_only, enable_mmap, size = self._values
        return f'{{"enable_mmap":{int(enable_mmap)}, "read_only":{int(read_only)}, "max_buffer_size":{size}}}'


@dataclass(frozen=True, eq=False)
class _ConcurrencyOption:
    concurrency: int = 0

    def __post_init__(self) -> None:
        _integer(self, "concurrency")


@dataclass(frozen=True, eq=False)
class IndexOption(_ConcurrencyOption):
    pass


@dataclass(frozen=True, eq=False)
class OptimizeOption(_ConcurrencyOption):
    pass


@dataclass(frozen=True, eq=False)
class AddColumnOption(_ConcurrencyOption):
    pass


@dataclass(frozen=True, eq=False)
class AlterColumnOption(_ConcurrencyOption):
    pass


def _check_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name}: a str is wanted, got {value!r}")
    return value


class _Fts:
    """Full-text search: one of the two."""

    def __init__(self) -> None:
        self.query_string = ""
        self.match_string = ""


_ELEMENTS = {DataType.VECTOR_FP32: np.float32, DataType.VECTOR_FP16: np.float16, DataType.VECTOR_INT8: np.int8}


class _VectorRequest:
    """What a native query and a native group-by query have in common."""

    def __init__(self) -> None:
        self.include_vector = False
        self._filter = self._field_name = ""
        self._query_params: Optional[QueryParam] = None
        self._vector: Any = None

    @property
    def filter(self) -> str:
        return self._filter

    @filter.setter
    def filter(self, value: str) -> None:
        self._filter = _check_text("filter", value)

    @property
    def field_name(self) -> str:
        return self._field_name

    @field_name.setter
    def field_name(self, value: str) -> None:
        self._field_name = _check_text("field_name", value)

    @property
    def query_params(self) -> Optional[QueryParam]:
        return self._query_params

    @query_params.setter
    def query_params(self, value: Optional[QueryParam]) -> None:
        if value is not None and not isinstance(value, QueryParam):
            raise TypeError(f"query_params: a QueryParam is wanted, got {value!r}")
        self._query_params = value

    def set_vector(self, field_schema: Any, obj: Any) -> None:
        """An array for a dense field, a dict for a sparse one; copied."""
        if not hasattr(field_schema, "is_sparse_vector"):
            raise TypeError(f"set_vector(): incompatible function arguments: a _FieldSchema is wanted, got {field_schema!r}")
        if field_schema.is_sparse_vector:
            self._vector = dict(obj)
        elif field_schema.data_type not in _ELEMENTS:
            raise TypeError(f"Unsupported vector field type for field: {field_schema.name}")
        elif not isinstance(obj, np.ndarray):
            raise TypeError(f"Dense vector[{field_schema.name}] expects a ndarray, got {type(obj)}")
        else:
            self._vector = np.array(obj, _ELEMENTS[field_schema.data_type])


def _check_count(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, float) or not hasattr(value, "__index__") or not least <= int(value) < most:
        raise TypeError(f"{name}: an int of 32 bits is wanted, got {value!r}")
    return int(value)


class _SearchQuery(_VectorRequest):
    """One native query. Without a vector: a listing."""

    def __init__(self) -> None:
        super().__init__()
        self.output_fields: Optional[list[str]] = None
        self.fts: Optional[_Fts] = None
        self._topk = 0

    @property
    def topk(self) -> int:
        return self._topk

    @topk.setter
    def topk(self, value: int) -> None:
        self._topk = _check_count("topk", value, -_INT32, _INT32)

    def get_vector(self, field_schema: Any) -> Any:
        if field_schema.is_sparse_vector:
            return dict(self._vector) if isinstance(self._vector, dict) else {}
        if not isinstance(self._vector, np.ndarray):
            raise RuntimeError("No dense vector has been set")
        return self._vector.astype(_ELEMENTS[field_schema.data_type])


class _GroupByVectorQuery(_VectorRequest):
    """The best documents of each value of a field. The collection does not answer it yet (GroupByQuery says so)."""

    def __init__(self) -> None:
        super().__init__()
        self._group_by_field_name = ""
        self._group_count, self._topk_per_group = 2, 3
        self._output_fields: Optional[list[str]] = None

    @property
    def group_by_field_name(self) -> str:
        return self._group_by_field_name

    @group_by_field_name.setter
    def group_by_field_name(self, value: str) -> None:
        self._group_by_field_name = _check_text("group_by_field_name", value)

    @property
    def group_count(self) -> int:
        return self._group_count

    @group_count.setter
    def group_count(self, value: int) -> None:
        self._group_count = _check_count("group_count", value, 0, 2 * _INT32)

    @property
    def topk_per_group(self) -> int:
        return self._topk_per_group

    @topk_per_group.setter
    def topk_per_group(self, value: int) -> None:
        self._topk_per_group = _check_count("topk_per_group", value, 0, 2 * _INT32)

    @property
    def output_fields(self) -> Optional[list[str]]:
        return self._output_fields

    @output_fields.setter
    def output_fields(self, value: Optional[Sequence[str]]) -> None:
        if value is not None:
            if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
                raise TypeError(f"output_fields: a list of str is wanted, got {value!r}")
            value = [_check_text("output_fields", name) for name in value]
        self._output_fields = value


class _SubQuery:
    """One query of a _MultiQuery: `num_candidates` of it are merged."""

    def __init__(self) -> None:
        self.num_candidates = 10
        self._query = _SearchQuery()

    @staticmethod
    def from_search_query(search_query: _SearchQuery) -> _SubQuery:
        made = _SubQuery()
        made.num_candidates = search_query.topk
        made._query = copy.copy(search_query)
        return made

    def _copy(self) -> _SubQuery:
        made = copy.copy(self)
        made._query = copy.copy(self._query)
        return made

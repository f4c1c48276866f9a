"""Index and query parameters and options. Plain values: read-only, picklable; what the database does with each
parameter is told in docs/python.md."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

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
    "VamanaIndexParam",
    "VamanaQueryParam",
    "VectorIndexParam",
]

_INT32 = 2**31
_CHOOSE_EF = 300  # the peer's default: ours choose from topk


def _bad(owner: object, name: str, wanted: str, value: object) -> TypeError:
    return TypeError(
        f"{type(owner).__name__}(): incompatible constructor arguments: {name} must be {wanted}, got {value!r}"
    )


def _integer(owner: object, name: str, least: int = 0) -> None:
    """An int of 32 bits; NumPy's integers become Python's. Below `least` is a ValueError."""
    value = getattr(owner, name)
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
    number = float(value)
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


def _text(value: object) -> str:
    """The peer's text form: enums by bare name, floats with six decimals."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:f}"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_text(item) for item in value) + "]"
    name = getattr(value, "name", None)
    return str(name) if name is not None else str(value)


@dataclass(frozen=True, repr=False)
class QuantizerParam:
    """How codes are made: `enable_rotate` asks for a random rotation before."""

    enable_rotate: bool = False

    def __post_init__(self) -> None:
        _boolean(self, "enable_rotate")

    def to_dict(self) -> dict[str, Any]:
        return {"enable_rotate": self.enable_rotate}

    def __repr__(self) -> str:
        return '{"enable_rotate":' + _text(self.enable_rotate) + "}"

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
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if isinstance(value, QuantizerParam):
                value = value.to_dict()
            elif isinstance(value, list):
                value = list(value)
            else:
                value = getattr(value, "name", value)
            out[item.name] = value
        return out

    def __repr__(self) -> str:
        parts = [f'"type":"{self._type.name}"'] if self._names_type else []
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            parts.append(f'"{item.name}":{_text(getattr(self, item.name))}')
        return "{" + ", ".join(parts) + "}"


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
    """The defaults 50 and 500 mean "choose for me"; any other pair is taken as it is."""

    _type = IndexType.HNSW
    metric_type: MetricType = MetricType.IP
    m: int = 50
    ef_construction: int = 500
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
    m: int = 50
    ef_construction: int = 500
    sample_count: int = 0
    __hash__ = None  # type: ignore[assignment]

    @property
    def quantize_type(self) -> QuantizeType:
        return QuantizeType.RABITQ


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
        ef: int = getattr(self, "ef", 0)
        options = (self._type, 0 if ef == _CHOOSE_EF else ef, values.radius, values.is_linear)
        object.__setattr__(self, "_options", options)

    def __repr__(self) -> str:
        parts = [f'"type":{self._type.name}']
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            if item.name != "extra_params":
                value = getattr(self, item.name)
                parts.append(f'"{item.name}":{int(value) if isinstance(value, bool) else _text(value)}')
        return "{" + ", ".join(parts) + "}"


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
    """The default `ef` of 300 means "choose from topk"; any other is taken as it is."""

    _type = IndexType.HNSW
    ef: int = 300
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
    ef: int = 300
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

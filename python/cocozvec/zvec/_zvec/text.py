"""Text and dictionary forms of parameters, character for character as programs of the peer print and compare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["dict_names", "shown", "text_of"]

# Class -> its text, where that is more than its names and values in order. Enums are bare in some and quoted in others.
_TEXTS = {
    "HnswIndexParam": '"metric_type":{metric_type}, "m":{m}, "ef_construction":{ef_construction}, '
    '"quantize_type":{quantize_type}, "use_contiguous_memory":{use_contiguous_memory}, '
    '"use_flat_contiguous_memory":{use_flat_contiguous_memory}, "flat_data_type":"{flat_data_type}", '
    '"quantizer_param":{quantizer_param}',
    "VamanaIndexParam": '"type":"VAMANA", "metric_type":"{metric_type}", "max_degree":{max_degree}, '
    '"search_list_size":{search_list_size}, "alpha":{alpha}, "saturate_graph":{saturate_graph}, '
    '"use_contiguous_memory":{use_contiguous_memory}, "use_id_map":{use_id_map}, "two_pass_build":{two_pass_build}, '
    '"use_flat_contiguous_memory":{use_flat_contiguous_memory}, "flat_data_type":"{flat_data_type}", '
    '"quantize_type":"{quantize_type}", "quantizer_param":{quantizer_param}',
    "HnswRabitqIndexParam": '"type":"HNSW_RABITQ", "metric_type":"{metric_type}", "total_bits":{total_bits}, '
    '"num_clusters":{num_clusters}, "sample_count":{sample_count}, "m":{m}, "ef_construction":{ef_construction}, '
    '"quantize_type":"RABITQ"',
    "IVFIndexParam": '"metric_type":{metric_type}, "n_list":{n_list}, "n_iters":{n_iters}, "use_soar":{use_soar}, '
    '"quantize_type":{quantize_type}, "quantizer_param":{quantizer_param}',
    "IvfRabitqIndexParam": '"type":"IVF_RABITQ", "metric_type":"{metric_type}", "nlist":{nlist}, '
    '"total_bits":{total_bits}, "sample_count":{sample_count}, "quantize_type":"RABITQ"',
    "InvertIndexParam": '"enable_range_optimization":{enable_range_optimization},'
    '"enable_extended_wildcard":{enable_extended_wildcard}',
    "FtsIndexParam": '"type":"FTS", "tokenizer_name":{tokenizer_name}, "filters":{filters}, "extra_params":{extra_params}',
    "HnswQueryParam": '"type":HNSW, "ef":{ef}, "radius":{radius}, "is_linear":{is_linear}, '
    '"is_using_refiner":{is_using_refiner}, "prefetch_offset":{prefetch_offset}, "prefetch_lines":{prefetch_lines}, '
    '"scale_factor":{scale_factor}',
    "VamanaQueryParam": '"type":"VAMANA", "ef_search":{ef_search}, "radius":{radius}, "is_linear":{is_linear}, '
    '"is_using_refiner":{is_using_refiner}, "prefetch_offset":{prefetch_offset}, "prefetch_lines":{prefetch_lines}, '
    '"scale_factor":{scale_factor}',
    "HnswRabitqQueryParam": '"type":"HNSW_RABITQ", "ef":{ef}, "radius":{radius}, "is_linear":{is_linear}, '
    '"is_using_refiner":{is_using_refiner}, "scale_factor":{scale_factor}',
    "IVFQueryParam": '"type":IVF, "nprobe":{nprobe}, "is_using_refiner":{is_using_refiner}, "scale_factor":{scale_factor}',
    "IvfRabitqQueryParam": '"type":"IVF_RABITQ", "nprobe":{nprobe}, "radius":{radius}, "is_linear":{is_linear}, '
    '"is_using_refiner":{is_using_refiner}, "scale_factor":{scale_factor}',
    "DiskAnnQueryParam": '"type":DISKANN, "list_size":{list_size}',
    "FtsQueryParam": '"type":"FTS", "default_operator":{default_operator}',
}
# Classes that print 0 and 1 in place of false and true.
_NUMBERS = ("IVFIndexParam", "InvertIndexParam")

# Class -> names of its dictionary, where their order is not that of the constructor.
_DICTS = {
    "HnswIndexParam": ("metric_type", "m", "ef_construction", "quantize_type", "use_contiguous_memory",
                       "use_flat_contiguous_memory", "flat_data_type", "quantizer_param"),
    "VamanaIndexParam": ("metric_type", "max_degree", "search_list_size", "alpha", "saturate_graph",
                         "use_contiguous_memory", "use_id_map", "two_pass_build", "use_flat_contiguous_memory",
                         "flat_data_type", "quantize_type", "quantizer_param"),
    "HnswRabitqIndexParam": ("metric_type", "quantize_type", "total_bits", "num_clusters", "sample_count", "m",
                             "ef_construction"),
    "IvfRabitqIndexParam": ("metric_type", "quantize_type", "nlist", "total_bits", "sample_count"),
}  # fmt: skip


def shown(value: object, numbers: bool = False) -> str:
    """Enums by bare name, floats with six decimals."""
    if isinstance(value, bool):
        return str(int(value)) if numbers else str(value).lower()
    if isinstance(value, float):
        return f"{value:f}"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(shown(item) for item in value) + "]"
    name = getattr(value, "name", None)
    return str(name) if name is not None else str(value)


def dict_names(param: object, names: Sequence[str]) -> Sequence[str]:
    return _DICTS.get(type(param).__name__, names)


class _Values(dict[str, str]):
    def __init__(self, param: object, numbers: bool) -> None:
        super().__init__()
        self._param, self._numbers = param, numbers

    def __missing__(self, name: str) -> str:
        return shown(getattr(self._param, name), self._numbers)


def text_of(param: Any, names: Sequence[str]) -> str:
    kind = type(param).__name__
    text = _TEXTS.get(kind) or ", ".join(f'"{name}":{{{name}}}' for name in names)
    return "{" + text.format_map(_Values(param, kind in _NUMBERS or kind.endswith("QueryParam"))) + "}"

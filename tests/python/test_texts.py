"""The text and dictionary forms of parameters are those of zvec 0.8, character for character and in its order."""

import pytest
from support import M, Q

from cocozvec import zvec

TEXTS = {
    "FlatIndexParam": '{"metric_type":IP, "quantize_type":UNDEFINED, "quantizer_param":{"enable_rotate":false}, "use_contiguous_memory":false}',
    "HnswIndexParam": '{"metric_type":IP, "m":50, "ef_construction":500, "quantize_type":UNDEFINED, "use_contiguous_memory":false, "use_flat_contiguous_memory":false, "flat_data_type":"VECTOR_FP32", "quantizer_param":{"enable_rotate":false}}',
    "VamanaIndexParam": '{"type":"VAMANA", "metric_type":"IP", "max_degree":64, "search_list_size":100, "alpha":1.200000, "saturate_graph":false, "use_contiguous_memory":false, "use_id_map":false, "two_pass_build":true, "use_flat_contiguous_memory":false, "flat_data_type":"VECTOR_FP32", "quantize_type":"UNDEFINED", "quantizer_param":{"enable_rotate":false}}',
    "HnswRabitqIndexParam": '{"type":"HNSW_RABITQ", "metric_type":"IP", "total_bits":7, "num_clusters":16, "sample_count":0, "m":50, "ef_construction":500, "quantize_type":"RABITQ"}',
    "IVFIndexParam": '{"metric_type":IP, "n_list":10, "n_iters":10, "use_soar":0, "quantize_type":UNDEFINED, "quantizer_param":{"enable_rotate":false}}',
    "IvfRabitqIndexParam": '{"type":"IVF_RABITQ", "metric_type":"IP", "nlist":1024, "total_bits":7, "sample_count":0, "quantize_type":"RABITQ"}',
    "DiskAnnIndexParam": '{"metric_type":IP, "max_degree":100, "list_size":50, "pq_chunk_num":0, "quantize_type":UNDEFINED, "quantizer_param":{"enable_rotate":false}}',
    "InvertIndexParam": '{"enable_range_optimization":0,"enable_extended_wildcard":0}',
    "FtsIndexParam": '{"type":"FTS", "tokenizer_name":"standard", "filters":["lowercase"], "extra_params":""}',
    "QuantizerParam": '{"enable_rotate":false}',
    "HnswQueryParam": '{"type":HNSW, "ef":300, "radius":0.000000, "is_linear":0, "is_using_refiner":0, "prefetch_offset":8, "prefetch_lines":0, "scale_factor":0.000000}',
    "VamanaQueryParam": '{"type":"VAMANA", "ef_search":200, "radius":0.000000, "is_linear":0, "is_using_refiner":0, "prefetch_offset":8, "prefetch_lines":0, "scale_factor":0.000000}',
    "HnswRabitqQueryParam": '{"type":"HNSW_RABITQ", "ef":300, "radius":0.000000, "is_linear":0, "is_using_refiner":0, "scale_factor":0.000000}',
    "IVFQueryParam": '{"type":IVF, "nprobe":10, "is_using_refiner":0, "scale_factor":10.000000}',
    "IvfRabitqQueryParam": '{"type":"IVF_RABITQ", "nprobe":10, "radius":0.000000, "is_linear":0, "is_using_refiner":0, "scale_factor":10.000000}',
    "DiskAnnQueryParam": '{"type":DISKANN, "list_size":300}',
    "FtsQueryParam": '{"type":"FTS", "default_operator":""}',
    "CollectionOption": '{"enable_mmap":1, "read_only":0}',
}  # fmt: skip

NAMES = {
    "FlatIndexParam": "metric_type quantize_type quantizer_param use_contiguous_memory",
    "HnswIndexParam": "type metric_type m ef_construction quantize_type use_contiguous_memory use_flat_contiguous_memory flat_data_type quantizer_param",
    "VamanaIndexParam": "type metric_type max_degree search_list_size alpha saturate_graph use_contiguous_memory use_id_map two_pass_build use_flat_contiguous_memory flat_data_type quantize_type quantizer_param",
    "HnswRabitqIndexParam": "type metric_type quantize_type total_bits num_clusters sample_count m ef_construction",
    "IVFIndexParam": "type metric_type n_list n_iters use_soar quantize_type quantizer_param",
    "IvfRabitqIndexParam": "type metric_type quantize_type nlist total_bits sample_count",
    "DiskAnnIndexParam": "type metric_type max_degree list_size pq_chunk_num quantize_type quantizer_param",
    "InvertIndexParam": "enable_range_optimization enable_extended_wildcard",
    "FtsIndexParam": "type tokenizer_name filters extra_params",
    "QuantizerParam": "enable_rotate",
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_of_a_parameter(name):
    made = getattr(zvec, name)()
    assert str(made) == repr(made) == TEXTS[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_dictionary_of_a_parameter(name):
    made = getattr(zvec, name)()
    values = made.to_dict()
    assert list(values) == NAMES[name].split()
    for key, value in values.items():
        kept = made.type if key == "type" else getattr(made, key)
        assert value == (kept.to_dict() if hasattr(kept, "to_dict") else getattr(kept, "name", kept))


GIVEN = [
    (zvec.HnswQueryParam(7, 1.5, True, extra_params={"prefetch_offset": 3, "other": 1}),
     '{"type":HNSW, "ef":7, "radius":1.500000, "is_linear":1, "is_using_refiner":0, "prefetch_offset":3, "prefetch_lines":0, "scale_factor":0.000000}'),
    (zvec.IVFIndexParam(M.L2, n_list=7, use_soar=True, quantize_type=Q.INT8),
     '{"metric_type":L2, "n_list":7, "n_iters":10, "use_soar":1, "quantize_type":INT8, "quantizer_param":{"enable_rotate":false}}'),
    (zvec.FtsIndexParam("ngram", ["lowercase", "stemmer"], '{"a":1}'),
     '{"type":"FTS", "tokenizer_name":"ngram", "filters":["lowercase","stemmer"], "extra_params":"{"a":1}"}'),
]  # fmt: skip


@pytest.mark.parametrize(("made", "text"), GIVEN, ids=["hnsw", "ivf", "fts"])
def test_the_text_of_a_parameter_that_was_given(made, text):
    assert str(made) == text


@pytest.mark.parametrize("kind", [zvec.HnswRabitqIndexParam, zvec.IvfRabitqIndexParam])
def test_every_vector_index_says_how_it_is_quantized(kind):
    assert kind().quantizer_param == zvec.QuantizerParam() and kind().quantize_type is Q.RABITQ

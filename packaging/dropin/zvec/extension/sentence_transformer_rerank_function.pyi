from cocozvec.zvec.extension.sentence_transformer_rerank_function import *

from cocozvec.zvec.extension.qwen_rerank_function import *

from cocozvec.zvec.extension.qwen_embedding_function import *

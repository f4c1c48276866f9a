from cocozvec.zvec.extension.bm25_embedding_function import *

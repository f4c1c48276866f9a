from cocozvec.zvec.extension.multi_vector_reranker import *

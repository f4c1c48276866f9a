from cocozvec.zvec.extension.rerank_function import *

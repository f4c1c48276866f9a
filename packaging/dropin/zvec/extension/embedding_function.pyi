from cocozvec.zvec.extension.embedding_function import *

from cocozvec.zvec.extension.jina_embedding_function import *

from cocozvec.zvec.extension.sentence_transformer_embedding_function import *

from cocozvec.zvec.extension.sentence_transformer_function import *

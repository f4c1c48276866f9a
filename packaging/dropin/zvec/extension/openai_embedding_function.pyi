from cocozvec.zvec.extension.openai_embedding_function import *

from cocozvec.zvec.extension.http_embedding_function import *

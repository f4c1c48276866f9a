from cocozvec.zvec.extension.jina_function import *

from cocozvec.zvec._zvec.rerank import *

from cocozvec.zvec.model.param.query import *

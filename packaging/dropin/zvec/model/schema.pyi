from cocozvec.zvec.model.schema import *

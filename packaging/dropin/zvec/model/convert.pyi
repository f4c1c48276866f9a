from cocozvec.zvec.model.convert import *

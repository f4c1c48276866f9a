from cocozvec.zvec.model.collection import *

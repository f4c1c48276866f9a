from cocozvec.zvec._zvec.schema import *

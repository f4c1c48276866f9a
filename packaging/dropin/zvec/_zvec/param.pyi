from cocozvec.zvec._zvec.param import *

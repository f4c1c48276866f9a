from cocozvec.zvec._zvec.fusion import *

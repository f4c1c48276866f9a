from cocozvec.zvec._zvec.initialize import *

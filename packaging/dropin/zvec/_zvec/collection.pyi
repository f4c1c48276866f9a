from cocozvec.zvec._zvec.collection import *

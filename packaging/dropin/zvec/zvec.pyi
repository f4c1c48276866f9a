from cocozvec.zvec.zvec import *

from cocozvec.zvec.executor import *

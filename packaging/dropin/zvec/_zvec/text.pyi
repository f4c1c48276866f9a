from cocozvec.zvec._zvec.text import *

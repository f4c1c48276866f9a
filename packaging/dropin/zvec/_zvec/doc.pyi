from cocozvec.zvec._zvec.doc import *

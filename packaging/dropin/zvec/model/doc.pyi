from cocozvec.zvec.model.doc import *

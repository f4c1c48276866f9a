from cocozvec.zvec.tool import *

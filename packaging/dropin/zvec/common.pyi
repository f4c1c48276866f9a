from cocozvec.zvec.common import *

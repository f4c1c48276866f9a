from cocozvec.zvec._zvec.typing import *

from cocozvec.zvec.typing.enum import *

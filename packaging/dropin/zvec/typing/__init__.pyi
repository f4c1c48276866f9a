from cocozvec.zvec.typing import *

from . import enum as enum

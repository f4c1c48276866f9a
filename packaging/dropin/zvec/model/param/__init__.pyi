from cocozvec.zvec._zvec.param import *
from cocozvec.zvec.model.param.query import *

from . import query as query

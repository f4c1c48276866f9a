from cocozvec.zvec.model import *

from . import collection as collection
from . import convert as convert
from . import doc as doc
from . import param as param
from . import schema as schema

from cocozvec.zvec._zvec import *

from . import collection as collection
from . import doc as doc
from . import fusion as fusion
from . import initialize as initialize
from . import param as param
from . import rerank as rerank
from . import schema as schema
from . import text as text
from . import typing as typing

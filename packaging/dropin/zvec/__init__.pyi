from cocozvec.zvec import *
from cocozvec.zvec import __version__ as __version__

from . import _zvec as _zvec
from . import common as common
from . import executor as executor
from . import extension as extension
from . import model as model
from . import tool as tool
from . import typing as typing

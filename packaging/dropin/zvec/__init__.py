"""`import zvec` is cocozvec.zvec: the same modules, under both names."""

import importlib
import pkgutil
import sys
import warnings
from importlib import metadata

import cocozvec.zvec as _real

try:
    _other = metadata.version("zvec")
except metadata.PackageNotFoundError:
    pass
else:
    warnings.warn(
        f"the package zvec {_other} is installed beside cocozvec-dropin; 'import zvec' gives cocozvec "
        f"{_real.__version__} from {list(_real.__path__)[0]}",
        stacklevel=2,
    )

for _module in pkgutil.walk_packages(_real.__path__, _real.__name__ + "."):
    sys.modules["zvec" + _module.name[len(_real.__name__) :]] = importlib.import_module(_module.name)
sys.modules["zvec"] = _real

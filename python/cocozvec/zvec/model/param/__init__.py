"""Parameters and queries."""

from ..._zvec.param import *  # noqa: F403
from ..._zvec.param import __all__ as _params
from .query import Fts, Query, VectorQuery

__all__ = [*_params, "Fts", "Query", "VectorQuery"]  # noqa: PLE0604

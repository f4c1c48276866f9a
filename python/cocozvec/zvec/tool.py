"""Optional packages."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Optional

__all__ = ["require_module"]


def require_module(module: str, mitigation: Optional[str] = None) -> ModuleType:
    """The module; an ImportError that says what to install when it is missing."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = mitigation or module
        raise ImportError(f"Required package '{package}' is not installed. Please pip install '{package}'.") from error

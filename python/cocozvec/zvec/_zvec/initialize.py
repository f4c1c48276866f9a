"""Settings of the process, as the native module takes them."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["Initialize"]

_WORDS = {
    "log_type": ("CONSOLE", "FILE"),
    "log_level": ("DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL"),
}


def _member(name: str, kind: Any, value: Any) -> Any:
    if not isinstance(value, str):
        raise RuntimeError(f"{name} must be a string, got {value!r}")
    if value.upper() not in _WORDS[name]:
        raise ValueError(f"{name} must be one of {', '.join(_WORDS[name])}, got {value!r}")
    return kind[value.upper()]


def Initialize(*args: Any, **kwargs: Any) -> None:
    """As `init`, from a dict, keywords, or both: `log_type` and `log_level` as words, names it does not know ignored."""
    from ..typing.enum import LogLevel, LogType
    from ..zvec import init

    if len(args) > 1 or (args and not isinstance(args[0], dict)):
        raise TypeError("Positional argument must be a dict if provided")
    known = inspect.signature(init).parameters
    settings = {name: value for name, value in {**(args[0] if args else {}), **kwargs}.items() if name in known}
    for name, kind in (("log_type", LogType), ("log_level", LogLevel)):
        if name in settings:
            settings[name] = _member(name, kind, settings[name])
    init(**settings)

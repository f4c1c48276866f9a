"""Making and opening collections; settings of the process."""

from __future__ import annotations

import os
from typing import Any, Optional

from . import _core
from ._zvec.collection import _Collection
from ._zvec.param import CollectionOption
from ._zvec.typing import IOBackendType
from .model.collection import Collection
from .model.schema import CollectionSchema
from .typing.enum import LogLevel, LogType

__all__ = ["create_and_open", "init", "io_backend_description", "io_backend_type", "open"]


def create_and_open(path: str, schema: CollectionSchema, option: Optional[CollectionOption] = None) -> Collection:
    """Makes the directory and an empty collection in it. Anything at `path` is a ValueError."""
    if not isinstance(path, str):
        raise TypeError(f"path must be a string, got {type(path).__name__}")
    if not isinstance(schema, CollectionSchema):
        raise TypeError(f"schema must be a CollectionSchema, got {type(schema).__name__}")
    if not option:
        option = CollectionOption()
    if not isinstance(option, CollectionOption):
        raise TypeError(f"option must be a CollectionOption, got {type(option).__name__}")
    if not path:
        raise ValueError("path validate failed: path is empty")
    if option.read_only:
        raise ValueError("Unable to create collection with read-only mode.")
    if os.path.lexists(path):
        raise ValueError(f"path validate failed: path[{path}] exists, create expects a path that does not exist")
    return Collection(_Collection.CreateAndOpen(path, schema._get_object(), option))


def open(path: str, option: CollectionOption = CollectionOption()) -> Collection:
    """Opens a collection; what a killed process had written is there. One writer at a time; any number of
    read-only handles beside it, which see the state of their opening."""
    if not isinstance(path, str):
        raise TypeError(f"path must be a string, got {type(path).__name__}")
    if not isinstance(option, CollectionOption):
        raise TypeError(f"option must be a CollectionOption, got {type(option).__name__}")
    return Collection(_Collection.Open(path, option))


_initialised: Optional[dict[str, Any]] = None


def _positive(name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"Key '{name}' is not of expected type.")
    if value <= 0:
        raise ValueError(f"{name} must be positive, got {value}")


def _ratio(name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"Key '{name}' is not of expected type.")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0.0, 1.0], got {value}")


def init(
    *,
    log_type: Optional[LogType] = None,
    log_level: Optional[LogLevel] = None,
    log_dir: Optional[str] = "./logs",
    log_basename: Optional[str] = "zvec.log",
    log_file_size: Optional[int] = 2048,
    log_overdue_days: Optional[int] = 7,
    query_threads: Optional[int] = None,
    optimize_threads: Optional[int] = None,
    invert_to_forward_scan_ratio: Optional[float] = None,
    brute_force_by_keys_ratio: Optional[float] = None,
    fts_brute_force_by_keys_ratio: Optional[float] = None,
    memory_limit_mb: Optional[int] = None,
) -> None:
    """Optional. Says where log lines go: without it the library is silent. The other settings are checked and have
    no effect here. A second call with other settings is a RuntimeError; one that failed may be tried again."""
    global _initialised
    settings = dict(locals())
    if log_type is not None and not isinstance(log_type, LogType):
        raise TypeError("log_type must be LogType")
    if log_level is not None and not isinstance(log_level, LogLevel):
        raise TypeError("log_level must be LogLevel")
    for name in ("log_file_size", "log_overdue_days", "query_threads", "optimize_threads", "memory_limit_mb"):
        _positive(name, settings[name])
    for name in ("invert_to_forward_scan_ratio", "brute_force_by_keys_ratio", "fts_brute_force_by_keys_ratio"):
        _ratio(name, settings[name])
    for name in ("log_dir", "log_basename"):
        if settings[name] is not None and not isinstance(settings[name], str):
            raise TypeError(f"Key '{name}' is not of expected type.")
    to_file = log_type is LogType.FILE
    if to_file and not (log_dir and log_basename):
        raise RuntimeError("Initialization failed: log_dir and log_basename must not be empty")
    if to_file and log_file_size is not None and log_file_size <= 128:
        raise RuntimeError(f"Initialization failed: log_file_size must be more than 128 megabytes, got {log_file_size}")
    if memory_limit_mb is not None and memory_limit_mb < 100:
        raise RuntimeError(f"Initialization failed: memory_limit_mb must be at least 100, got {memory_limit_mb}")
    if _initialised is not None:
        if settings != _initialised:
            raise RuntimeError("init was called before with other settings; they cannot be changed")
        return
    level = LogLevel.WARN if log_level is None else log_level
    if to_file:
        assert log_dir is not None and log_basename is not None
        try:
            os.makedirs(log_dir, exist_ok=True)
        except OSError as error:
            raise RuntimeError(f"Initialization failed: log_dir {log_dir!r}: {error.strerror}") from error
        _core.log_to(os.path.join(log_dir, log_basename), int(level))
    else:
        _core.log_to("", int(level))
    _initialised = settings


def io_backend_type() -> IOBackendType:
    """How files are read."""
    return IOBackendType.PREAD


def io_backend_description() -> str:
    return "sealed files are mapped into memory, or read with pread where enable_mmap is off"

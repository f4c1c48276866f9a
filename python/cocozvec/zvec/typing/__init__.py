"""Enums and Status."""

from .._zvec.typing import DataType, IndexType, IOBackendType, MetricType, QuantizeType, Status, StatusCode
from .enum import LogLevel, LogType

__all__ = [
    "DataType",
    "IOBackendType",
    "IndexType",
    "LogLevel",
    "LogType",
    "MetricType",
    "QuantizeType",
    "Status",
    "StatusCode",
]

"""Enums with the peer's names and numbers, and Status."""

from __future__ import annotations

import enum
from typing import Any, NoReturn

__all__ = ["DataType", "IOBackendType", "IndexType", "MetricType", "QuantizeType", "Status", "StatusCode"]


class _NativeEnum(enum.Enum):
    """Members equal only members of the same enum; they convert to int and hash as their number.

    An unknown number gives a nameless member ("???") that some later check refuses, as the peer has it.
    """

    def __int__(self) -> int:
        return int(self.value)

    def __index__(self) -> int:
        return int(self.value)

    def __hash__(self) -> int:
        return int(self.value)

    def __str__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __repr__(self) -> str:
        return f"<{self}: {self.value}>"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.value == other.value

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (self.value,)

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{cls.__name__}(): incompatible constructor arguments: an int is wanted, got {value!r}")
        if not -(2**31) <= value < 2**31:
            raise TypeError(f"{cls.__name__}(): incompatible constructor arguments: {value} is out of range")
        member = object.__new__(cls)
        member._name_ = "???"
        member._value_ = value
        return member


class DataType(_NativeEnum):
    STRING = 2
    BOOL = 3
    INT32 = 4
    INT64 = 5
    UINT32 = 6
    UINT64 = 7
    FLOAT = 8
    DOUBLE = 9
    VECTOR_FP16 = 22
    VECTOR_FP32 = 23
    VECTOR_FP64 = 24
    VECTOR_INT8 = 26
    VECTOR_UINT8 = 28
    SPARSE_VECTOR_FP16 = 30
    SPARSE_VECTOR_FP32 = 31
    ARRAY_STRING = 41
    ARRAY_BOOL = 42
    ARRAY_INT32 = 43
    ARRAY_INT64 = 44
    ARRAY_UINT32 = 45
    ARRAY_UINT64 = 46
    ARRAY_FLOAT = 47
    ARRAY_DOUBLE = 48


class IndexType(_NativeEnum):
    UNDEFINED = 0
    HNSW = 1
    IVF = 2
    FLAT = 3
    HNSW_RABITQ = 4
    DISKANN = 5
    VAMANA = 6
    IVF_RABITQ = 7
    INVERT = 10
    FTS = 11


class MetricType(_NativeEnum):
    L2 = 1
    IP = 2
    COSINE = 3


class QuantizeType(_NativeEnum):
    UNDEFINED = 0
    FP16 = 1
    INT8 = 2
    INT4 = 3
    RABITQ = 4
    UNIFORM_UINT7 = 5
    UNIFORM_UINT8 = 6
    UNIFORM_UINT4 = 7


class StatusCode(_NativeEnum):
    OK = 0
    NOT_FOUND = 1
    ALREADY_EXISTS = 2
    INVALID_ARGUMENT = 3
    PERMISSION_DENIED = 4
    FAILED_PRECONDITION = 5
    RESOURCE_EXHAUSTED = 6
    UNAVAILABLE = 7
    INTERNAL_ERROR = 8
    NOT_SUPPORTED = 9
    UNKNOWN = 10


class IOBackendType(_NativeEnum):
    PREAD = 0
    LIBAIO = 1
    IO_URING = 2
    WINDOWS_OVERLAPPED = 3


class _DocOp(_NativeEnum):
    """What a write does with a document."""

    INSERT = 0
    UPSERT = 1
    UPDATE = 2
    DELETE = 3


class Status:
    """What became of one document of a write. Ask ok(): the object itself is true even on failure."""

    __slots__ = ("_code", "_message")
    _code: StatusCode
    _message: str

    def __init__(self, code: StatusCode = StatusCode.OK, message: str = "") -> None:
        if not isinstance(code, StatusCode) or not isinstance(message, str):
            raise TypeError("Status(): incompatible constructor arguments: a StatusCode and a str are wanted")
        object.__setattr__(self, "_code", code)
        object.__setattr__(self, "_message", message)

    def ok(self) -> bool:
        return self._code is StatusCode.OK

    def code(self) -> StatusCode:
        return self._code

    def message(self) -> str:
        return self._message

    @staticmethod
    def OK() -> Status:
        return Status()

    @staticmethod
    def NotFound(message: str) -> Status:
        return Status(StatusCode.NOT_FOUND, message)

    @staticmethod
    def AlreadyExists(message: str) -> Status:
        return Status(StatusCode.ALREADY_EXISTS, message)

    @staticmethod
    def InvalidArgument(message: str) -> Status:
        return Status(StatusCode.INVALID_ARGUMENT, message)

    @staticmethod
    def PermissionDenied(message: str) -> Status:
        return Status(StatusCode.PERMISSION_DENIED, message)

    @staticmethod
    def InternalError(message: str) -> Status:
        return Status(StatusCode.INTERNAL_ERROR, message)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"property of 'Status' object has no setter: {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Status) and self._code == other._code and self._message == other._message

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return Status, (self._code, self._message)

    def __repr__(self) -> str:
        if self.ok():
            return '{"code":0}'
        return f'{{"code":{int(self._code)}, "message":"{self._message}"}}'

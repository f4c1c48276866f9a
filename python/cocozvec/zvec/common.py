"""Names of types for annotations."""

from __future__ import annotations

from typing import Union

import numpy as np

__all__ = ["DenseVectorType", "SparseVectorType", "VectorType"]

DenseVectorType = Union[list[float], list[int], np.ndarray]
SparseVectorType = dict[int, float]
VectorType = Union[DenseVectorType, SparseVectorType]

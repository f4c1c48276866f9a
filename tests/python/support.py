"""What the test files share."""

import os
import subprocess
import sys

from cocozvec import zvec

DIM = 4
T, M, I, Q = zvec.DataType, zvec.MetricType, zvec.IndexType, zvec.QuantizeType

SCALARS = {
    "string": T.STRING,
    "bool": T.BOOL,
    "int32": T.INT32,
    "int64": T.INT64,
    "uint32": T.UINT32,
    "uint64": T.UINT64,
    "float": T.FLOAT,
    "double": T.DOUBLE,
    **{f"array_{name}": T[f"ARRAY_{name.upper()}"] for name in ("string", "bool", "int32", "int64", "uint32", "uint64", "float", "double")},
}
VECTORS = {
    "fp32": T.VECTOR_FP32,
    "fp16": T.VECTOR_FP16,
    "int8": T.VECTOR_INT8,
    "sparse": T.SPARSE_VECTOR_FP32,
}


def books_schema(metric=M.L2, **index):
    """A title, a year and a vector of four."""
    return zvec.CollectionSchema(
        "books",
        [zvec.FieldSchema("title", T.STRING, nullable=True), zvec.FieldSchema("year", T.INT32, nullable=True)],
        [zvec.VectorSchema("v", T.VECTOR_FP32, DIM, zvec.HnswIndexParam(metric, **index))],
    )


def wide_schema():
    """A nullable field of every scalar type."""
    fields = [zvec.FieldSchema(name, kind, nullable=True) for name, kind in SCALARS.items()]
    return zvec.CollectionSchema("wide", [*fields, zvec.FieldSchema("needed", T.INT32)])


def vectors_schema():
    """A vector field of every kind, inner product."""
    return zvec.CollectionSchema(
        "vectors",
        vectors=[zvec.VectorSchema(name, kind, 0 if name == "sparse" else DIM) for name, kind in VECTORS.items()],
    )


def some_vectors(**changes):
    return {"fp32": [1.0, 2, 3, 4], "fp16": [1.0] * DIM, "int8": [1] * DIM, "sparse": {1: 1.0}, **changes}


def doc(id, vector=None, **fields):
    return zvec.Doc(id, vectors={"v": [0.0] * DIM if vector is None else vector}, fields=fields)


def unit(axis):
    return [1.0 if i == axis else 0.0 for i in range(DIM)]


def run_python(code, *arguments, timeout=60, check=True):
    """A program of its own, with the package under test and nothing else of this one."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )
    if check:
        assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def start_python(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-I", "-u", "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ),
    )  # fmt: skip

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))  # for support.py; the package is the installed one

from support import books_schema, vectors_schema, wide_schema  # noqa: E402

from cocozvec import zvec  # noqa: E402


def pytest_sessionstart(session):
    assert "site-packages" in pathlib.Path(zvec.__file__).parts, f"not the installed package: {zvec.__file__}"


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "collection")


@pytest.fixture
def books(path):
    with zvec.create_and_open(path, books_schema()) as collection:
        yield collection


@pytest.fixture
def wide(path):
    with zvec.create_and_open(path, wide_schema()) as collection:
        yield collection


@pytest.fixture
def vectors(path):
    with zvec.create_and_open(path, vectors_schema()) as collection:
        yield collection

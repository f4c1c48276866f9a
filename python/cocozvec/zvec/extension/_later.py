"""Embedding functions and model-based rerankers of the peer: their names are here, they are not.

This package reaches no network and needs no model; embed with the package of your choice and pass the vectors."""

from __future__ import annotations

from typing import Any, NoReturn


class Later:
    """Constructing it says that it is not there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._refuse()

    @classmethod
    def _refuse(cls) -> NoReturn:
        raise NotImplementedError(f"{cls.__name__} is not in this release of cocozvec; see docs/python.md")

"""Embedding functions and model-based rerankers of the peer: their names are here, they are not.

This package reaches no network and needs no model; embed with the package of your choice and pass the vectors."""

from __future__ import annotations

from typing import NoReturn


class Later:
    """Constructing it, with the arguments that the peer takes, says that it is not there."""

    @classmethod
    def _refuse(cls) -> NoReturn:
        raise NotImplementedError(f"{cls.__name__} is not in this release of cocozvec; see docs/python.md")

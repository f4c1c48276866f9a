"""CollectionStats, and the names under which programs of the peer reach schemas in its extension module."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

__all__ = ["CollectionStats"]


@dataclass(repr=False)
class CollectionStats:
    """`index_completeness`: vector field -> share of the live documents that its index covers, 0 to 1."""

    doc_count: int = 0
    index_completeness: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        shares = ", ".join(f"{json.dumps(name)}:{share:f}" for name, share in self.index_completeness.items())
        return f'{{"doc_count":{self.doc_count}, "index_completeness":{{{shares}}}}}'

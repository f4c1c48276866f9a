"""A program for the published `cocoindex` package with its own zvec connector; test_cocoindex.py runs it.

  coco_program.py update FOLDER   one update of what FOLDER/plan.json declares; prints counts of the writes
  coco_program.py dump FOLDER     what is stored, by collection

The plan: {"collections": {name: {"wide": bool, "each": bool, "rows": {id: [text, number]}}}}. The rows of a collection
are declared in one component, or (each) every row in a memoised one of its own. A wide collection has one column more. FOLDER/db holds the collections, FOLDER/state the engine's store.
"""

import json
import pathlib
import sys
from dataclasses import dataclass
from typing import Annotated

import cocoindex as coco
import numpy as np
import zvec
from cocoindex.connectors import zvec as target
from cocoindex.resources.schema import VectorSchema
from numpy.typing import NDArray

FOLDER = pathlib.Path(sys.argv[2])
DB = coco.ContextKey[target.ManagedConnection]("db")
Vector = Annotated[NDArray[np.float32], VectorSchema(dtype=np.dtype("float32"), size=4)]
counts = {"upsert": 0, "delete": 0, "executed": 0}


@dataclass
class Row:
    id: str
    text: str
    number: int
    vector: Vector


@dataclass
class WideRow(Row):
    more: str


@coco.lifespan
def lifespan(builder):
    builder.settings.db_path = FOLDER / "state"
    builder.provide_with(DB, target.managed_connection(FOLDER / "db"))
    yield


def make_row(kind, id, text, number):
    vector = np.array([number, len(text), 1, 0], dtype=np.float32)
    extra = {"more": text.upper()} if kind is WideRow else {}
    return kind(id=id, text=text, number=number, vector=vector, **extra)


@coco.fn(memo=True)
def declare_one(row, id, collection):
    counts["executed"] += 1
    collection.declare_row(row=make_row(Row, id, *row))


async def declare(plan):
    for name, what in plan["collections"].items():
        kind = WideRow if what["wide"] else Row
        schema = await target.CollectionSchema.from_class(kind, primary_key=["id"])
        collection = await target.mount_collection_target(DB, name, schema)
        if what.get("each"):
            for id, row in what["rows"].items():
                await coco.mount(coco.component_subpath(id), declare_one, tuple(row), id, collection)
            continue
        for id, (text, number) in what["rows"].items():
            collection.declare_row(row=make_row(kind, id, text, number))


def count_writes():
    """Counts the documents that the connector hands over."""
    for name in ("upsert", "delete"):
        plain = getattr(zvec.Collection, name)

        def counted(self, *args, _name=name, _plain=plain, **kwargs):
            given = args[0] if args else next(iter(kwargs.values()))
            counts[_name] += len(given)
            return _plain(self, *args, **kwargs)

        setattr(zvec.Collection, name, counted)


def update():
    count_writes()
    plan = json.loads((FOLDER / "plan.json").read_text())
    app = coco.App(coco.AppConfig(name="test"), declare, plan)
    print("begin", flush=True)
    app.update_blocking()
    print(json.dumps(counts))


def dump():
    stored = {}
    for path in sorted((FOLDER / "db").iterdir()):
        if path.name.startswith("."):
            continue
        collection = zvec.open(str(path), zvec.CollectionOption(read_only=True))
        stored[path.name] = {
            doc.id: [doc.fields["text"], doc.fields["number"], doc.vectors["vector"], doc.fields.get("more")]
            for doc in collection.iter_docs()
        }
        collection.close()
    print(json.dumps(stored))


if __name__ == "__main__":
    {"update": update, "dump": dump}[sys.argv[1]]()

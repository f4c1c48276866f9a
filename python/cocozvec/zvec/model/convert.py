"""Documents to native ones and back. Here they are the same objects."""

from __future__ import annotations

from .._core import DocBase
from .doc import Doc
from .schema import CollectionSchema

__all__ = ["convert_to_cpp_doc", "convert_to_py_doc"]


def convert_to_cpp_doc(doc: Doc, collection_schema: CollectionSchema) -> DocBase:
    """The document; a field that the schema does not have is a ValueError. Values are checked when it is written."""
    for names, find in ((doc.fields, collection_schema.field), (doc.vectors, collection_schema.vector)):
        for name in names:
            if find(name) is None:
                raise ValueError(f"Invalid schema: {name!r} not found in collection schema")
    return doc


def convert_to_py_doc(doc: DocBase, collection_schema: CollectionSchema) -> Doc:
    if isinstance(doc, Doc):
        return doc
    return Doc(doc.id, doc.score, doc.vectors, doc.fields)

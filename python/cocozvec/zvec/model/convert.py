"""Documents to native ones and back."""

from __future__ import annotations

from typing import Optional

from .._core import DocBase
from .._zvec.doc import _Doc
from .doc import Doc
from .schema import CollectionSchema

__all__ = ["convert_to_cpp_doc", "convert_to_py_doc"]


def convert_to_cpp_doc(doc: Doc, collection_schema: CollectionSchema) -> _Doc:
    """A native copy; a name that the schema does not have is a ValueError, as is a value that does not fit it."""
    schema = collection_schema._get_object()
    native = _Doc()
    native.set_pk(doc.id)
    native.set_score(doc.score or 0.0)
    for given, find in ((doc.fields, schema.get_forward_field), (doc.vectors, schema.get_vector_field)):
        for name, value in given.items():
            field = find(name)
            if field is None:
                raise ValueError(f"Invalid schema: {name!r} not found in collection schema")
            native.set_any(name, field, value)
    return native


def convert_to_py_doc(doc: Optional[DocBase], collection_schema: CollectionSchema) -> Doc:
    """The document of a native one; None (what a fetch found nothing for) stays None."""
    if doc is None or isinstance(doc, Doc):
        return doc  # type: ignore[return-value]
    if isinstance(doc, _Doc):
        return Doc._from_tuple(doc.get_all(collection_schema._get_object()))
    return Doc(doc.id, doc.score, doc.vectors, doc.fields)

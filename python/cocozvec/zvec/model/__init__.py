"""Collections, schemas, documents, queries."""

from .collection import Collection
from .doc import Doc, GroupResult
from .param.query import Fts, Query, VectorQuery
from .schema import CollectionSchema, FieldSchema

__all__ = ["Collection", "CollectionSchema", "Doc", "FieldSchema", "Fts", "GroupResult", "Query", "VectorQuery"]

"""Names that programs of the peer import from its extension module."""

"""cocozvec: an embedded vector database. `cocozvec.zvec` has the surface of zvec 0.8."""

__all__: list[str] = []

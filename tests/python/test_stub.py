"""The stub of the extension module says what the module has, and the types go with the package."""

import ast
import pathlib
import re

import pytest

from cocozvec import zvec
from cocozvec.zvec import _core

STUB = ast.parse((pathlib.Path(zvec.__file__).parent / "_core.pyi").read_text())


def public(thing):
    return {name for name in vars(thing) if not name.startswith("_")}


def runtime_parameters(function):
    """Names in nanobind's own signature; positional-only ones have none."""
    signature = getattr(function, "__nb_signature__", None)
    if not signature:
        return None
    inside = re.search(r"\((.*)\)(?: ->.*)?$", signature[0][0], re.DOTALL).group(1)
    tree = ast.parse(f"def f({inside}): ...").body[0]
    arguments = tree.args
    return [a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]


def stub_parameters(node):
    arguments = node.args
    return [a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]


def members(node):
    return {
        item.name if isinstance(item, ast.FunctionDef) else item.target.id: item
        for item in node.body
        if isinstance(item, (ast.FunctionDef, ast.AnnAssign))
    }


def functions():
    for node in STUB.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node, getattr(_core, node.name)
        elif isinstance(node, ast.ClassDef):
            for name, item in members(node).items():
                if isinstance(item, ast.FunctionDef) and not item.decorator_list and name != "__init__":
                    yield f"{node.name}.{name}", item, getattr(getattr(_core, node.name), name)


def test_the_stub_has_the_names_of_the_module():
    declared = {node.name for node in STUB.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assert declared == public(_core)


@pytest.mark.parametrize("node", [n for n in STUB.body if isinstance(n, ast.ClassDef)], ids=lambda node: node.name)
def test_the_stub_has_the_members_of_every_class(node):
    assert {name for name in members(node) if not name.startswith("_")} == public(getattr(_core, node.name))


@pytest.mark.parametrize(("name", "node", "function"), list(functions()), ids=lambda value: value if isinstance(value, str) else "")
def test_the_stub_has_the_parameters_of_every_function(name, node, function):
    real = runtime_parameters(function)
    assert real is not None
    declared = stub_parameters(node)
    assert len(declared) == len(real)
    if not node.args.posonlyargs:
        assert declared == real


def test_the_types_go_with_the_package():
    assert (pathlib.Path(zvec.__file__).parent / "py.typed").exists()

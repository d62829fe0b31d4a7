"""What holds for every module of the package: its size, names, docstrings and manners."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.repository_files import ROOT, module_name, parsed, sources

LONGEST_MODULE = 450
LONGEST_FUNCTION = 70
VAGUE = {"utils", "helpers", "common", "base", "core", "manager", "types"}

each_module = pytest.mark.parametrize("path", sources(), ids=module_name)


def _public(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Public classes, functions and methods, with dotted names; what is in functions is private."""

    def below(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.AST]]:
        for node in body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if node.name.startswith("_"):
                continue
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from below(node.body, f"{prefix}{node.name}.")

    return below(tree.body, "")


@each_module
def test_a_module_fits_in_the_head(path: Path) -> None:
    """A module that grows past the limit is a sign that a room wants a wall."""
    lines = (ROOT / path).read_text(encoding="utf-8").count("\n")

    assert lines <= LONGEST_MODULE


@each_module
def test_a_function_fits_on_a_screen(path: Path) -> None:
    """A function, docstring included, stays short enough to be read at once."""
    too_long = [
        node.name
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]

    assert too_long == []


@each_module
def test_everything_public_says_what_it_is(path: Path) -> None:
    """Every public module, class, function and method has a docstring."""
    tree = parsed(path)

    silent = [
        name
        for name, node in _public(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not ast.get_docstring(node)
    ]

    assert ast.get_docstring(tree)
    assert silent == []


@each_module
def test_a_module_has_a_name_that_says_something(path: Path) -> None:
    """No module is called by a word that fits anything."""
    assert not VAGUE & set(module_name(path).split("."))


@each_module
def test_only_app_and_cli_look_at_the_process_around_them(path: Path) -> None:
    """The environment is read in ``lading.app``, and arguments come in through ``lading.cli``."""
    room = module_name(path).split(".")[1:2]
    names = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }

    if room != ["app"]:
        assert not {"os.environ", "os.environb", "os.getenv"} & names
    if room != ["cli"]:
        assert "sys.argv" not in names or room == ["app"]


@each_module
def test_unfinished_work_is_not_left_in_the_code(path: Path) -> None:
    """There are no notes about what somebody would still do, and no empty promises.

    Only a contract suite has methods that somebody else provides.
    """
    text = (ROOT / path).read_text(encoding="utf-8")
    words = ["TODO", "FIXME", "XXX"]
    if "testing" not in path.parts:
        words.append("NotImplementedError")

    assert not [word for word in words if word in text]

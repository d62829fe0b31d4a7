"""YAML, read with the place of everything in it.

Words are sorted as YAML 1.1 has it (``yes`` and ``on`` are truth), since that is what files of
other registries were written for. The only module that knows the parser.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lading.app.config.written import Written, text_of
from lading.errors import ConfigInvalid

_MOST = 20_000
_DEEPEST = 50
# The parser does not put everything that is wrong with a text into words.
_UNSAID = (ValueError, TypeError, AttributeError, IndexError, KeyError, AssertionError)


def plain(text: str) -> Any:
    """What the YAML *text* says: words as text, nothing, lists and mappings of them.

    Raises:
        ValueError: it is no YAML.
    """
    try:
        found = said(text, "")
    except ConfigInvalid as error:
        raise ValueError(f"{text!r} is no YAML") from error
    return found.plain if found else None


def in_file(file: Path) -> Written | None:
    """What the YAML in *file* says; ``None`` if that is nothing.

    Raises:
        ConfigInvalid: it cannot be read, or is no YAML.
    """
    try:
        text = text_of(file)
    except ValueError as error:
        raise ConfigInvalid(f"{file}: {error}") from error
    return said(text, str(file), lines=True)


def said(text: str, where: str, *, lines: bool = False) -> Written | None:
    """What the YAML *text* says; ``None`` if that is nothing.

    *where* is the place of everything in it; with *lines*, each thing has its line as well.

    Raises:
        ConfigInvalid: it is no YAML, or grows beyond measure.
    """
    parser = YAML(typ="safe", pure=True)
    parser.version = (1, 1)
    try:
        documents = parser.compose_all(text)
        first = next(documents, None)
        return None if first is None else _Reading(where, lines=lines).whole(first, documents)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark and lines else ""
        raise ConfigInvalid(f"{where}{line}: {error.problem or error.context}") from None
    except YAMLError as error:
        raise ConfigInvalid(f"{where}: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ConfigInvalid(f"{where}: is nested too deeply") from None
    except _UNSAID:
        raise ConfigInvalid(f"{where}: is no YAML") from None


def _further(documents: Iterator[Node], where: str) -> str:
    """Where another of *documents* begins that says something; nothing if none does."""
    try:
        told = (each for each in documents if not str(each.tag).endswith(":null"))
        node = next(told, None)
    except (YAMLError, RecursionError, *_UNSAID):
        return where
    return "" if node is None else f"{where}, line {node.start_mark.line + 1}"


class _Reading:
    """Nodes of the parser made values of ours; anchors cannot make few of them many."""

    def __init__(self, where: str, *, lines: bool) -> None:
        self._where = where
        self._lines = lines
        self._left = _MOST

    def whole(self, node: Node, others: Iterator[Node]) -> Written:
        """What the first document says, and where the first of *others* begins."""
        found = self.written(node, 0)
        found.further = _further(others, self._where)
        return found

    def written(self, node: Node, depth: int) -> Written:
        self._left -= 1
        where = self._place(node)
        if self._left < 0 or depth > _DEEPEST:
            raise ConfigInvalid(f"{where}: says too much, or is nested too deeply")
        sort = str(node.tag).rpartition(":")[2]
        if isinstance(node, SequenceNode):
            return Written([self.written(each, depth + 1) for each in node.value], where, sort)
        if isinstance(node, MappingNode):
            return self._mapping(node, where, depth)
        assert isinstance(node, ScalarNode)
        return Written(None if sort == "null" else node.value, where, sort)

    def _mapping(self, node: MappingNode, where: str, depth: int) -> Written:
        found: dict[str, Written] = {}
        repeated = []
        for name, value in _own(node):
            place = self._place(name)
            if not isinstance(name, ScalarNode):
                raise ConfigInvalid(f"{place}: a key should be a name")
            if name.value in found:
                repeated.append((name.value, place, found[name.value].where))
            below = self.written(value, depth + 1)
            # A key is looked for where its name is, not where its value begins.
            below.where = place
            found[name.value] = below
        for merged in _merged(node):
            if depth < _DEEPEST:
                for key, inherited in self._parts(merged, depth + 1).items():
                    found.setdefault(key, inherited)
        return Written(found, where, "map", repeated)

    def _parts(self, node: Node, depth: int) -> dict[str, Written]:
        content = self.written(node, depth).content
        return content if isinstance(content, dict) else {}

    def _place(self, node: Node) -> str:
        return f"{self._where}, line {node.start_mark.line + 1}" if self._lines else self._where


def _own(node: MappingNode) -> Iterator[tuple[Node, Node]]:
    for name, value in node.value:
        if not str(name.tag).endswith(":merge"):
            yield name, value


def _merged(node: MappingNode) -> Iterator[Node]:
    for name, value in node.value:
        if str(name.tag).endswith(":merge"):
            yield from value.value if isinstance(value, SequenceNode) else [value]

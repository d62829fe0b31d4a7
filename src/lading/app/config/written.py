"""What somebody wrote as configuration, before anybody has said what it means.

A file and a variable become the same: values that know where they stand, so that whoever reads them
can say so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

_LONGEST = 4 << 20

Content: TypeAlias = "str | list[Written] | dict[str, Written] | None"


@dataclass(slots=True)
class Written:
    """A value as it was written, and ``where``.

    The ``content`` of a word is its text, whatever YAML would make of it; ``sort`` is what YAML
    takes it for: ``str``, ``bool``, ``int``, ``float``, ``null``, ``seq``, ``map``. ``repeated``
    names the keys of a mapping that stand in it more than once, with the later place and the
    earlier; the last counts. ``further`` is where, after the whole, another document begins.
    """

    content: Content
    where: str
    sort: str
    repeated: list[tuple[str, str, str]] = field(default_factory=list)
    further: str = ""

    @property
    def plain(self) -> Any:
        """The same without places: text, ``None``, lists and dictionaries."""
        if isinstance(self.content, list):
            return [each.plain for each in self.content]
        if isinstance(self.content, dict):
            return {name: each.plain for name, each in self.content.items()}
        return self.content

    @property
    def origin(self) -> str:
        """Where it stands, and where else (in variables) parts of it do."""
        file = _file(self.where)
        elsewhere = (each for each in self.places() if _file(each) != file)
        return ", ".join(dict.fromkeys((self.where, *elsewhere)))

    def places(self) -> Iterator[str]:
        """Where this stands, and all that is below."""
        yield self.where
        for each in self._below():
            yield from each.places()

    def _below(self) -> Iterable["Written"]:
        if isinstance(self.content, dict):
            return self.content.values()
        return self.content if isinstance(self.content, list) else ()

    @property
    def shown(self) -> str:
        """The text of a word, or what else it is, for an error message."""
        if isinstance(self.content, dict):
            return "a mapping"
        if isinstance(self.content, list):
            return "a list"
        return "nothing" if self.content is None else repr(self.content)

    def repetitions(self) -> Iterator[tuple[str, str, str]]:
        """What is `repeated` here and in all that is below."""
        yield from self.repeated
        for each in self._below():
            yield from each.repetitions()


def _file(where: str) -> str:
    """The place *where* without its line."""
    return where.partition(", line ")[0]


def word(text: str, where: str) -> Written:
    """A *text* that is nothing but text."""
    return Written(text, where, "str")


def mapping(where: str) -> Written:
    """A mapping in which nothing stands yet."""
    return Written({}, where, "map")


def text_of(file: Path) -> str:
    """What stands in *file*.

    Raises:
        ValueError: it cannot be read, is no text, or has no end; the message says which.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(_LONGEST + 1)
        if len(content) > _LONGEST:
            raise ValueError("is longer than any configuration")
        return content.decode()
    except OSError as error:
        raise ValueError(error.strerror) from error
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None

"""YAML, read with the place of everything in it.

Values are read as YAML 1.1 has them (``yes`` and ``on`` are true), since that is what files of
other registries were written for. The only module that knows the parser.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import Node

from lading.errors import ConfigInvalid


def plain(text: str) -> Any:
    """What the YAML *text* says, as plain values.

    Raises:
        ValueError: it is no YAML.
    """
    try:
        return _parser().load(text)
    except YAMLError as error:
        raise ValueError(f"{text!r} is no YAML") from error


def composed(file: Path) -> Node | None:
    """The document in *file*, as nodes that know where they stand; ``None`` if it is empty.

    Raises:
        ConfigInvalid: it cannot be read, or is no YAML.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigInvalid(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigInvalid(f"{file}: is not UTF-8 text") from None
    try:
        return _parser().compose(text)  # type: ignore[no-any-return]  # its stubs do not say
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigInvalid(f"{file}{line}: {error.problem or error.context}") from None
    except YAMLError as error:
        raise ConfigInvalid(f"{file}: {' '.join(str(error).split())}") from None


def value_of(node: Node) -> Any:
    """What *node* says, as plain values."""
    return _parser().constructor.construct_document(node)


def _parser() -> YAML:
    parser = YAML(typ="safe", pure=True)
    parser.version = (1, 1)
    return parser

"""Annotations of an artifact, by what they are for, as oras keeps them in files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lading.errors import FileRefused

_MANIFEST = "$manifest"
_CONFIG = "$config"
_LONGEST = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotated:
    """Annotations by what they are for: of the manifest, of the config, and of files by title."""

    manifest: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_annotations(path: Path) -> Annotated:
    """Read a JSON file as oras has them: ``$manifest``, ``$config`` and titles.

    Raises:
        FileRefused: it cannot be read, or is something else.
    """
    try:
        with path.open("rb") as file:
            body = file.read(_LONGEST + 1)
        document = json.loads(body) if len(body) <= _LONGEST else None
    except OSError as error:
        raise FileRefused(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise FileRefused(f"{path} is not JSON: {error}") from None
    if not isinstance(document, dict) or not all(map(_are_strings, document.values())):
        raise FileRefused(f"{path} is not an object of objects of strings")
    return Annotated(
        manifest=document.pop(_MANIFEST, {}), config=document.pop(_CONFIG, {}), files=document
    )


def _are_strings(found: object) -> bool:
    return isinstance(found, dict) and all(isinstance(text, str) for text in found.values())

"""Files of Distribution's, as tests write them."""

from collections.abc import Mapping
from pathlib import Path

from lading.app.config.sources import Loaded, examined
from lading.errors import ConfigInvalid

LEAST = "version: 0.1\nstorage: {filesystem: {}}\n"
"""The least that such a file has to say."""


def read(
    folder: Path, text: str, environment: Mapping[str, str] | None = None
) -> tuple[Loaded, list[ConfigInvalid]]:
    """What becomes of a file that holds *text*, with the variables of *environment*."""
    file = folder / "config.yml"
    file.write_text(text)
    return examined(file=file, environment=environment or {})


def value(loaded: Loaded, key: str) -> object:
    """The setting *key* of what was loaded."""
    found: object = loaded.config
    for piece in key.split("."):
        found = getattr(found, piece)
    return found

"""A configuration as people may see it: every setting, where it came from, and no secrets."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

from lading.app.config.options import Setting
from lading.app.config.sources import DEFAULT, Loaded
from lading.app.config.tree import settings

_HIDDEN = "***"
_LOGIN = re.compile(r"(?<=://)[^/@\s\"']+@")
_QUERY = re.compile(r"(://[^\s\"'?#]*\?)[^\s\"'#]+")


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting: its key, its value as it would be written, and where that was said."""

    key: str
    value: str
    origin: str


def shown(loaded: Loaded) -> Iterator[Shown]:
    """Every setting of *loaded*, in the order of the tree."""
    for setting in settings():
        value = reduce(getattr, setting.key.split("."), loaded.config)
        yield Shown(setting.key, _written(setting, value), loaded.origins.get(setting.key, DEFAULT))


def _written(setting: Setting, value: object) -> str:
    if setting.secret and value:
        return _HIDDEN
    # What stands in a URL besides a place is mostly what opens it: logins, tokens of webhooks.
    text = _LOGIN.sub(_HIDDEN + "@", setting.reader.write(value))
    return _QUERY.sub(rf"\g<1>{_HIDDEN}", text)

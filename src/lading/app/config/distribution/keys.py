"""Every key of Distribution's file, with what becomes of it here, and what holds without it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lading.app.config.distribution import serving, storage, watching
from lading.app.config.distribution.kinds import Kind, text
from lading.app.config.distribution.outcomes import Honoured, Key, Rule, honoured

VERSION = "0.1"
"""The version that such a file has to name."""

KEYS: tuple[Key, ...] = (
    Key("version", text, honoured()),
    *storage.KEYS,
    *serving.KEYS,
    *watching.KEYS,
)
"""All keys."""

RULES: tuple[Rule, ...] = (*storage.RULES, *serving.RULES, *watching.RULES)
"""What several keys say together."""

DEFAULTS: Mapping[str, Any] = {
    "auth.token.strict": True,
    "root": storage.ROOT,
    "listen": ":0",
    "deletes": False,
    "trusted_proxies": ("any",),
    "log.access_format": "combined",
    "log.format": "logfmt",
    "log.requests": True,
    "http.drain": timedelta(0),
    "http.relative_urls": False,
    "lists.strict": True,
    "manifests.validation.urls": True,
    "uploads.expiry": timedelta(hours=168),
    "uploads.purge_every": timedelta(hours=24),
}
"""Settings that a file of Distribution's leaves as they are there, where that is not ours."""


@dataclass(slots=True)
class Branch:
    """A place in the file: the ``key`` that ends here, or what may stand below, or both.

    ``rows`` says that it is a list, each of which may have what is below.
    """

    below: dict[str, "Branch"] = field(default_factory=dict)
    key: Key | None = None
    rows: bool = False

    @property
    def kind(self) -> Kind | None:
        """How its value is written, if it is one value."""
        return self.key.kind if self.key is not None and not self.below else None


def _planted() -> Branch:
    top = Branch()
    for key in KEYS:
        place = top
        for piece in key.name.split("."):
            place = place.below.setdefault(piece.removesuffix("[]"), Branch())
            place.rows = place.rows or piece.endswith("[]")
        place.key = key
    return top


TREE = _planted()
"""All keys, as they stand in a file."""


def _by_name() -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for key in KEYS:
        if isinstance(key.outcome, Honoured):
            name = key.name.partition("[]")[0]
            found[name] = found.get(name, frozenset()) | set(key.outcome.settings)
    return found


SETTINGS = _by_name()
"""The settings that are set by a key, or by what stands in a list of that name."""


def leaves() -> Iterator[Key]:
    """The keys that have values of their own."""
    for key in KEYS:
        if key.kind.takes != "keys and values":
            yield key

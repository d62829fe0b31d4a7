"""Platforms: what a machine is, what an image is for, and which image suits which machine.

Names are compared in their normal form (image-spec, Platform Variants), in which they are kept.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from lading.errors import ReferenceInvalid

Item = TypeVar("Item")

_SYSTEMS = {"macos": "darwin"}
_ARCHITECTURES = {
    "i386": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_VARIANTS = {
    ("amd64", "v1"): "",
    ("arm64", "8"): "",
    ("arm64", "v8"): "",
    ("arm64", "v8.0"): "",
    ("arm64", "9"): "v9",
    ("arm64", "9.0"): "v9",
    ("arm64", "v9.0"): "v9",
    ("arm", ""): "v7",
    ("arm", "5"): "v5",
    ("arm", "6"): "v6",
    ("arm", "7"): "v7",
    ("arm", "8"): "v8",
}
_KNOWN = frozenset({"os", "architecture", "variant", "os.version", "os.features"})
# From Windows Server 2022 on, a host also runs images of the long-term release before it.
_FIRST_STABLE = 20348
_LONG_TERM = (20348, 26100)
_HIGHEST = 99
_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)
_PART = r"[A-Za-z0-9_.-]+"
_TEXT = re.compile(
    rf"({_PART})(?:\(([A-Za-z0-9_.-]*)((?:\+{_PART})*)\))?/({_PART})(?:/({_PART}))?", re.ASCII
)

UNKNOWN = "unknown"
"""System and architecture of entries that are no images, such as attestations."""


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and an architecture, as narrow as is known."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()
    rest: Mapping[str, Any] | None = field(default=None, compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``os[(version[+feature…])]/architecture[/variant]``, such as ``linux/arm64``.

        Raises:
            ReferenceInvalid: it is written otherwise.
        """
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            error = ReferenceInvalid(f"{text!r} is not a platform")
            error.advice = "Write OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, such as linux/arm64."
            raise error
        system, version, features, architecture, variant = (each or "" for each in found.groups())
        return cls(system, architecture, variant, version, tuple(features.split("+")[1:])).normal

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """Read the object that an index or a config has; what it lacks is empty."""
        rest = {key: value for key, value in found.items() if key not in _KNOWN}
        features = found.get("os.features") or ()
        if not isinstance(features, list | tuple):
            rest["os.features"], features = features, ()
        return cls(
            str(found.get("os") or ""),
            str(found.get("architecture") or ""),
            str(found.get("variant") or ""),
            str(found.get("os.version") or ""),
            tuple(str(each) for each in features),
            rest or None,
        )

    def as_json(self) -> dict[str, Any]:
        """The platform as a JSON object of the image spec."""
        found: dict[str, Any] = {"architecture": self.architecture, "os": self.os}
        if self.os_version:
            found["os.version"] = self.os_version
        if self.os_features:
            found["os.features"] = list(self.os_features)
        if self.variant:
            found["variant"] = self.variant
        return found | dict(self.rest or {})

    @property
    def normal(self) -> Self:
        """The same platform by the names that everybody uses for it."""
        system = self.os.lower()
        architecture, implied = _ARCHITECTURES.get(
            self.architecture.lower(), (self.architecture.lower(), "")
        )
        variant = self.variant.lower() or implied
        variant = _VARIANTS.get((architecture, variant), variant)
        return type(self)(
            _SYSTEMS.get(system, system),
            architecture,
            variant,
            self.os_version,
            self.os_features,
            self.rest,
        )

    def __str__(self) -> str:
        inner = "+".join((self.os_version, *self.os_features))
        system = f"{self.os}({inner})" if inner else self.os
        return "/".join(filter(None, (system, self.architecture, self.variant)))


def choose(wanted: Platform, among: Sequence[tuple[Platform, Item]]) -> Item | None:
    """What suits *wanted* best, the first of several; ``None`` if nothing does."""
    wanted = wanted.normal
    offered = [
        (platform, item)
        for platform, item in ((each.normal, item) for each, item in among)
        if _suits(wanted, platform)
    ]
    for preferred in _preferences(wanted):
        fitting = [each for each in offered if preferred == (each[0].architecture, each[0].variant)]
        if fitting:
            return max(fitting, key=lambda each: _closeness(wanted, each[0]))[1]
    return None


def _preferences(wanted: Platform) -> Iterator[tuple[str, str]]:
    """Architectures and variants that run on *wanted*, the best first."""
    architecture, variant = wanted.architecture, wanted.variant
    yield architecture, variant
    match architecture:
        case "amd64":
            for level in _levels(_number(variant) or 1, 1):
                yield "amd64", f"v{level}" if level > 1 else ""
            yield "386", ""
        case "arm":
            yield from _arm(_number(variant))
        case "arm64":
            yield from _arm64(variant or "v8")
            yield from _arm(8)
        case _:
            yield architecture, ""


def _levels(highest: int, lowest: int) -> range:
    # What somebody wrote may be any number; there are no levels beyond these.
    return range(min(highest, _HIGHEST), lowest - 1, -1)


def _arm(level: int) -> Iterator[tuple[str, str]]:
    for each in _levels(level, 5):
        yield "arm", f"v{each}"


def _arm64(variant: str) -> Iterator[tuple[str, str]]:
    major, _, minor = variant.removeprefix("v").partition(".")
    level = _number(minor)
    if major == "9":
        for each in _levels(level, 0):
            yield "arm64", f"v9.{each}" if each else "v9"
        # Armv9.n has all that Armv8.(n+5) has.
        level = min(level + 5, 9)
    for each in _levels(level, 0):
        yield "arm64", f"v8.{each}" if each else ""


def _number(text: str) -> int:
    digits = text.removeprefix("v")
    return int(digits) if _DIGITS.fullmatch(digits) else 0


def _suits(wanted: Platform, offered: Platform) -> bool:
    """Whether the system of *offered* is that of *wanted*, or one that it runs."""
    if wanted.os != offered.os or offered.architecture == UNKNOWN:
        return False
    # Who names no features leaves open which there are.
    if wanted.os_features and not set(offered.os_features) <= set(wanted.os_features):
        return False
    if wanted.os == "windows" and wanted.os_version and offered.os_version:
        return _windows_runs(wanted.os_version, offered.os_version)
    return True


def _closeness(wanted: Platform, offered: Platform) -> tuple[int, int]:
    """How near *offered*, which suits, comes to *wanted*: its features, then its Windows."""
    features = len(offered.os_features) if wanted.os_features else -len(offered.os_features)
    build = _build(offered.os_version) if wanted.os == "windows" and wanted.os_version else 0
    return features, build


def _windows_runs(host: str, image: str) -> bool:
    """Whether Windows *host* runs containers of *image*; versions are ``10.0.BUILD.REVISION``."""
    ours, theirs = host.split("."), image.split(".")
    if ours[:2] != theirs[:2] or len(ours) < 3 or len(theirs) < 3:
        return False
    here, there = _build(host), _build(image)
    if here < _FIRST_STABLE:
        return here == there
    oldest = max((each for each in _LONG_TERM if each < here), default=_FIRST_STABLE)
    return oldest <= there <= here


def _build(version: str) -> int:
    parts = version.split(".")
    return _number(parts[2]) if len(parts) > 2 else 0

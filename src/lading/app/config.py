"""Every setting there is: one tree of values, which carries its own documentation.

A setting is a field made by `option`: its default, what it is for, and how it is read from text.
The reference page, the validation of files and variables, and ``--help`` follow from that. Nothing
here reads a file or the environment (``sources.py`` does); components never see this tree, they
are given the two or three values they need.
"""

# ruff: noqa: RUF009 - `option` and `section` make fields, as `dataclasses.field` does

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from lading.app.values import (
    Reader,
    address,
    choice,
    count,
    duration,
    flag,
    folder,
    optional,
    size,
)

KIB = 1 << 10
MIB = 1 << 20


def option(default: Any, doc: str, reader: Reader[Any]) -> Any:
    """A setting: what it is when nobody says otherwise, what it is for, how it is read."""
    return field(default=default, metadata={"doc": doc, "reader": reader})


def section(kind: type, doc: str) -> Any:
    """A group of settings under one key."""
    return field(default_factory=kind, metadata={"doc": doc})


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What is written about requests and events."""

    access: bool = option(True, "Write a line to standard output for each request.", flag)
    format: str = option(
        "auto",
        "How events look on standard error: text for people, json for programs; auto is text on a "
        "terminal.",
        choice("auto", "text", "json"),
    )
    level: str = option(
        "info",
        "The least serious events that are written.",
        choice("debug", "info", "warning", "error"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """What a connection may do, and for how long."""

    head_limit: int = option(64 * KIB, "The longest head of a request, in bytes.", size)
    head_timeout: timedelta = option(
        timedelta(seconds=30), "How long a request's head may take to arrive.", duration
    )
    keep_alive: timedelta = option(
        timedelta(seconds=120),
        "How long an idle connection stays open. Clients keep theirs for 90 s and stumble over "
        "one that is closed earlier.",
        duration,
    )
    body_timeout: timedelta = option(
        timedelta(seconds=60), "How long a body may stand still before it is given up.", duration
    )
    lane_from: int | None = option(
        64 * KIB,
        "From which size on, in bytes, bodies bypass the event loop; unset: none do.",
        optional(size),
    )
    discard_limit: int = option(
        64 * MIB,
        "How much of a body that was refused is read and thrown away, in bytes, so that its "
        "sender sees the answer.",
        size,
    )
    drain: timedelta = option(
        timedelta(seconds=30),
        "How long requests in flight may go on when the server is asked to stop.",
        duration,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestsConfig:
    """Which manifests are taken."""

    missing: str = option(
        "refuse",
        "What to do with a manifest that names content that is not here; allow takes sparse "
        "images.",
        choice("refuse", "allow"),
    )
    max_size: int = option(4 * MIB, "The longest manifest, in bytes.", size)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadsConfig:
    """Which uploads are taken, and what becomes of those nobody goes on with."""

    max_size: int | None = option(None, "The longest blob, in bytes; unset: any.", optional(size))
    open: int | None = option(
        None, "How many uploads may be open at once; unset: any number.", optional(count)
    )
    expiry: timedelta = option(
        timedelta(hours=24), "An upload that took nothing for this long is forgotten.", duration
    )
    chunk_min_length: int | None = option(
        None, "What clients are asked to send at least in a chunk, in bytes.", optional(size)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorConfig:
    """When unreferenced content is removed."""

    grace: timedelta = option(
        timedelta(hours=24), "How long content may stay unreferenced before it goes.", duration
    )
    every: timedelta | None = option(
        timedelta(minutes=10),
        "How often the server collects and forgets idle uploads; unset: it does neither, nor "
        "sweeps, and leaves all of that to lading gc.",
        optional(duration),
    )
    sweep: timedelta = option(
        timedelta(hours=6),
        "How often the server walks over all content to look for what interrupted pushes left "
        "behind.",
        duration,
    )
    undo: timedelta = option(
        timedelta(0),
        "How long content is kept that only deleted tags, manifests or repositories name.",
        duration,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryConfig:
    """How much of what never changes each worker may keep in memory."""

    blobs: int = option(16 * MIB, "For small blobs, in bytes for each worker; 0 keeps none.", size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole tree. In a file it stands under one top-level key, ``lading``."""

    root: Path = option(Path("lading-data"), "The directory that holds everything.", folder)
    listen: str = option(
        "127.0.0.1:5000",
        "Where to listen, HOST:PORT. Port 0 picks a free one; an empty host means every address.",
        address,
    )
    workers: int | None = option(
        None,
        "How many processes serve; unset: one for each usable core, at most eight.",
        optional(count),
    )
    read_only: bool = option(False, "Refuse everything that would change content.", flag)
    log: LogConfig = section(LogConfig, "What is written about requests and events.")
    http: HttpConfig = section(HttpConfig, "What a connection may do, and for how long.")
    manifests: ManifestsConfig = section(ManifestsConfig, "Which manifests are taken.")
    uploads: UploadsConfig = section(
        UploadsConfig, "Which uploads are taken, and how long they live."
    )
    collector: CollectorConfig = section(CollectorConfig, "When unreferenced content is removed.")
    memory: MemoryConfig = section(
        MemoryConfig, "How much of what never changes each worker may keep in memory."
    )


@dataclass(frozen=True, slots=True)
class Setting:
    """One leaf of the tree: its dotted key, default, purpose and reader."""

    key: str
    default: Any
    doc: str
    reader: Reader[Any]

    @property
    def variable(self) -> str:
        """The environment variable that sets it, ``LADING__HTTP__HEAD_LIMIT`` and the like."""
        return "LADING__" + self.key.replace(".", "__").upper()


def settings(kind: type = Config, prefix: str = "") -> Iterator[Setting]:
    """Every setting below *kind*, in the order of the tree."""
    for each in fields(kind):
        key = prefix + each.name
        inner = _section_of(each)
        if inner is not None:
            yield from settings(inner, key + ".")
        else:
            yield Setting(key, each.default, each.metadata["doc"], each.metadata["reader"])


def sections(kind: type = Config) -> Iterator[tuple[str, str]]:
    """Every group of settings: its key and what it is for."""
    for each in fields(kind):
        if _section_of(each) is not None:
            yield each.name, each.metadata["doc"]


def built(values: dict[str, Any]) -> Config:
    """The tree in which the settings named in *values* (dotted keys) are not the default."""
    return cast("Config", _built(Config, values, ""))


def _built(kind: type, values: dict[str, Any], prefix: str) -> Any:
    given: dict[str, Any] = {}
    for each in fields(kind):
        key = prefix + each.name
        inner = _section_of(each)
        if inner is not None:
            given[each.name] = _built(inner, values, key + ".")
        elif key in values:
            given[each.name] = values[key]
    return kind(**given)


def _section_of(each: "Field[Any]") -> type | None:
    inner = each.default_factory
    return inner if isinstance(inner, type) and is_dataclass(inner) else None

"""Settings of what is taken, kept and collected."""

# ruff: noqa: RUF009 - `option` and `section` make fields, as `dataclasses.field` does

from dataclasses import dataclass
from datetime import timedelta

from lading.app.config.options import option, section
from lading.app.config.structures import listed, rows
from lading.app.config.values import (
    choice,
    count,
    duration,
    flag,
    interval,
    optional,
    pattern,
    size,
    words,
)

MIB = 1 << 20

CLASSES = ("image", "plugin")
"""The kinds of content that can be told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformConfig:
    """A platform that images are for."""

    architecture: str = option("", "Its processor, as Go writes it.", words)
    os: str = option("", "Its operating system, as Go writes it.", words)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationConfig:
    """What a manifest has to keep to, beside being one."""

    urls: bool = option(
        False,
        "Look at the URLs of layers that are kept elsewhere; without rules none is taken.",
        flag,
    )
    urls_allow: tuple[str, ...] = option(
        (), "Regular expressions; a URL has to match one of them.", listed(pattern)
    )
    urls_deny: tuple[str, ...] = option(
        (), "Regular expressions; a URL may match none of them.", listed(pattern)
    )
    platforms: str = option(
        "all",
        "Of which platforms an index's manifests have to be here: all, none, or those listed.",
        choice("all", "none", "list"),
    )
    platform_list: tuple[PlatformConfig, ...] = option(
        (), "Those platforms.", rows(PlatformConfig, what="a platform")
    )
    classes: tuple[str, ...] = option(
        (),
        "Which kinds of content are taken, image and plugin; unset: every kind.",
        listed(choice(*CLASSES)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListsConfig:
    """How long lists may be."""

    catalog: int = option(1000, "The most repositories in one answer.", count)
    tags: int = option(1000, "The most tags in one answer.", count)
    strict: bool = option(
        False,
        "Refuse to list more repositories than that instead of listing fewer, and list all tags "
        "to whoever names no number, as Distribution does.",
        flag,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestsConfig:
    """Which manifests are taken."""

    validation: ValidationConfig = section(
        ValidationConfig, "What a manifest has to keep to, beside being one."
    )
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
    purge: bool = option(True, "Forget them at all.", flag)
    purge_dry_run: bool = option(False, "Only tell in the log which would be forgotten.", flag)
    purge_every: timedelta | None = option(
        None,
        "How often to look for them; unset: whenever content is collected.",
        optional(interval),
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
        "How often the server collects, and forgets idle uploads unless uploads.purge_every says "
        "when; unset: it neither collects nor sweeps, and leaves that to lading gc.",
        optional(interval),
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

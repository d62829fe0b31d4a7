"""Every setting there is: one tree of values, which carries its own documentation.

Nothing here reads a file or the environment (``sources.py`` does); components never see this tree,
they are given the two or three values they need.
"""

# ruff: noqa: RUF009 - `option` and `section` make fields, as `dataclasses.field` does

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lading.app.config import options
from lading.app.config.access import AuthConfig
from lading.app.config.content import (
    CollectorConfig,
    ListsConfig,
    ManifestsConfig,
    MemoryConfig,
    UploadsConfig,
)
from lading.app.config.doors import HttpConfig, TlsConfig
from lading.app.config.notices import NotificationsConfig
from lading.app.config.options import Setting, option, section
from lading.app.config.structures import listed
from lading.app.config.values import count, flag, folder, optional, place, proxy
from lading.app.config.watching import DebugConfig, HealthConfig, LogConfig, TracingConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole tree. In a file it stands under one top-level key, ``lading``."""

    root: Path = option(Path("lading-data"), "The directory that holds everything.", folder)
    temporary: bool = option(
        False, "Keep everything in a new directory instead, which is removed at the end.", flag
    )
    listen: str = option(
        "127.0.0.1:5000",
        "Where to listen: HOST:PORT, or unix:PATH. Port 0 picks a free one; an empty host means "
        "every address. A socket that systemd hands over comes first.",
        place,
    )
    workers: int | None = option(
        None,
        "How many processes serve; unset: one for each usable core, at most eight.",
        optional(count),
    )
    read_only: bool = option(False, "Refuse everything that would change content.", flag)
    deletes: bool = option(True, "Let clients delete tags, manifests, blobs, repositories.", flag)
    trusted_proxies: tuple[str, ...] = option(
        (),
        "Whose word is taken for where a request came from and what it came to (Forwarded, "
        "X-Forwarded-*): addresses and networks, unix for local sockets, any for anybody.",
        listed(proxy),
    )
    auth: AuthConfig = section(AuthConfig, "Who may come in.")
    tls: TlsConfig = section(TlsConfig, "Whether and how connections are encrypted.")
    log: LogConfig = section(LogConfig, "What is written about requests and events.")
    health: HealthConfig = section(HealthConfig, "What has to be well.")
    debug: DebugConfig = section(DebugConfig, "A second address, for those who run the server.")
    tracing: TracingConfig = section(TracingConfig, "Traces for OpenTelemetry.")
    notifications: NotificationsConfig = section(NotificationsConfig, "Who is told what happened.")
    http: HttpConfig = section(HttpConfig, "What a connection may do, and for how long.")
    lists: ListsConfig = section(ListsConfig, "How long lists may be.")
    manifests: ManifestsConfig = section(ManifestsConfig, "Which manifests are taken.")
    uploads: UploadsConfig = section(
        UploadsConfig, "Which uploads are taken, and how long they live."
    )
    collector: CollectorConfig = section(CollectorConfig, "When unreferenced content is removed.")
    memory: MemoryConfig = section(
        MemoryConfig, "How much of what never changes each worker may keep in memory."
    )


def settings() -> Iterator[Setting]:
    """Every setting, in the order of the tree."""
    return options.settings_of(Config)


def sections() -> Iterator[tuple[str, str]]:
    """Every group of settings: its dotted key and what it is for."""
    return options.sections_of(Config)


def built(values: Mapping[str, Any]) -> Config:
    """The tree in which the settings named in *values* (dotted keys) are not the default."""
    return cast("Config", options.built(Config, values))

"""Settings of who is told what happened."""

# ruff: noqa: RUF009 - `option` makes fields, as `dataclasses.field` does

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from lading.app.config.options import option
from lading.app.config.structures import listed, mapped, rows
from lading.app.config.values import choice, count, duration, flag, words


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfig:
    """Somebody who is told."""

    name: str = option(
        "", "What it is called; keep it, since the place in the log is kept by it.", words
    )
    url: str = option("", "Where events are posted.", words)
    disabled: bool = option(False, "Tell it nothing.", flag)
    headers: Mapping[str, tuple[str, ...]] = option(
        {}, "What is sent along.", mapped(listed(words)), secret=True
    )
    timeout: timedelta = option(timedelta(seconds=1), "How long an answer may take.", duration)
    threshold: int = option(10, "After how many failures in a row it is given a rest.", count)
    backoff: timedelta = option(timedelta(seconds=1), "How long that rest is at first.", duration)
    ignore_media_types: tuple[str, ...] = option(
        (), "Targets of these types are not told of.", listed(words)
    )
    ignore_actions: tuple[str, ...] = option(
        (), "These actions are not told of.", listed(choice("pull", "push", "mount", "delete"))
    )
    format: str = option(
        "distribution",
        "How events are written: distribution is that registry's envelope; cloudevents is "
        "CloudEvents 1.0 in structured JSON.",
        choice("distribution", "cloudevents"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationsConfig:
    """Who is told what happened."""

    endpoints: tuple[EndpointConfig, ...] = option(
        (), "Who is told.", rows(EndpointConfig, what="an endpoint")
    )
    include_references: bool = option(False, "Tell of a manifest also what it names.", flag)
    relative_urls: bool = option(
        False, "Name what happened by a path, without a host, unless http.host is set.", flag
    )
    give_up: timedelta = option(
        timedelta(days=7),
        "An event that could not be delivered for this long is skipped, and told in the log.",
        duration,
    )
    keep: timedelta = option(
        timedelta(days=7),
        "How long events stay in the log after everybody has been told.",
        duration,
    )

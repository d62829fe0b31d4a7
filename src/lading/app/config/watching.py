"""Settings of what the server tells about itself: logs, health, metrics."""

# ruff: noqa: RUF009 - `option` and `section` make fields, as `dataclasses.field` does

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from lading.app.config.options import option, section
from lading.app.config.structures import listed, mapped, rows
from lading.app.config.values import (
    address,
    choice,
    count,
    duration,
    flag,
    number,
    optional,
    url_path,
    web_url,
    words,
)

_MOMENT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookConfig:
    """Somebody who is sent log lines by mail."""

    levels: tuple[str, ...] = option(
        ("error",),
        "Which events are sent.",
        listed(choice("panic", "fatal", "error", "warn", "warning", "info", "debug")),
    )
    smtp: str = option("", "The mail server, HOST:PORT.", words)
    username: str = option("", "The user there; empty: nobody logs in.", words)
    password: str = option("", "That user's password.", words, secret=True)
    sender: str = option("", "Whom the mail is from.", words)
    recipients: tuple[str, ...] = option((), "Whom it is for.", listed(words))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What is written about requests and events."""

    access: bool = option(True, "Write a line to standard output for each request.", flag)
    access_format: str = option(
        "extended",
        "How that line looks: combined is Apache's form; extended adds milliseconds and the "
        "request's id; json is an object of all of it.",
        choice("extended", "combined", "json"),
    )
    requests: bool = option(False, "Write an event to standard error for each request, too.", flag)
    format: str = option(
        "auto",
        "How events look on standard error: text for people, json for programs; auto is text on a "
        "terminal. logfmt and logrus are the text and the JSON that Distribution writes.",
        choice("auto", "text", "json", "logfmt", "logrus"),
    )
    level: str = option(
        "info",
        "The least serious events that are written.",
        choice("debug", "info", "warning", "error"),
    )
    fields: Mapping[str, object] = option({}, "Facts that every event carries.", mapped(words))
    caller: bool = option(False, "Say which line of the program wrote an event.", flag)
    hooks: tuple[HookConfig, ...] = option(
        (), "Who is sent events by mail.", rows(HookConfig, what="a mail hook")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageCheckConfig:
    """Whether the stores are looked at."""

    enabled: bool = option(False, "Look at the stores now and then.", flag)
    interval: timedelta = option(_MOMENT, "How often.", duration)
    threshold: int = option(0, "After how many failures in a row it counts.", number)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCheckConfig:
    """A file that takes the server out of service while it exists."""

    file: str = option("", "Its path.", words)
    interval: timedelta = option(_MOMENT, "How often it is looked for.", duration)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCheckConfig:
    """A URL that has to answer."""

    uri: str = option("", "The URL, asked by HEAD.", web_url)
    headers: Mapping[str, tuple[str, ...]] = option(
        {}, "What is sent along.", mapped(listed(words)), secret=True
    )
    status: int = option(200, "Which status is well.", count)
    timeout: timedelta = option(timedelta(0), "How long it may take; 0: any time.", duration)
    interval: timedelta = option(_MOMENT, "How often it is asked.", duration)
    threshold: int = option(0, "After how many failures in a row it counts.", number)

    def __post_init__(self) -> None:
        """Refuse a check of nothing, which would fail for ever."""
        if not self.uri:
            raise ValueError("an HTTP check needs a uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpCheckConfig:
    """An address that has to take connections."""

    address: str = option("", "HOST:PORT.", address)
    timeout: timedelta = option(timedelta(0), "How long it may take; 0: any time.", duration)
    interval: timedelta = option(_MOMENT, "How often it is tried.", duration)
    threshold: int = option(0, "After how many failures in a row it counts.", number)

    def __post_init__(self) -> None:
        """Refuse a check of nothing, which would fail for ever."""
        if not self.address:
            raise ValueError("a TCP check needs an address")


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthConfig:
    """What has to be well; while anything is not, every request is answered by 503."""

    storage: StorageCheckConfig = section(StorageCheckConfig, "Whether the stores are looked at.")
    files: tuple[FileCheckConfig, ...] = option(
        (),
        "Files that take the server out of service while they exist.",
        rows(FileCheckConfig, what="a file check"),
    )
    http: tuple[HttpCheckConfig, ...] = option(
        (), "URLs that have to answer.", rows(HttpCheckConfig, what="an HTTP check")
    )
    tcp: tuple[TcpCheckConfig, ...] = option(
        (), "Addresses that have to take connections.", rows(TcpCheckConfig, what="a TCP check")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugConfig:
    """A second address, for those who run the server."""

    listen: str | None = option(
        None,
        "Where health, metrics and the like are answered, HOST:PORT; unset: nowhere. Do not let "
        "strangers reach it.",
        optional(address),
    )
    metrics: bool = option(False, "Answer Prometheus there.", flag)
    metrics_path: str = option("/metrics", "Under which path.", url_path)


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingConfig:
    """Traces for OpenTelemetry. Nothing is sent until there is an endpoint."""

    endpoint: str = option(
        "",
        "Where traces are sent, an OTLP URL; empty: what OTEL_EXPORTER_OTLP_ENDPOINT or "
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT says, and without that nowhere.",
        words,
    )
    service: str = option("lading", "What the server is called there.", words)

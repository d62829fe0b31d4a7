"""What there is to look at: the stores, files, URLs, and addresses that take connections."""

import asyncio
import contextlib
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from lading.app.config.values import split_address
from lading.app.config.watching import HealthConfig
from lading.app.urls import parted, shown
from lading.app.watching.health import Check, Probe
from lading.app.watching.trust import trusting
from lading.wire.headers import utf8

_PATIENCE = 60.0
"""Seconds after which somebody who was given any time is not waited for any more."""


class Unwell(Exception):
    """A check failed; the text says how."""


def checks(config: HealthConfig, *, storage: Probe, driver: str) -> Sequence[Check]:
    """All that *config* wants to be looked at; *storage* reaches the stores, which *driver* names."""
    found: dict[str, Check] = {}
    for check in _checks(config, storage, driver):
        name, number = check.name, 1
        # What fails goes by its name, so two that look alike must not answer for each other.
        while name in found:
            number += 1
            name = f"{check.name} ({number})"
        found[name] = replace(check, name=name)
    return list(found.values())


def _checks(config: HealthConfig, storage: Probe, driver: str) -> Iterator[Check]:
    if config.storage.enabled:
        yield Check(
            name=f"storagedriver_{driver}",
            probe=storage,
            interval=config.storage.interval,
            threshold=config.storage.threshold,
        )
    for file in config.files:
        yield Check(name=file.file, probe=file_probe(file.file), interval=file.interval)
    for asked in config.http:
        probe = http_probe(asked.uri, asked.headers, status=asked.status, timeout=asked.timeout)
        name = shown(asked.uri)
        yield Check(name=name, probe=probe, interval=asked.interval, threshold=asked.threshold)
    for called in config.tcp:
        yield Check(
            name=called.address,
            probe=tcp_probe(called.address, timeout=called.timeout),
            interval=called.interval,
            threshold=called.threshold,
        )


def file_probe(path: str) -> Probe:
    """Fails while *path* exists."""

    async def probe() -> None:
        if await asyncio.to_thread(os.path.lexists, path):
            raise Unwell("file exists")

    return probe


def tcp_probe(address: str, *, timeout: timedelta) -> Probe:
    """Fails when nobody takes a connection at *address*, HOST:PORT."""

    async def probe() -> None:
        try:
            async with asyncio.timeout(_seconds(timeout)):
                _, writer = await asyncio.open_connection(*split_address(address))
        except OSError:
            raise Unwell(f"connection to {address} failed") from None
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    return probe


def http_probe(
    uri: str, headers: Mapping[str, Sequence[str]], *, status: int, timeout: timedelta
) -> Probe:
    """Fails when a HEAD of *uri* is not answered by *status*, after redirects.

    A login in the URI is shown to whoever is asked first.
    """
    place, login = parted(uri)
    context = trusting()

    def ask() -> int:
        fields = {name: utf8(", ".join(values)) for name, values in headers.items()}
        request = urllib.request.Request(place, method="HEAD", headers=fields)  # noqa: S310 - the operator names it
        if login is not None:
            request.add_unredirected_header("Authorization", login)
        try:
            limit = _seconds(timeout)
            with urllib.request.urlopen(request, timeout=limit, context=context) as answer:  # noqa: S310 - as above
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except urllib.error.URLError as error:
            raise Unwell(f"error while checking: {shown(uri)}: {error.reason}") from None

    async def probe() -> None:
        found = await asyncio.to_thread(ask)
        if found != status:
            raise Unwell(f"downstream service returned unexpected status: {found}")

    return probe


def _seconds(timeout: timedelta) -> float:
    return timeout.total_seconds() or _PATIENCE

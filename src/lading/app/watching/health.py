"""Whether the server is well: checks that go on beside it, and what all workers know of them.

The first worker does the checks; what fails is written into memory that all share, so all agree at
once. A worker that takes over its place begins anew, and until its first checks are done, what was
found before holds.
"""

import asyncio
import contextlib
import json
import logging
import mmap
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from lading.wire import problems
from lading.wire.message import Handler, Request, Response

log = logging.getLogger(__name__)

_ROOM = 1 << 16
_LONGEST = 512
_LIVENESS = "/healthz"


Probe = Callable[[], Awaitable[None]]
"""Looks once, and raises if something is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something to look at every *interval*; *threshold* failures in a row count, at least one."""

    name: str
    probe: Probe
    interval: timedelta
    threshold: int = 1


class Health:
    """What fails at the moment, in memory that all workers share; made before the fork."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _ROOM)
        self._failures: dict[str, str] = {}

    @property
    def is_well(self) -> bool:
        """Whether nothing fails."""
        return self._memory[0] == 0

    def failures(self) -> Mapping[str, str]:
        """What fails, and how."""
        while True:
            # The writer counts before and after it writes, so a reader sees that it came between.
            before = self._memory[1]
            size = int.from_bytes(self._memory[2:6], "big")
            told = self._memory[6 : 6 + size]
            if before == self._memory[1] and before % 2 == 0:
                return dict(json.loads(told)) if size else {}

    def begin(self) -> None:
        """Be the one who writes from now on: go on from what was found before."""
        self._memory[1] = self._memory[1] & 0xFE
        with contextlib.suppress(ValueError):
            self._failures = dict(self.failures())

    def tell(self, name: str, failure: str | None) -> None:
        """Say how check *name* fails, or that it does not."""
        if failure is None:
            self._failures.pop(name, None)
        else:
            self._failures[name] = failure[:_LONGEST]
        told = json.dumps(self._failures).encode() if self._failures else b""
        while len(told) > _ROOM - 6:
            self._failures.popitem()
            told = json.dumps(self._failures).encode()
        self._memory[1] = (self._memory[1] + 1) % 256
        self._memory[2:6] = len(told).to_bytes(4, "big")
        self._memory[6 : 6 + len(told)] = told
        self._memory[0] = bool(self._failures)
        self._memory[1] = (self._memory[1] + 1) % 256


class Gate:
    """Answers 503 in place of *inner* while anything fails, except to who asks for a sign of life."""

    def __init__(self, inner: Handler, health: Health) -> None:
        self._inner = inner
        self._health = health

    async def __call__(self, request: Request) -> Response:
        """Pass *request* on if all is well."""
        # A server that is out of service lives: to restart it would not help.
        if self._health.is_well or request.path == _LIVENESS:
            return await self._inner(request)
        response = problems.unwell()
        if request.method == "HEAD":
            response.body = b""
        return response


async def watch(checks: Sequence[Check], health: Health) -> None:
    """Do *checks* for ever, each on its own time, the first time after one interval."""
    health.begin()
    known = {check.name for check in checks}
    for gone in health.failures().keys() - known:
        health.tell(gone, None)
    async with asyncio.TaskGroup() as tasks:
        for check in checks:
            tasks.create_task(_repeat(check, health))


async def _repeat(check: Check, health: Health) -> None:
    failed = 0
    while True:
        await asyncio.sleep(check.interval.total_seconds())
        failure = await _failure(check)
        failed = failed + 1 if failure is not None else 0
        if failure is None:
            if check.name in health.failures():
                log.info("health check passes again", extra={"check": check.name})
            health.tell(check.name, None)
        elif failed >= check.threshold:
            if check.name not in health.failures():
                facts = {"check": check.name, "reason": failure}
                log.error("health check fails: every request is answered by 503", extra=facts)
            health.tell(check.name, failure)


async def _failure(check: Check) -> str | None:
    try:
        await check.probe()
    except Exception as error:  # noqa: BLE001 - whatever is wrong is what was asked
        return str(error) or type(error).__name__
    return None

"""Certificates are got when they are missing, and renewed when two thirds of their life are over.

Of all workers one does it, and when that one dies, another.
"""

import asyncio
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509

from lading.app.acme.folder import Folder

log = logging.getLogger(__name__)

_PAUSES = [timedelta(minutes=minutes) for minutes in (1, 3, 10, 30, 120, 360, 720)]
"""After a failure, and one after the other; authorities allow few in an hour."""
_LOOK = 1.0
_WAIT_FOR_TURN = 5.0
_JITTER = 0.02
"""Up to which part of its life a certificate is renewed earlier, so that not all are at once."""


class Renewal:
    """Keeps the certificates of *hosts* in *folder* fresh.

    *obtain* gets one and keeps it, blocking, or raises *refusal*, whose text says why not. Nothing
    is asked for or written while *may_write* says no. *pause* waits for seconds.
    """

    def __init__(
        self,
        folder: Folder,
        hosts: Sequence[str],
        obtain: Callable[[str], None],
        *,
        refusal: type[Exception],
        may_write: Callable[[], bool] = lambda: True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._folder = folder
        self._hosts = hosts
        self._obtain = obtain
        self._refusal = refusal
        self._may_write = may_write
        self._now = now
        self._pause = pause
        self._early = {host: _JITTER * chance() for host in hosts}

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            try:
                if self._may_write():
                    with self._folder.turn() as ours:
                        while ours and self._may_write():
                            await self._round()
                            await self._pause(_LOOK)
                else:
                    with self._folder.watch() as ours:
                        await self._wait(telling=ours)
            except OSError as error:
                log.error("certificates cannot be kept: %s: %s", error.filename, error.strerror)  # noqa: TRY400 - a fact
            await self._pause(_WAIT_FOR_TURN)

    async def _wait(self, *, telling: bool) -> None:
        """Wait until something may be written; if *telling*, say once that certificates wait."""
        while not self._may_write():
            waiting = [host for host in self._hosts if self.due(host) <= self._now()]
            if telling and waiting:
                telling = False
                log.warning(
                    "no certificate is asked for while the registry is read-only, since they are "
                    "kept in its directory",
                    extra={"hosts": waiting},
                )
            await self._pause(_LOOK)

    def due(self, host: str) -> datetime:
        """When *host* is to get its next certificate."""
        count, last = self._folder.failures(host)
        again = datetime.fromtimestamp(last, UTC)
        if count:
            again += _PAUSES[min(count, len(_PAUSES)) - 1]
        return max(self._expected(host), again)

    def _expected(self, host: str) -> datetime:
        try:
            pem = self._folder.certificate(host).read_bytes()
            found = x509.load_pem_x509_certificate(pem)
        except (FileNotFoundError, ValueError):
            return datetime.min.replace(tzinfo=UTC)
        begin, end = found.not_valid_before_utc, found.not_valid_after_utc
        return begin + (end - begin) * (2 / 3 - self._early[host])

    async def _round(self) -> None:
        for host in self._hosts:
            if self.due(host) > self._now():
                continue
            log.info("asking for a certificate", extra={"host": host})
            try:
                await _in_a_thread(lambda host=host: self._obtain(host))  # type: ignore[misc]  # mypy knows no default here
            except self._refusal as error:
                self._folder.failed(host)
                log.error(  # noqa: TRY400 - a fact, not a mistake of ours
                    "no certificate: %s",
                    error,
                    extra={"host": host, "again": self.due(host).isoformat(timespec="seconds")},
                )
            else:
                self._folder.succeeded(host)
                log.info("certificate obtained", extra={"host": host})


async def _in_a_thread(work: Callable[[], None]) -> None:
    """Do *work* in a thread for which nobody waits when the server ends: it may take minutes."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error = None
        try:
            work()
        except Exception as caught:  # noqa: BLE001 - it is raised where it is waited for
            error = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=run, name="lading-acme", daemon=True).start()
    await done

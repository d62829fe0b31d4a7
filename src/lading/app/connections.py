"""All connections of one worker: they are made here, kept to their times, and brought to their end."""

import asyncio
from email.utils import formatdate

from lading.app.connection import Common, Connection


class Connections(Common):
    """A protocol for each connection, and one sweep over all of them."""

    def __call__(self) -> Connection:
        """A protocol for one connection, as ``loop.create_server`` wants it."""
        return Connection(self)

    def sweep(self) -> None:
        """Look at the clock once for all: close what waited too long, renew the date."""
        now = self.loop.time()
        self.date = f"date: {formatdate(usegmt=True)}\r\n"
        for connection in tuple(self.open):
            connection.check(now)

    async def keep_time(self) -> None:
        """Sweep every second until cancelled."""
        while True:
            self.sweep()
            await asyncio.sleep(1)

    async def drain(self, *, deadline: float) -> None:
        """Close idle connections, let requests in flight finish for *deadline* s, abort the rest."""
        self.closing = True
        for connection in tuple(self.open):
            connection.close_when_idle()
        until = self.loop.time() + deadline
        while self.open and self.loop.time() < until:  # noqa: ASYNC110  # also the clock ends it
            await asyncio.sleep(0.02)
        for connection in tuple(self.open):
            connection.abort()
        await asyncio.sleep(0)

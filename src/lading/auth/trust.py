"""Where the keys that sign tokens come from, and how changes of them are noticed."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from lading.auth.keys import NO_KEYS, Keyring, joined, read_keys
from lading.auth.watched import Unreadable
from lading.errors import LadingError

log = logging.getLogger(__name__)

_SOONEST = 10.0
_FIRST_PAUSE = 1.0


class FetchedKeys:
    """Keys of a URL, which *fetch* brings. What is there stays when that fails.

    Args:
        fetch: brings the set of keys, or raises `LadingError`.
        every: seconds after which they are fetched again.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[bytes]],
        *,
        every: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._fetch = fetch
        self._every = every
        self._clock = clock
        self._sleep = sleep
        self._keys = NO_KEYS
        self._content = b""
        self._failed = False
        self._soonest = 0.0
        self._fetching: asyncio.Task[None] | None = None

    def __call__(self) -> Keyring:
        """The keys that were brought last."""
        return self._keys

    async def run(self) -> None:
        """Fetch them again and again, and soon again when that fails."""
        pause = _FIRST_PAUSE
        while True:
            await self.refresh()
            if self._failed:
                await self._sleep(min(pause, self._every))
                pause = min(pause * 2, self._every)
            else:
                await self._sleep(self._every)
                pause = _FIRST_PAUSE

    async def refresh(self) -> None:
        """Fetch them now; whoever asks while that goes on waits for the same answer."""
        if self._fetching is None:
            self._soonest = self._clock() + _SOONEST
            self._fetching = asyncio.create_task(self._fetched())
        await asyncio.shield(self._fetching)

    async def sought(self) -> None:
        """A key was asked for that is not there: fetch them, unless that was just done."""
        if self._fetching is not None or self._clock() >= self._soonest:
            await self.refresh()

    async def _fetched(self) -> None:
        try:
            content = await self._fetch()
            # Keys that are the same stay the same, so that nothing is checked again for them.
            if content != self._content:
                self._keys = read_keys(content)
                self._content = content
        except (LadingError, Unreadable) as error:
            log.error(  # noqa: TRY400 - a fact, not a mistake of ours
                "keys of tokens cannot be fetched, those that are known still hold",
                # Whoever gives out keys is no registry, of which the summary of an error speaks.
                extra={"reason": error.subject if isinstance(error, LadingError) else str(error)},
            )
            self._failed = True
        else:
            if self._failed:
                log.info("keys of tokens can be fetched again")
            self._failed = False
        finally:
            self._fetching = None


class Trust:
    """All that is trusted, of all *sources*; one keyring until one of them changes."""

    def __init__(
        self, sources: Sequence[Callable[[], Keyring]], fetched: FetchedKeys | None = None
    ) -> None:
        self._sources: list[Callable[[], Keyring]] = [*sources]
        if fetched is not None:
            self._sources.append(fetched)
        self._fetched = fetched
        self._parts: tuple[Keyring, ...] = ()
        self._joined = NO_KEYS

    def __call__(self) -> Keyring:
        """The keyring of this moment."""
        parts = tuple(source() for source in self._sources)
        if not _same(parts, self._parts):
            self._parts = parts
            self._joined = joined(parts)
        return self._joined

    async def sought(self) -> None:
        """A key was asked for that is not in the keyring; look whether it has come since."""
        if self._fetched is not None:
            await self._fetched.sought()


def _same(parts: Sequence[Keyring], others: Sequence[Keyring]) -> bool:
    return len(parts) == len(others) and all(
        one is other for one, other in zip(parts, others, strict=True)
    )

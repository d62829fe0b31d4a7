"""How fast passwords may be guessed.

Whoever fails often has to wait for each further try, by the name that was tried and by the address
it was tried from. A wait is a place in a line of tries, and does not end early for who goes away.
A right password stands in the same line, so it comes through, only later: nobody is locked out.
"""

import asyncio
import ipaddress
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lading.auth.failures import Failures, Trouble
from lading.errors import TooManyRequests

_FORGOTTEN_AFTER = 300.0
_MOST_KNOWN = 16_384
_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """How tries of one kind are slowed: *free* failures, then pauses up to *longest* seconds.

    Nobody waits for more than *patience* seconds: a line that is longer takes no more.
    """

    free: int
    first: float
    longest: float
    patience: float

    def pause(self, failures: int) -> float:
        """Seconds between tries after so many *failures*."""
        over = failures - self.free
        return 0.0 if over < 0 else min(self.longest, self.first * 2.0 ** min(over, _DOUBLINGS))


BY_NAME = Pace(free=5, first=0.05, longest=0.5, patience=15.0)
"""For one name from one address."""

BY_ADDRESS = Pace(free=20, first=0.01, longest=0.1, patience=15.0)
"""For all names from one address."""


class Guesses:
    """Who failed how often, and how long they wait for it; all workers count together.

    A name that is guessed from many addresses makes each of those wait as if it had failed as often
    as all of them, and no others.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        # What attackers can fill by names of their own makes nobody forget their addresses.
        self._pairs = Failures(_MOST_KNOWN)
        self._names = Failures(_MOST_KNOWN)
        self._addresses = Failures(_MOST_KNOWN)

    async def turn(self, name: str, address: str) -> None:
        """Wait until a password of *name* may be tried from *address*.

        Raises:
            TooManyRequests: too many wait already.
        """
        pair = self._recent(self._pairs.get(name, address))
        by_name = self._recent(self._names.get(name))
        by_address = self._recent(self._addresses.get(address))
        waits = [0.0]
        if pair is not None:
            failures = max(pair.failures, by_name.failures if by_name else 0)
            waits.append(self._place(pair, BY_NAME, failures))
            self._pairs.put(pair, name, address)
        if by_address is not None:
            waits.append(self._place(by_address, BY_ADDRESS, by_address.failures))
            self._addresses.put(by_address, address)
        if (wait := max(waits)) > 0:
            await self._sleep(wait)

    def failed(self, name: str, address: str) -> None:
        """Note that a wrong password of *name* was tried from *address*."""
        self._note(self._pairs, name, address)
        self._note(self._names, name)
        self._note(self._addresses, address)

    def _place(self, trouble: Trouble, pace: Pace, failures: int) -> float:
        """Take the next place in the line, and say how long it is until then."""
        pause = pace.pause(failures)
        if not pause:
            return 0.0
        now = self._clock()
        wait = max(0.0, trouble.next - now)
        if wait > pace.patience:
            raise TooManyRequests("passwords that are tried", retry_after=math.ceil(pause))
        trouble.next = now + wait + pause
        return wait

    def _note(self, known: Failures, *words: str) -> None:
        trouble = self._recent(known.get(*words)) or Trouble()
        trouble.failures += 1
        trouble.last = self._clock()
        known.put(trouble, *words)

    def _recent(self, trouble: Trouble | None) -> Trouble | None:
        if trouble is None or self._clock() - trouble.last > _FORGOTTEN_AFTER:
            return None
        return trouble


def place_of(peer: str) -> str:
    """From where *peer*, an address and a port, tries: every connection has a port of its own.

    Whoever has one address of IPv6 has all those that begin with the same 64 bits.
    """
    host = peer.rpartition(":")[0] or peer
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    mapped = found.ipv4_mapped
    return str(mapped or ipaddress.ip_address(int(found) >> 64 << 64))

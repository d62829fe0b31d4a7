"""What long work tells about itself while it goes on."""

import asyncio
import time
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from lading.errors import LadingError
from lading.oci.descriptor import Descriptor

_OFTEN = 0.1
"""Seconds between two steps about the bytes of one piece of content."""


class Event(Enum):
    """What happened to one piece of content."""

    STARTED = "started"
    BYTES = "bytes"
    """So many bytes of it have moved by now."""
    EXISTS = "exists"
    """It was there already."""
    MOUNTED = "mounted"
    DONE = "done"
    RETRIED = "retried"
    FAILED = "failed"


class Step(NamedTuple):
    """One thing that happened to the content that ``descriptor`` names.

    ``name`` is a tag or the title of a file, if it has one; ``moved`` are the bytes that have
    moved so far; ``error`` is why it was retried or failed.
    """

    event: Event
    descriptor: Descriptor
    name: str = ""
    moved: int = 0
    error: LadingError | None = None


Listener = Callable[[Step], None]
"""Whoever wants to know. It is called on the event loop, and must neither wait nor raise."""


def silent(_step: Step) -> None:
    """Nobody wants to know."""


def paced(listener: Listener, descriptor: Descriptor, *, name: str = "") -> Callable[[int], None]:
    """Passes on, from the threads in which bytes move, how many have; once in a while."""
    loop = asyncio.get_running_loop()
    told = time.monotonic()

    def tell(moved: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _OFTEN:
            told = time.monotonic()
            step = Step(Event.BYTES, descriptor, name=name, moved=moved)
            loop.call_soon_threadsafe(listener, step)

    return tell

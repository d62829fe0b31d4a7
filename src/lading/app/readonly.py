"""Whether a registry is read-only at this moment: by its settings, or by a switch in its directory.

The switch is a file, so that it holds for every process that has the directory, and for servers
that are started later. Commands that are given by hand (``lading gc``, ``fsck --repair``) do what
they say all the same.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from lading.app.acme.folder import USUAL, Folder
from lading.app.directory import require_registry
from lading.app.stores import open_stores
from lading.wall import storage_errors

log = logging.getLogger(__name__)

SWITCH = "read-only"
"""The file below the root that turns it read-only by being there."""

LASTS = 1.0
"""For how many seconds what was seen of the switch holds."""


class ReadOnly:
    """Says whether nothing may be written below *root*; asked as often as anybody likes.

    With *always*, it is so whatever the switch says; without a *root* there is no switch.
    """

    def __init__(
        self, root: Path | None, *, always: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._root = root if not always else None
        self._clock = clock
        self._seen = always
        self._seen_at = float("-inf")

    def __call__(self) -> bool:
        """Whether it is read-only; the disk is asked once in `LASTS` at most."""
        if self._root is not None and self._clock() - self._seen_at >= LASTS:
            self._seen_at = self._clock()
            self._look(self._root)
        return self._seen

    def writable(self) -> bool:
        """The opposite, for those who ask whether they may write."""
        return not self()

    def _look(self, root: Path) -> None:
        on = is_on(root)
        if on != self._seen:
            log.info("registry is read-only from now on" if on else "registry takes writes again")
        self._seen = on


def switched(root: Path) -> bool:
    """Whether the switch is on; blocks.

    Raises:
        StorageUnfit: there is no registry in *root*.
    """
    require_registry(root)
    return is_on(root)


def is_on(root: Path) -> bool:
    """Whether the switch is on, at whatever is in *root*; blocks for a moment."""
    return os.path.lexists(root / SWITCH)


async def turn_on(root: Path, *, certificates: Path | None = None) -> None:
    """Let the registry in *root* be read-only; on return, no server begins to write there.

    Requests that are under way are finished. A certificate that is being asked for is waited for, if
    those are kept in *root*; they are in *certificates*, or where they usually are.

    Raises:
        StorageUnfit: there is no registry in *root*.
        StorageFailed: the switch cannot be set.
    """
    await asyncio.to_thread(_turn, root, on=True)
    await asyncio.sleep(LASTS)
    # Whoever collects or asks for a certificate now began before. What comes later looks at the
    # switch.
    folder = Folder(certificates or root / USUAL)
    if folder.is_within(root):
        await asyncio.to_thread(folder.settle)
    async with open_stores(root) as stores, stores.metadata.background(wait=True):
        pass


async def turn_off(root: Path) -> None:
    """Let the registry in *root* take writes again, which it does within `LASTS` seconds.

    Raises:
        StorageUnfit, StorageFailed: as `turn_on`.
    """
    await asyncio.to_thread(_turn, root, on=False)


def _turn(root: Path, *, on: bool) -> None:
    require_registry(root)
    with storage_errors(root / SWITCH):
        if on:
            (root / SWITCH).touch()
        else:
            (root / SWITCH).unlink(missing_ok=True)
        directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

"""A registry that is switched to read-only while it is served."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.app.acme.folder import USUAL, Folder
from lading.app.config.content import CollectorConfig
from lading.app.config.tree import Config
from lading.app.config.watching import LogConfig
from lading.app.directory import prepare
from lading.app.readonly import LASTS, SWITCH, ReadOnly, switched, turn_off, turn_on
from lading.app.stores import open_stores
from lading.app.wiring import open_registry, running
from lading.errors import StorageUnfit, Unsupported
from lading.oci.names import RepositoryName
from lading.wire.message import Request

NAME = RepositoryName("team/app")
BEGIN = Request("POST", f"/v2/{NAME}/blobs/uploads/")


class Hand:
    """A clock that is moved by hand."""

    time = 0.0

    def __call__(self) -> float:
        """The time it shows."""
        return self.time


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The data directory of an empty registry."""
    prepare(tmp_path)
    return tmp_path


def test_switch_is_looked_at_once_a_second(root: Path) -> None:
    """Requests cost no look at the disk, and none is answered by what is older than a second."""
    hand = Hand()
    read_only = ReadOnly(root, always=False, clock=hand)

    before = read_only()
    (root / SWITCH).touch()
    hand.time = LASTS - 0.1
    not_yet = read_only()
    hand.time = LASTS
    then = read_only()

    assert (before, not_yet, then) == (False, False, True)
    assert not read_only.writable()


def test_what_is_configured_holds_whatever_the_switch_says(root: Path) -> None:
    """The switch cannot give what the configuration denies."""
    assert ReadOnly(root, always=True)()
    assert ReadOnly(None, always=True)()
    assert not ReadOnly(None, always=False)()


async def test_switch_waits_for_a_collection_that_is_under_way(root: Path) -> None:
    """Whoever is told that it is on takes a snapshot of a directory that nobody writes to."""
    async with open_stores(root) as stores:
        async with stores.metadata.background(wait=True):
            turning = asyncio.create_task(turn_on(root))
            done, _ = await asyncio.wait([turning], timeout=LASTS * 1.5)
            early = bool(done), switched(root)
        await turning

    assert early == (False, True)


@pytest.mark.parametrize("place", [None, "elsewhere"])
async def test_switch_waits_for_a_certificate_that_is_asked_for(
    root: Path, place: str | None
) -> None:
    """What comes of it is still written, and nothing after that."""
    folder = root / (place or USUAL)
    with Folder(folder).turn():
        turning = asyncio.create_task(turn_on(root, certificates=root / place if place else None))
        async with asyncio.timeout(30):
            while not (turning.done() or a_lock_is_waited_for()):
                await asyncio.sleep(0.01)
        early = turning.done(), switched(root)
    await turning

    assert early == (False, True)


def a_lock_is_waited_for() -> bool:
    """Whether a thread of this process waits for one, as the kernel has it."""
    locks = Path("/proc/locks").read_text().splitlines()
    return any("->" in each and f" {os.getpid()} " in each for each in locks)


async def test_switch_does_not_wait_for_certificates_that_are_kept_elsewhere(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A server goes on keeping those, and never lets go of their folder."""
    elsewhere = tmp_path_factory.mktemp("certificates")
    turning = asyncio.create_task(turn_on(root, certificates=elsewhere))
    with Folder(elsewhere).turn():
        done, _ = await asyncio.wait([turning], timeout=10)
    await turning

    assert done == {turning}


async def test_server_heeds_the_switch_and_takes_writes_again(root: Path) -> None:
    """Without being started again."""
    config = Config(root=root, log=LogConfig(access=False), collector=CollectorConfig(every=None))
    async with running(config) as handle:
        before = (await handle(BEGIN)).status
        await turn_on(root)
        while_on = (await handle(BEGIN)).status
        await turn_off(root)
        await asyncio.sleep(LASTS)
        after = (await handle(BEGIN)).status

    assert (before, while_on, after) == (202, 405, 202)


async def test_program_that_embeds_a_registry_heeds_the_switch(root: Path) -> None:
    """It holds for everybody who has the directory."""
    await turn_on(root)

    async with open_registry(root) as registry:
        with pytest.raises(Unsupported, match="read-only"):
            await registry.repository(NAME).start_upload()


@pytest.fixture
def mistyped(tmp_path: Path) -> Iterator[Path]:
    """A directory without a registry, in which nothing may appear."""
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


async def test_mistyped_directory_has_no_switch(mistyped: Path) -> None:
    """Nobody believes that a registry is read-only whose server looks elsewhere."""
    for each in (turn_on, turn_off):
        with pytest.raises(StorageUnfit, match="no registry"):
            await each(mistyped)
    with pytest.raises(StorageUnfit, match="no registry"):
        switched(mistyped)

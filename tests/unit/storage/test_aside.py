"""Hashing beside whoever writes."""

import asyncio
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.bodies import Bytes
from lading.errors import StorageFull
from lading.interfaces.blobs import UploadId
from lading.oci.digest import Digest
from lading.storage.aside import BEGINS_AT, WORTH, Aside
from lading.storage.filesystem import open_filesystem
from lading.storage.threads import Threads
from tests.unit.storage.conftest import give_no_more_threads

BLOCK = memoryview(bytes(range(256)) * (WORTH // 256))


@pytest.fixture
def bodies() -> Iterator[Threads]:
    """Threads that ask for help."""
    threads = Threads("bodies", 4)
    yield threads
    threads.close()


@pytest.fixture
def aside(bodies: Threads) -> Iterator[Aside]:
    """The thread that helps them."""
    found = Aside(bodies)
    yield found
    found.close()


def test_work_is_done_aside_while_the_caller_does_something_else(aside: Aside) -> None:
    """Neither waits for the other before its own end."""
    here, there = threading.Event(), threading.Event()
    seen: list[tuple[int, memoryview]] = []

    def work(block: memoryview) -> None:
        there.set()
        assert here.wait(10)
        seen.append((threading.get_ident(), block))

    with aside.doing(work, BLOCK):
        assert there.wait(10)
        here.set()

    ((thread, block),) = seen
    assert thread != threading.get_ident()
    assert block is BLOCK


def test_work_that_nobody_has_begun_is_done_by_the_caller(aside: Aside) -> None:
    """The thread may be busy with another block, or get no processor."""
    busy, free = threading.Event(), threading.Event()
    done_by: list[int] = []

    def occupy(_: memoryview) -> None:
        busy.set()
        assert free.wait(10)

    with aside.doing(occupy, BLOCK):
        assert busy.wait(10)
        with aside.doing(lambda _: done_by.append(threading.get_ident()), BLOCK):
            pass
        free.set()

    assert done_by == [threading.get_ident()]


def test_work_is_done_when_the_caller_fails(aside: Aside) -> None:
    """A block must not be read any more when its place is used again."""
    seen: list[memoryview] = []

    with pytest.raises(ZeroDivisionError), aside.doing(seen.append, BLOCK):
        raise ZeroDivisionError

    assert seen == [BLOCK]


def test_work_is_done_where_no_thread_can_be_had(
    aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container may be allowed few of them; its uploads go on."""
    give_no_more_threads(monkeypatch)
    done_by: list[int] = []

    with aside.doing(lambda _: done_by.append(threading.get_ident()), BLOCK):
        pass

    aside.close()
    assert done_by == [threading.get_ident()]


def test_what_goes_wrong_aside_is_raised_where_it_was_asked_for(aside: Aside) -> None:
    """Nobody waits for what has failed, and the thread goes on."""
    there = threading.Event()

    def fail(_: memoryview) -> None:
        there.set()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), aside.doing(fail, BLOCK):
        assert there.wait(10)

    seen: list[memoryview] = []
    with aside.doing(seen.append, BLOCK):
        pass
    assert seen == [BLOCK]


def test_small_blocks_are_not_worth_a_thread(aside: Aside) -> None:
    """Waking it costs as much as hashing them."""
    assert aside.helps(BEGINS_AT, WORTH)
    assert not aside.helps(BEGINS_AT, WORTH - 1)


def test_small_blobs_are_not_worth_a_thread(aside: Aside) -> None:
    """A push of several has other work for every processor."""
    assert not aside.helps(BEGINS_AT - 1, WORTH)


async def test_nothing_is_done_aside_while_several_bodies_flow(
    aside: Aside, bodies: Threads
) -> None:
    """Then every processor has something to do already."""
    begun, ended = threading.Event(), threading.Event()

    def flow() -> None:
        begun.set()
        assert ended.wait(10)

    other = asyncio.create_task(bodies.run(flow))
    await asyncio.to_thread(begun.wait, 10)
    alone = await bodies.run(aside.helps, BEGINS_AT, WORTH)
    ended.set()
    await other

    assert not alone


async def test_upload_goes_on_after_a_block_of_which_a_part_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash had seen the whole block, and must not be taken for that of the part."""
    content = os.urandom(BEGINS_AT + 2 * WORTH)
    write = os.write
    room = BEGINS_AT + WORTH // 2

    def filling(file: int, block: memoryview) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(file, block[:room])
        room -= written
        return written

    async with open_filesystem(tmp_path) as store:
        writer = await store.create(UploadId("u"))
        monkeypatch.setattr(os, "write", filling)
        with pytest.raises(StorageFull):
            await writer.write(Bytes(content))
        monkeypatch.undo()
        await writer.write(Bytes(content[writer.offset :]))

        assert await writer.commit(Digest.of(content)) == len(content)

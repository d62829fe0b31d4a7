"""Work in a thread that is ended has cleared up before whoever waits for it goes on."""

import asyncio
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.app.endable import EndableReader, EndableWriter, GoOn, in_thread


class Given(Exception):
    """What a pipe is given up with."""


def given_up() -> None:
    """Whoever asks is not to go on."""
    raise Given


def wanted() -> None:
    """Whoever asks is to go on."""


class Work:
    """Work of many pieces, which takes its time to clear up."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.clearing = threading.Event()
        self.may_clear = threading.Event()
        self.cleared = False

    def __call__(self, go_on: GoOn) -> None:
        """Go on until told otherwise."""
        self.begun.set()
        try:
            while True:
                go_on()
        finally:
            self.clearing.set()
            self.may_clear.wait()
            self.cleared = True


async def test_whoever_cancels_waits_until_all_is_cleared_up() -> None:
    """However often it is done."""
    work = Work()
    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(work.begun.wait)

    task.cancel()
    await asyncio.to_thread(work.clearing.wait)
    task.cancel()
    await asyncio.sleep(0)
    still_waiting = not task.done()
    work.may_clear.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert still_waiting
    assert work.cleared


async def test_what_is_whole_when_it_would_be_ended_is_given() -> None:
    """Nothing is taken back that has been done to the end."""
    begun, may_end = threading.Event(), threading.Event()

    def work(_: GoOn) -> str:
        begun.set()
        may_end.wait()
        return "whole"

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    await asyncio.sleep(0)
    may_end.set()

    assert await task == "whole"


async def test_what_goes_wrong_is_passed_on() -> None:
    """As from any function."""
    with pytest.raises(Given):
        await in_thread(lambda _: given_up())


@pytest.fixture
def pipe() -> Iterator[tuple[io.FileIO, io.FileIO]]:
    """What is read from, and what is written to."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0) as source, os.fdopen(writing, "wb", 0) as sink:
        yield source, sink


def test_pipe_carries_more_than_it_holds(pipe: tuple[io.FileIO, io.FileIO]) -> None:
    """All of it arrives, in whatever pieces."""
    content = os.urandom(300_000)

    def write() -> None:
        EndableWriter(pipe[1], wanted).write(content)
        pipe[1].close()

    writer = threading.Thread(target=write)
    writer.start()
    source, found = EndableReader(pipe[0], wanted), b""

    while block := source.read(1 << 20):
        found += block
    writer.join()

    assert found == content


def test_nobody_waits_in_a_pipe_that_was_given_up(pipe: tuple[io.FileIO, io.FileIO]) -> None:
    """Neither for something to read, nor for room to write."""
    asked: list[None] = []

    def go_on() -> None:
        asked.append(None)
        if len(asked) > 2:
            given_up()

    with pytest.raises(Given):
        EndableReader(pipe[0], go_on).read(1)
    asked.clear()
    with pytest.raises(Given):
        EndableWriter(pipe[1], go_on).write(bytes(1 << 20))


def test_files_are_read_and_written_as_well(tmp_path: Path) -> None:
    """On a disk, or only in memory; and between two blocks they can be given up."""
    with (tmp_path / "file").open("wb") as file:
        EndableWriter(file, wanted).write(b"on a disk")
    with (tmp_path / "file").open("rb") as file:
        found = EndableReader(file, wanted).read(100)
        with pytest.raises(Given):
            EndableReader(file, given_up).read(100)
    memory = io.BytesIO()
    EndableWriter(memory, wanted).write(b"in memory")
    with pytest.raises(Given):
        EndableWriter(memory, given_up).write(b"more")

    assert found == b"on a disk"
    assert EndableReader(io.BytesIO(memory.getvalue()), wanted).read(100) == b"in memory"

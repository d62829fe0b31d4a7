"""Files in pieces: every byte, in order, and no thread that outlives its reader."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lading.app import pieces as module
from lading.app.pieces import pieces
from lading.errors import BodyIncomplete

CONTENT = os.urandom(1_000_000)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """The descriptor of *path*."""
    file = os.open(path, os.O_RDONLY)
    try:
        yield file
    finally:
        os.close(file)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads that read."""
    with ThreadPoolExecutor(2) as found:
        yield found


@pytest.fixture(params=["in memory", "by threads"])
def file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file, of which nobody can tell whether it is in memory, or everybody."""
    if request.param == "by threads":
        monkeypatch.setattr(module, "_at_once", lambda *_: None)
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(
    ("offset", "length"), [(0, len(CONTENT)), (7, 600_000), (999_999, 1), (0, 0)]
)
async def test_all_bytes_come_in_order(
    file: Path, threads: ThreadPoolExecutor, offset: int, length: int
) -> None:
    """Whoever reads them."""
    with opened(file) as number:
        found = [bytes(each) async for each in pieces(number, offset, length, threads)]

    assert b"".join(found) == CONTENT[offset : offset + length]


async def test_file_that_became_shorter_is_told(file: Path, threads: ThreadPoolExecutor) -> None:
    """After the bytes that it still has."""
    found = bytearray()

    async def read() -> None:
        with opened(file) as number:
            async for each in pieces(number, 0, len(CONTENT) + 1, threads):
                found.extend(each)

    with pytest.raises(BodyIncomplete):
        await read()

    assert found == CONTENT


async def test_no_thread_reads_a_file_that_is_given_up(
    tmp_path: Path, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number may be that of another file a moment later."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    reading, ended = threading.Semaphore(0), 0

    def slowly(file: int, length: int, offset: int) -> Any:
        nonlocal ended
        found = os.preadv(file, [piece := bytearray(length)], offset)
        if offset:
            reading.acquire(timeout=30)
        ended += 1
        return bytes(piece[:found])

    monkeypatch.setattr(module, "_at_once", lambda *_: None)
    monkeypatch.setattr(os, "pread", slowly)

    with opened(path) as number:
        async with aclosing(pieces(number, 0, len(CONTENT), threads)) as found:
            await anext(found)
            threading.Timer(0.05, reading.release).start()

    assert ended == 2

"""Uploads on disk, and what may happen between two system calls."""

import asyncio
import fcntl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from lading.bodies import BLOCK, Bytes
from lading.errors import UploadUnknown
from lading.interfaces.blobs import BlobWriter, UploadId
from lading.oci.digest import Digest
from lading.storage.filesystem import open_filesystem
from lading.storage.writer import FilesystemWriter
from lading.testing.faults import Flowing


def _publish_elsewhere(staged: Path, final: Path) -> None:
    staged.rename(final)


def _begin_anew(staged: Path, final: Path) -> None:
    staged.rename(final)
    staged.write_bytes(b"")


async def _write_more(writer: BlobWriter) -> None:
    await writer.write(Bytes(b" and more"))


async def _commit(writer: BlobWriter) -> None:
    await writer.commit(Digest.of(b"whole"))


@pytest.mark.parametrize("meanwhile", [_publish_elsewhere, _begin_anew])
@pytest.mark.parametrize("step", [_write_more, _commit])
async def test_upload_that_is_published_before_it_was_locked_is_left_alone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Path, Path], None],
    step: Callable[[BlobWriter], Awaitable[object]],
) -> None:
    """Another process may publish a file that was just opened: then no byte more goes into it."""
    published = tmp_path / "published"
    lock = fcntl.flock

    def overtaken(file: int, how: int) -> None:
        meanwhile(tmp_path / "uploads" / "u", published)
        lock(file, how)

    async with open_filesystem(tmp_path) as store:
        writer = await store.create(UploadId("u"))
        await writer.write(Bytes(b"whole"))
        monkeypatch.setattr(fcntl, "flock", overtaken)

        with pytest.raises(UploadUnknown):
            await step(writer)

    assert published.read_bytes() == b"whole"


class _Torrent(Flowing):
    """A body that keeps flowing."""

    def blocks(self) -> Iterator[memoryview]:
        """See `Inbound.blocks`."""
        yield from super().blocks()
        for _ in range(1000):
            yield memoryview(b"more")


async def test_cancelled_request_stops_a_body_that_keeps_flowing(tmp_path: Path) -> None:
    """Who cancels a fast upload waits for one block, not for the rest of the body."""
    async with open_filesystem(tmp_path) as store:
        writer = await store.create(UploadId("u"))
        assert isinstance(writer, FilesystemWriter)
        body = _Torrent(b"first", b"second")
        writing = asyncio.ensure_future(writer.write(body))
        await body.taken.wait()

        writing.cancel()
        while not writer._progress.stopped:
            await asyncio.sleep(0)
        body.end()
        with pytest.raises(asyncio.CancelledError):
            await writing

        assert writer.offset == len(b"firstsecond")
        await writer.write(Bytes(bytes(2 * BLOCK)))
        assert writer.offset == len(b"firstsecond") + 2 * BLOCK

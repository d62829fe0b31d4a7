"""Single blobs from files and into files."""

import asyncio
import io
from pathlib import Path

import pytest

from lading.bodies import Inbound
from lading.content.blob_files import get_blob, pour, put_file
from lading.content.steps import Event, Step
from lading.errors import BlobUnknown, DigestInvalid, UploadUnknown
from lading.interfaces.repository import Repository, Upload
from lading.oci.descriptor import Descriptor
from lading.oci.digest import CANONICAL, Digest
from lading.registry.forwarding import ForwardingRepository, ForwardingUpload
from lading.testing import samples

CONTENT = samples.blob(3 << 20)
DIGEST = Digest.of(CONTENT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of that content."""
    made = tmp_path / "file"
    made.write_bytes(CONTENT)
    return made


async def test_file_is_pushed_once(target: Repository, path: Path) -> None:
    """The second time it is there."""
    steps: list[Step] = []

    with path.open("rb") as file:
        for _ in range(2):
            found = await put_file(target, file, media_type="a/b", listener=steps.append)

    assert found == Descriptor("a/b", DIGEST, len(CONTENT))
    assert [step.event for step in steps] == [Event.STARTED, Event.DONE, Event.EXISTS]


async def test_file_has_to_be_what_was_expected(target: Repository, path: Path) -> None:
    """By the algorithm of what was expected."""
    sha512 = Digest.of(CONTENT, "sha512")
    with path.open("rb") as file:
        assert (await put_file(target, file, expected=sha512)).digest == sha512
        with pytest.raises(DigestInvalid):
            await put_file(target, file, expected=Digest.of(b"other"))


class _Mounted(ForwardingUpload):
    """An upload of what its keeper has already."""

    mounted = True


class _Mounting(ForwardingRepository):
    """A target that says of every upload that it has the content."""

    async def start_upload(
        self, *, algorithm: str = CANONICAL, expected: Descriptor | None = None
    ) -> Upload:
        return _Mounted(await super().start_upload(algorithm=algorithm, expected=expected))


async def test_file_that_the_target_has_elsewhere_is_mounted(
    target: Repository, path: Path
) -> None:
    """And whoever listens hears that."""
    steps: list[Step] = []

    with path.open("rb") as file:
        await put_file(_Mounting(target), file, listener=steps.append)

    assert [step.event for step in steps] == [Event.STARTED, Event.MOUNTED]


class _Full(ForwardingRepository):
    """A target without room, which counts what was given up."""

    def __init__(self, inner: Repository) -> None:
        super().__init__(inner)
        self.begun: list[Upload] = []

    async def start_upload(
        self, *, algorithm: str = CANONICAL, expected: Descriptor | None = None
    ) -> Upload:
        upload = await super().start_upload(algorithm=algorithm, expected=expected)
        self.begun.append(upload)
        await upload.cancel()
        return upload


async def test_upload_that_fails_is_given_up(target: Repository, path: Path) -> None:
    """Nothing is published."""
    full = _Full(target)

    with path.open("rb") as file, pytest.raises(UploadUnknown):
        await put_file(full, file)

    assert len(full.begun) == 1
    with pytest.raises(BlobUnknown):
        await target.stat_blob(DIGEST)


class _Silent(ForwardingUpload):
    """An upload whose keeper says nothing any more."""

    def __init__(self, inner: Upload) -> None:
        super().__init__(inner)
        self.asked = asyncio.Event()

    async def write(self, body: Inbound, *, at: int | None = None) -> int:
        return await self._hear()

    async def cancel(self) -> None:
        await self._hear()

    async def _hear(self) -> int:
        self.asked.set()
        await asyncio.Event().wait()
        return 0


class _Waiting(ForwardingRepository):
    """A target of which every upload falls silent."""

    def __init__(self, inner: Repository) -> None:
        super().__init__(inner)
        self.begun = asyncio.Queue[_Silent]()

    async def start_upload(
        self, *, algorithm: str = CANONICAL, expected: Descriptor | None = None
    ) -> Upload:
        upload = _Silent(await super().start_upload(algorithm=algorithm, expected=expected))
        self.begun.put_nowait(upload)
        return upload


async def test_whoever_is_cancelled_waits_for_no_target(target: Repository, path: Path) -> None:
    """What was begun there ends by itself."""
    silent = _Waiting(target)

    with path.open("rb") as file:
        putting = asyncio.create_task(put_file(silent, file))
        await (await silent.begun.get()).asked.wait()
        putting.cancel()
        done, _ = await asyncio.wait([putting], timeout=10)

    assert done == {putting}


async def test_blob_is_written_to_a_file(target: Repository) -> None:
    """Block by block."""
    await samples.put_blob(target, CONTENT)
    into, steps, moved = io.BytesIO(), list[Step](), list[int]()

    found = await get_blob(target, DIGEST, into, listener=steps.append)
    await pour(samples.inbound(b"abc", chunk=2), io.BytesIO(), moved.append)
    await pour(samples.inbound(b"abc"), io.BytesIO())

    assert into.getvalue() == CONTENT
    assert found.size == len(CONTENT)
    assert [steps[0].event, steps[-1].event] == [Event.STARTED, Event.DONE]
    assert moved == [2, 3]
    with pytest.raises(BlobUnknown):
        await get_blob(target, Digest.of(b"gone"), io.BytesIO())

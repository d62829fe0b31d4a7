"""What every upload promises, as tests; part of `lading.testing.repository`."""

import asyncio

import pytest

from lading.bodies import Bytes
from lading.errors import (
    BlobUnknown,
    BodyIncomplete,
    DigestInvalid,
    UploadOutOfOrder,
    UploadUnknown,
)
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Repository
from lading.oci.digest import ALGORITHMS, Digest
from lading.testing import samples


class UploadContract:
    """Every promise of `Upload`, and of how uploads are begun and found again."""

    @pytest.mark.parametrize("said", [True, False])
    async def test_upload_takes_a_body_in_pieces(self, repository: Repository, said: bool) -> None:
        """A body may come slowly, and without saying how long it is (R32, trap T1)."""
        content = samples.blob(1000)
        upload = await repository.start_upload()

        offset = await upload.write(samples.inbound(content, chunk=77, said=said))
        pushed = await upload.commit(Digest.of(content))

        assert offset == pushed.size == 1000
        assert await samples.content_of(await repository.open_blob(pushed.digest)) == content

    async def test_upload_goes_on_where_it_stopped(self, repository: Repository) -> None:
        """Let go of after each chunk, it is found again by its id (R23, trap T20)."""
        content = samples.blob(30)
        upload = await repository.start_upload()
        first = upload.id
        await upload.aclose()

        for start in range(0, 30, 10):
            upload = await repository.resume_upload(first)
            assert upload.offset == start
            offset = await upload.write(Bytes(content[start : start + 10]), at=start)
            assert offset == upload.offset == start + 10
            await upload.aclose()
        upload = await repository.resume_upload(first)
        pushed = await upload.commit(Digest.of(content))

        assert await samples.content_of(await repository.open_blob(pushed.digest)) == content

    @pytest.mark.parametrize("at", [0, 3, 5, 1 << 70])
    async def test_chunk_out_of_order_is_refused_and_the_upload_lives(
        self, repository: Repository, at: int
    ) -> None:
        """The error says where to go on; nothing of the chunk is taken (R25, trap T5)."""
        upload = await repository.start_upload()
        await upload.write(Bytes(b"0123"), at=0)

        with pytest.raises(UploadOutOfOrder) as caught:
            await upload.write(Bytes(b"4567"), at=at)
        await upload.write(Bytes(b"4567"), at=4)
        pushed = await upload.commit(Digest.of(b"01234567"))

        assert caught.value.offset == 4
        assert pushed.size == 8

    async def test_second_writer_learns_that_the_upload_moved_on(
        self, repository: Repository
    ) -> None:
        """Two that resume at the same place do not both append."""
        upload = await repository.start_upload()
        await upload.aclose()
        one = await repository.resume_upload(upload.id)
        two = await repository.resume_upload(upload.id)
        await one.write(Bytes(b"one"), at=0)
        await one.aclose()

        with pytest.raises(UploadOutOfOrder) as caught:
            await two.write(Bytes(b"two"), at=0)
        await two.aclose()
        pushed = await (await repository.resume_upload(upload.id)).commit(Digest.of(b"one"))

        assert caught.value.offset == 3
        assert pushed.size == 3

    async def test_what_arrived_before_the_sender_left_stays(self, repository: Repository) -> None:
        """The upload can be gone on with from there."""
        content = samples.blob(100)
        upload = await repository.start_upload()

        with pytest.raises(BodyIncomplete):
            await upload.write(samples.inbound(content, breaks_after=50))
        await upload.aclose()
        again = await repository.resume_upload(upload.id)
        had = again.offset
        await again.write(Bytes(content[had:]), at=had)
        pushed = await again.commit(Digest.of(content))

        assert 0 <= had <= 50
        assert pushed.size == 100

    async def test_blob_is_invisible_until_committed(self, repository: Repository) -> None:
        """Bytes that are all there are still no blob."""
        upload = await repository.start_upload()
        await upload.write(Bytes(b"whole"))
        digest = Digest.of(b"whole")

        with pytest.raises(BlobUnknown):
            await repository.stat_blob(digest)
        await upload.commit(digest)

        assert (await repository.stat_blob(digest)).size == 5

    @pytest.mark.parametrize("guess", ALGORITHMS)
    @pytest.mark.parametrize("actual", ALGORITHMS)
    async def test_algorithm_is_known_only_at_the_end(
        self, repository: Repository, guess: str, actual: str
    ) -> None:
        """Whatever was guessed at the start, the closing digest counts (R29, trap T3)."""
        content = samples.blob(1000)
        upload = await repository.start_upload(algorithm=guess)
        await upload.write(Bytes(content[:400]))
        await upload.aclose()

        upload = await repository.resume_upload(upload.id)
        await upload.write(Bytes(content[400:]))
        pushed = await upload.commit(Digest.of(content, actual))

        assert pushed.digest.algorithm == actual
        assert await samples.content_of(await repository.open_blob(pushed.digest)) == content

    @pytest.mark.parametrize("chunk", [77, 1000])
    @pytest.mark.parametrize("said", [True, False])
    async def test_last_bytes_may_come_with_the_digest(
        self, repository: Repository, chunk: int, said: bool
    ) -> None:
        """However slowly they come, and whether or not it is said how many they are (R21)."""
        content = samples.blob(1000)
        upload = await repository.start_upload()
        await upload.write(Bytes(content[:300]))

        last = samples.inbound(content[300:], chunk=chunk, said=said)
        pushed = await upload.commit(Digest.of(content), last)

        assert pushed.size == 1000
        assert await samples.content_of(await repository.open_blob(pushed.digest)) == content

    async def test_last_bytes_may_be_none(self, repository: Repository) -> None:
        """An empty body closes an upload that is complete."""
        upload = await repository.start_upload()
        await upload.write(Bytes(b"whole"))

        pushed = await upload.commit(Digest.of(b"whole"), Bytes(b""))

        assert pushed.size == 5
        assert (await repository.stat_blob(pushed.digest)).size == 5

    async def test_sender_that_leaves_before_its_last_bytes_can_come_back(
        self, repository: Repository
    ) -> None:
        """What arrived stays, nothing is published, and the upload can be gone on with."""
        content = samples.blob(100)
        upload = await repository.start_upload()

        with pytest.raises(BodyIncomplete):
            await upload.commit(Digest.of(content), samples.inbound(content, breaks_after=50))
        await upload.aclose()
        again = await repository.resume_upload(upload.id)
        pushed = await again.commit(Digest.of(content), Bytes(content[again.offset :]))

        assert pushed.size == 100

    async def test_wrong_digest_with_the_last_bytes_ends_the_upload(
        self, repository: Repository
    ) -> None:
        """Nothing is published, and the bytes are not kept (R21)."""
        upload = await repository.start_upload()

        with pytest.raises(DigestInvalid):
            await upload.commit(Digest.of(b"something else"), Bytes(b"something"))
        await upload.aclose()

        with pytest.raises(BlobUnknown):
            await repository.stat_blob(Digest.of(b"something"))
        with pytest.raises(UploadUnknown):
            await repository.resume_upload(upload.id)

    async def test_wrong_digest_ends_the_upload(self, repository: Repository) -> None:
        """Nothing is published, and the bytes are not kept (R21)."""
        upload = await repository.start_upload()
        await upload.write(Bytes(b"something"))

        with pytest.raises(DigestInvalid):
            await upload.commit(Digest.of(b"something else"))
        await upload.aclose()

        for content in (b"something", b"something else"):
            with pytest.raises(BlobUnknown):
                await repository.stat_blob(Digest.of(content))
        with pytest.raises(UploadUnknown):
            await repository.resume_upload(upload.id)

    async def test_digest_that_cannot_be_checked_is_refused(self, repository: Repository) -> None:
        """Content is kept only under digests that are computed here (R21)."""
        upload = await repository.start_upload()
        await upload.write(Bytes(b"x"))

        with pytest.raises(DigestInvalid):
            await upload.commit(Digest.parse("blake3:" + "0" * 64))
        with pytest.raises(DigestInvalid):
            await repository.start_upload(algorithm="blake3")

        await upload.aclose()

    async def test_content_that_is_there_can_be_pushed_again(self, repository: Repository) -> None:
        """Two that upload the same content at the same time both succeed."""
        content = samples.blob(1000)

        one, two = await asyncio.gather(
            samples.put_blob(repository, content), samples.put_blob(repository, content)
        )

        assert one == two == await samples.put_blob(repository, content)

    async def test_cancelled_upload_is_forgotten(self, repository: Repository) -> None:
        """It cannot be found again; cancelling it twice is no error (R31)."""
        upload = await repository.start_upload()
        await upload.write(Bytes(b"never mind"))

        await upload.cancel()
        await upload.cancel()

        with pytest.raises(UploadUnknown):
            await repository.resume_upload(upload.id)

    async def test_finished_upload_is_forgotten(self, repository: Repository) -> None:
        """It takes nothing more, and is not found again."""
        upload = await repository.start_upload()
        await upload.write(Bytes(b"done"))
        await upload.commit(Digest.of(b"done"))

        with pytest.raises(UploadUnknown):
            await upload.write(Bytes(b"more"))
        with pytest.raises(UploadUnknown):
            await upload.commit(Digest.of(b"done"))
        await upload.aclose()
        with pytest.raises(UploadUnknown):
            await repository.resume_upload(upload.id)

    async def test_upload_belongs_to_one_repository(
        self, repository: Repository, other: Repository
    ) -> None:
        """Its id is of no use anywhere else."""
        upload = await repository.start_upload()
        await upload.aclose()

        with pytest.raises(UploadUnknown):
            await other.resume_upload(upload.id)
        await (await repository.resume_upload(upload.id)).cancel()

    @pytest.mark.parametrize(
        "text", ["", "x", ".", "..", "../../etc", "a/b", "a\0b", "ü", "-", "A" * 10_000, "a" * 32]
    )
    async def test_id_that_nobody_gave_is_unknown(self, repository: Repository, text: str) -> None:
        """Whatever it looks like, and also if it looks like a path."""
        with pytest.raises(UploadUnknown):
            await repository.resume_upload(UploadId(text))

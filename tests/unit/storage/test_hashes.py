"""Running hashes between requests."""

from lading.interfaces.blobs import UploadId
from lading.oci.digest import Digest, Hasher
from lading.storage.hashes import RunningHashes


def _seen(content: bytes) -> Hasher:
    hasher = Hasher()
    hasher.update(content)
    return hasher


def test_hash_is_handed_over_once() -> None:
    """Two writers never share a running hash."""
    hashes = RunningHashes()
    hashes.keep(UploadId("u"), 3, _seen(b"abc"))

    first, second = hashes.take(UploadId("u"), 3), hashes.take(UploadId("u"), 3)

    assert first is not None
    assert first.digest() == Digest.of(b"abc")
    assert second is None


def test_hash_of_another_offset_is_not_used() -> None:
    """When another process took bytes, what this one remembers is worth nothing."""
    hashes = RunningHashes()
    hashes.keep(UploadId("u"), 3, _seen(b"abc"))

    assert hashes.take(UploadId("u"), 5) is None
    assert hashes.take(UploadId("u"), 3) is None


def test_upload_without_bytes_gets_a_fresh_hash() -> None:
    """An upload that another process began, and that has no byte yet, is hashed from the start."""
    hasher = RunningHashes().take(UploadId("u"), 0)

    assert hasher is not None
    assert hasher.digest() == Digest.of(b"")


def test_oldest_hashes_are_forgotten() -> None:
    """Sessions that nobody goes on with do not fill the memory."""
    hashes = RunningHashes(most=2)
    for name in ("a", "b", "a", "c"):
        hashes.keep(UploadId(name), 3, _seen(b"abc"))

    assert hashes.take(UploadId("b"), 3) is None
    assert hashes.take(UploadId("a"), 3) is not None
    assert hashes.take(UploadId("c"), 3) is not None


def test_hash_of_nothing_takes_no_room() -> None:
    """A fresh one is as good, and most uploads are begun with nothing."""
    hashes = RunningHashes(most=1)
    hashes.keep(UploadId("a"), 3, _seen(b"abc"))

    hashes.keep(UploadId("b"), 0, Hasher())

    assert hashes.take(UploadId("a"), 3) is not None


def test_hash_of_nothing_by_another_algorithm_is_remembered() -> None:
    """Which one it is to be is not known otherwise."""
    hashes = RunningHashes()
    hashes.keep(UploadId("u"), 0, Hasher("sha512"))

    found = hashes.take(UploadId("u"), 0)

    assert found is not None
    assert found.algorithm == "sha512"

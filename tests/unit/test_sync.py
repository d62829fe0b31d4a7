"""The client for programs that block: the same objects, and an event loop that nobody sees."""

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import lading.sync
from lading import Digest, FileToPush, Manifest, RepositoryName, StandIn, Tag
from lading.app.background import background
from lading.app.surroundings import Surroundings
from lading.errors import (
    BlobUnknown,
    DigestInvalid,
    FileRefused,
    ManifestUnknown,
    ReferenceInvalid,
    TagInvalid,
)
from lading.testing import samples

pytest_plugins = ["lading.fixtures"]

LAYER = samples.layer((0, 0), 3_000_000)
IMAGE = samples.image(size=len(LAYER))
DIGEST = Digest.of(LAYER)


@pytest.fixture
def client(oci_registry: StandIn, tmp_path: Path) -> Iterator[lading.sync.Client]:
    """A client on a machine where nothing is configured."""
    nowhere = tmp_path / "nowhere"
    here = Surroundings(environment={}, home=nowhere, system=nowhere, run=nowhere)
    with lading.sync.open_client(surroundings=here, transport=oci_registry.transport()) as opened:
        yield opened


@pytest.fixture
def repository(oci_registry: StandIn, client: lading.sync.Client) -> lading.sync.Repository:
    """A repository with an image in it."""
    oci_registry.put_image("team/app", image=IMAGE)
    return client.repository("registry.test/team/app")


def test_reading_gives_the_same_objects(repository: lading.sync.Repository) -> None:
    """References may be given as text or as what they are."""
    descriptor = repository.resolve("latest")
    manifest = repository.get_manifest(descriptor.digest)

    assert isinstance(manifest, Manifest)
    assert manifest == repository.get_manifest(str(descriptor.digest)) == IMAGE.manifest
    assert repository.name == RepositoryName("team/app")
    assert repository.stat_blob(str(DIGEST)).size == len(LAYER)


def test_errors_are_the_same_classes(repository: lading.sync.Repository) -> None:
    """As they are with ``async``."""
    with pytest.raises(ManifestUnknown):
        repository.get_manifest("never")
    with pytest.raises(BlobUnknown):
        repository.open_blob(Digest.of(b"never"))


@pytest.mark.parametrize("kind", ["bytes", "path", "file", "rest", "pipe"])
def test_blobs_are_pushed_from_whatever_has_them(
    oci_registry: StandIn, client: lading.sync.Client, tmp_path: Path, kind: str
) -> None:
    """Bytes, a path, an open file, what is left in one, and what can be read only once."""
    repository = client.repository("registry.test/team/app")
    content = samples.blob(2_500_000)
    path = tmp_path / "content"
    path.write_bytes(b"before" + content if kind == "rest" else content)

    if kind == "bytes":
        pushed = repository.push_blob(content, media_type="text/plain")
    elif kind == "path":
        pushed = repository.push_blob(path, media_type="text/plain")
    elif kind == "pipe":
        pushed = repository.push_blob(io.BytesIO(content), media_type="text/plain")
    else:
        with path.open("rb") as file:
            file.seek(len(b"before") if kind == "rest" else 0)
            pushed = repository.push_blob(file, media_type="text/plain")

    assert pushed == samples.described(content, "text/plain")
    with repository.open_blob(pushed.digest) as blob:
        assert blob.read() == content


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_bytes_are_pushed_whatever_holds_them(
    client: lading.sync.Client, kind: Callable[[bytes], bytearray | memoryview]
) -> None:
    """What is changed afterwards is not what was pushed."""
    repository = client.repository("registry.test/team/app")

    assert repository.push_blob(kind(LAYER)).digest == DIGEST


def test_a_file_that_cannot_be_opened_is_refused_by_name(
    client: lading.sync.Client, tmp_path: Path
) -> None:
    """As it is where files are pushed as an artifact."""
    repository = client.repository("registry.test/team/app")

    with pytest.raises(FileRefused, match="missing"):
        repository.push_blob(tmp_path / "missing")


@pytest.mark.parametrize("text", ["v 1", "", "é", "sha256:xx"])
def test_text_that_names_nothing_is_refused_at_once(
    repository: lading.sync.Repository, text: str
) -> None:
    """Nobody waits for what cannot be asked, and the registry is not asked."""
    for ask in (repository.resolve, repository.get_manifest):
        with pytest.raises((TagInvalid, DigestInvalid)):
            ask(text)
    with pytest.raises(TagInvalid):
        repository.delete_tag(text)
    for asked in (
        repository.stat_blob,
        repository.open_blob,
        repository.delete_blob,
        repository.delete_manifest,
        lambda digest: repository.pull_blob(digest, io.BytesIO()),
        lambda digest: repository.mount_blob(digest, None),
    ):
        with pytest.raises(DigestInvalid):
            asked(text)


def test_a_blob_that_is_there_is_not_pushed_again(
    oci_registry: StandIn, repository: lading.sync.Repository, tmp_path: Path
) -> None:
    """One question tells."""
    path = tmp_path / "layer"
    path.write_bytes(LAYER)

    repository.push_blob(path)
    repository.push_blob(LAYER)

    assert [each.method for each in oci_registry.trouble.asked] == ["HEAD", "HEAD"]


def test_a_blob_reads_like_a_file(repository: lading.sync.Repository) -> None:
    """So that whatever takes a file takes it, buffered or not."""
    with repository.open_blob(DIGEST) as blob:
        first = blob.read(5)
        place = blob.tell()
        rest = io.BufferedReader(blob).read()

    assert (first, place) == (LAYER[:5], 5)
    assert first + rest == LAYER
    assert blob.closed
    with pytest.raises(ValueError, match="closed"):
        blob.read(1)


def test_a_wrong_bit_is_an_error_before_the_end(
    oci_registry: StandIn, repository: lading.sync.Repository
) -> None:
    """Whoever copies the file has less than the blob then."""
    oci_registry.trouble.flip(10, path="*/blobs/*", times=2)
    copied = io.BytesIO()

    with repository.open_blob(DIGEST) as blob, pytest.raises(DigestInvalid):
        copied.writelines(iter(lambda: blob.read(65536), b""))
    with pytest.raises(DigestInvalid):
        repository.pull_blob(DIGEST, io.BytesIO())

    assert len(copied.getvalue()) < len(LAYER)


def test_a_verified_blob_has_one_direction(repository: lading.sync.Repository) -> None:
    """A digest is of all the bytes, in their order."""
    with repository.open_blob(DIGEST) as blob:
        assert not blob.seekable()
        assert blob.readable()
        with pytest.raises(io.UnsupportedOperation):
            blob.seek(10)


def test_an_unverified_blob_is_read_from_any_place(
    oci_registry: StandIn, repository: lading.sync.Repository
) -> None:
    """A jump is one request for what is behind it, and reading on is none."""
    with repository.open_blob(DIGEST, unverified=True) as blob:
        blob.seek(-10, io.SEEK_END)
        end = blob.read()
        blob.seek(1000)
        middle = blob.read(10)
        blob.seek(0, io.SEEK_CUR)
        more = blob.read(10)
        blob.seek(len(LAYER) + 5)
        nothing = blob.read()
        with pytest.raises(ValueError, match="-1"):
            blob.seek(-1)

    assert end == LAYER[-10:]
    assert middle + more == LAYER[1000:1020]
    assert nothing == b""
    assert oci_registry.trouble.count("GET", "*/blobs/*") == 2


def test_a_blob_is_written_to_a_file(repository: lading.sync.Repository, tmp_path: Path) -> None:
    """Whole and verified."""
    with (tmp_path / "layer").open("wb") as file:
        found = repository.pull_blob(DIGEST, file)

    assert found.size == len(LAYER)
    assert (tmp_path / "layer").read_bytes() == LAYER


def test_tags_come_a_page_at_a_time(
    oci_registry: StandIn, repository: lading.sync.Repository
) -> None:
    """Whoever stops early has not asked for the rest."""
    names = tuple(f"v{number:04}" for number in range(1500))
    oci_registry.put_image("team/app", tags=names, image=IMAGE)

    tags = repository.tags(after="latest")
    first = next(tags)
    asked = oci_registry.trouble.count()
    rest = list(tags)

    assert asked == 1
    assert (first, *rest) == names
    assert oci_registry.trouble.count() == 2


def test_a_repository_can_be_changed(repository: lading.sync.Repository) -> None:
    """Tags set and ended, content deleted."""
    receipt = repository.tag("latest", "v1", "v2")
    repository.delete_tag("v1")

    assert receipt.tags == ("v1", "v2")
    assert list(repository.tags()) == ["latest", "v2"]
    repository.delete_manifest(str(receipt.descriptor.digest))
    with pytest.raises(ManifestUnknown):
        repository.resolve("v2")
    repository.delete_blob(DIGEST)
    with pytest.raises(BlobUnknown):
        repository.stat_blob(DIGEST)


def test_images_are_put_together(client: lading.sync.Client) -> None:
    """Blobs first, one of them mounted, then the manifest."""
    first = client.repository("registry.test/first")
    second = client.repository("registry.test/second")
    for content in IMAGE.blobs:
        first.push_blob(content)

    mounted = [second.mount_blob(Digest.of(each), "first") for each in IMAGE.blobs]
    second.put_manifest(IMAGE.manifest, tags=["v1"])

    assert all(mounted)
    assert list(client.repositories("registry.test")) == ["second"]


def test_images_are_copied_with_what_refers_to_them(
    client: lading.sync.Client, repository: lading.sync.Repository, tmp_path: Path
) -> None:
    """To a registry, a directory and an archive; the tag comes along unless another is named."""
    notes = tmp_path / "notes.txt"
    notes.write_text("good\n")
    source = "registry.test/team/app:latest"
    attached = client.attach(
        source, [FileToPush(path=notes, title="notes.txt")], artifact_type="application/x-notes"
    )

    report = client.copy(source, "registry.test/team/other")
    client.copy(source, f"oci:{tmp_path}/layout:v1")
    client.copy(f"oci:{tmp_path}/layout:v1", f"oci-archive:{tmp_path}/image.tar")
    back = client.copy(f"oci-archive:{tmp_path}/image.tar", "registry.test/team/back:v9")

    assert report.tags == ("latest",)
    assert report.blobs_mounted
    assert back.tags == ("v9",)
    found = client.repository("registry.test/team/back").referrers(IMAGE.manifest.digest)
    assert [each.digest for each in found] == [attached.descriptor.digest]
    (about,) = client.tree("registry.test/team/back:v9").referrers
    assert about.descriptor.digest == attached.descriptor.digest
    assert client.check("registry.test/team/back:v9").faults == []


def test_tags_are_copied_by_globs(
    oci_registry: StandIn, client: lading.sync.Client, repository: lading.sync.Repository
) -> None:
    """All that match, and none of those that are left out."""
    repository.tag("latest", "v1", "v2", "w1")

    client.copy_tags("registry.test/team/app", "registry.test/copy", include=["v*"], exclude=["*2"])

    assert oci_registry.tags("copy") == ["v1"]


def test_files_go_and_come_back(client: lading.sync.Client, tmp_path: Path) -> None:
    """As artifacts."""
    given = tmp_path / "model.bin"
    given.write_bytes(samples.blob(100))

    pushed = client.push(
        "registry.test/model:v1",
        [FileToPush(path=given, title="model.bin")],
        artifact_type="application/x-model",
    )
    pulled = client.pull("registry.test/model:v1", tmp_path / "out")

    assert pulled.descriptor.digest == pushed.descriptor.digest
    assert (tmp_path / "out" / "model.bin").read_bytes() == samples.blob(100)


def test_an_archive_is_there_only_when_all_went_well(
    client: lading.sync.Client, tmp_path: Path
) -> None:
    """What is left by an error is not written."""
    good, bad = tmp_path / "good.tar", tmp_path / "bad.tar"

    with client.locate(f"oci-archive:{good}:v1", writing=True) as located:
        assert located.reference == Tag("v1")
        for content in samples.image().blobs:
            located.repository.push_blob(content)
        located.repository.put_manifest(samples.image().manifest, tags=["v1"])
    with (
        pytest.raises(ManifestUnknown),
        client.locate(f"oci-archive:{bad}:v1", writing=True) as located,
    ):
        located.repository.get_manifest("never")

    assert good.exists()
    assert not bad.exists()


def test_what_is_missing_here_is_done_by_the_client_itself(
    client: lading.sync.Client, repository: lading.sync.Repository
) -> None:
    """Whatever is asynchronous can be run."""

    async def held(inner: lading.Client) -> str:
        return inner.qualified("registry.test/a")

    assert client.run(held) == "registry.test/a"
    assert repository.inner.name == "team/app"
    with pytest.raises(ReferenceInvalid):
        client.repository("https://registry.test/a")


def test_threads_share_a_client(
    oci_registry: StandIn, client: lading.sync.Client, repository: lading.sync.Repository
) -> None:
    """Each waits for its own answer."""

    def read(_: int) -> bytes:
        with repository.open_blob(DIGEST) as blob:
            return blob.read()

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(read, range(16)))

    assert found == [LAYER] * 16


async def test_it_does_not_block_a_loop_that_runs(oci_registry: StandIn) -> None:
    """All that the loop does would stand still; the error names what is for there."""
    with (
        pytest.raises(RuntimeError, match=r"lading\.open_client"),
        lading.sync.open_client(transport=oci_registry.transport()),
    ):
        pass


def test_what_was_opened_outside_is_refused_inside_as_well(
    repository: lading.sync.Repository,
) -> None:
    """A loop may begin later than the client."""

    async def inside(_: lading.Client) -> None:
        with pytest.raises(RuntimeError, match=r"lading\.open_client"):
            repository.resolve("latest")

    with background("another") as other:
        other.run(lambda: inside(None))  # type: ignore[arg-type]  # nothing is done with it


def test_nothing_is_left_of_a_closed_client(oci_registry: StandIn, tmp_path: Path) -> None:
    """No thread; and whoever still holds something of it is told."""
    before = set(threading.enumerate())
    oci_registry.put_image("team/app", image=IMAGE)
    during = set(threading.enumerate())

    with lading.sync.open_client(transport=oci_registry.transport()) as client:
        repository = client.repository("registry.test/team/app")
        blob = repository.open_blob(DIGEST)
        blob.read(10)

    assert set(threading.enumerate()) <= during | before
    with pytest.raises(RuntimeError, match="this client is closed"):
        repository.resolve("latest")
    blob.close()

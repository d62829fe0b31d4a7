"""Blobs below two roots: a copy that is ended leaves nothing, and one that was killed is found."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.bodies import BLOCK
from lading.oci.digest import Digest
from lading.storage.duplicate import duplicate, prune, received, size_below
from lading.storage.layout import UPLOADS, blob_path
from lading.storage.publish import Publisher
from lading.storage.root import make_directories

CONTENT = bytes(3 * BLOCK)
DIGEST = Digest.of(CONTENT)


class Given(Exception):
    """What a copy is given up with."""


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A root with one blob of several blocks."""
    path = tmp_path / "source"
    root = make_directories(path, Publisher())
    received(root, DIGEST, [CONTENT], Publisher())
    return root


@pytest.fixture
def target(tmp_path: Path) -> str:
    """A root without blobs."""
    return make_directories(tmp_path / "target", Publisher())


def files(root: str) -> list[Path]:
    """All files below *root*."""
    return [Path(place, name) for place, _, names in os.walk(root) for name in names]


def test_copy_of_a_blob_can_be_ended_between_two_blocks(source: str, target: str) -> None:
    """What was copied until then goes as well."""
    sizes: list[int] = []

    def end_after_the_first() -> None:
        sizes.extend(each.stat().st_size for each in files(target))
        if sizes[-1] == BLOCK:
            raise Given

    with pytest.raises(Given):
        duplicate(
            source, target, DIGEST, len(CONTENT), Publisher(), link=False, go_on=end_after_the_first
        )

    assert sizes == [0, BLOCK]
    assert files(target) == []


def test_prune_removes_what_a_killed_copy_was_writing(target: str) -> None:
    """Its bytes without a name, and the directory in which they were to have one."""
    written: list[Path] = []

    def blocks() -> Iterator[bytes]:
        yield CONTENT
        written.extend(files(target))
        raise Given

    with pytest.raises(Given):
        received(target, DIGEST, blocks(), Publisher())
    written[0].write_bytes(b"as if it had been killed")
    blob = Path(target, blob_path(DIGEST)).parent
    blob.mkdir(parents=True)

    gone = prune(target, ())

    assert gone == 0
    assert [each.is_relative_to(f"{target}/{UPLOADS}") for each in written] == [True]
    assert files(target) == []
    assert not blob.exists()


def test_prune_keeps_what_is_wanted_and_what_is_no_blob(source: str) -> None:
    """Somebody may have put an empty directory there."""
    strange = Path(source, blob_path(DIGEST)).parent.with_name("strange")
    strange.mkdir()

    gone = prune(source, {DIGEST})

    assert gone == 0
    assert size_below(source, DIGEST) == len(CONTENT)
    assert strange.is_dir()

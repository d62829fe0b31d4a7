"""The paths of blobs, uploads and quarantined files."""

import os.path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import BlobUnknown, UploadUnknown
from lading.interfaces.blobs import UploadId
from lading.oci.digest import ALGORITHMS, Digest
from lading.storage.layout import (
    BLOBS,
    blob_path,
    digest_at,
    is_upload,
    quarantine_path,
    upload_path,
)

digests = st.builds(Digest.of, st.binary(max_size=20), st.sampled_from(ALGORITHMS))


@given(digests)
def test_path_leads_back_to_its_digest(digest: Digest) -> None:
    """What a walk reads from a path is what the path was made from."""
    assert digest_at(blob_path(digest)) == digest


def test_path_is_that_of_distribution() -> None:
    """A tree that Distribution made is read in place."""
    digest = Digest.parse("sha256:" + "ab12" * 16)

    assert blob_path(digest) == f"docker/registry/v2/blobs/sha256/ab/{'ab12' * 16}/data"


@given(st.text(max_size=8), st.text(max_size=90))
def test_no_digest_leads_out_of_the_tree(algorithm: str, value: str) -> None:
    """Whatever stands in a digest, its path lies among the blobs, or there is none."""
    for each in (algorithm, *ALGORITHMS):
        try:
            path = blob_path(Digest(each, value))
        except BlobUnknown:
            continue
        assert os.path.normpath(path) == path
        assert path.startswith(f"{BLOBS}/{each}/")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "data",
        f"{BLOBS}/sha256/ab/{'ab12' * 16}",
        f"{BLOBS}/sha256/ab/{'ab12' * 16}/data.123.tmp",
        f"{BLOBS}/sha256/cd/{'ab12' * 16}/data",
        f"{BLOBS}/sha256/ab/{'AB12' * 16}/data",
        f"{BLOBS}/sha512/ab/{'ab12' * 16}/data",
        f"{BLOBS}/blake3/ab/{'ab12' * 16}/data",
        f"{BLOBS}/sha256/ab/{'ab12' * 16}\n/data",
        f"/{BLOBS}/sha256/ab/{'ab12' * 16}/data",
        f"{BLOBS}/sha256/ab/lost+found/data",
    ],
)
def test_foreign_paths_are_no_blobs(path: str) -> None:
    """Files that somebody else left in the tree are not taken for content."""
    assert digest_at(path) is None


@given(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,127}", fullmatch=True))
def test_upload_is_staged_under_its_id(name: str) -> None:
    """An id that the registry gave is the name of its file."""
    assert is_upload(name)
    assert upload_path(UploadId(name)) == f"uploads/{name}"


@given(st.text(max_size=140))
def test_no_upload_id_leads_out_of_the_staging_directory(name: str) -> None:
    """Whatever a client sends for an id, it names a file in one directory, or nothing."""
    try:
        path = upload_path(UploadId(name))
    except UploadUnknown:
        assert not is_upload(name)
    else:
        assert os.path.split(os.path.normpath(path)) == ("uploads", name)


@given(digests, st.integers(1, 1000))
def test_quarantine_never_looks_like_a_blob(digest: Digest, number: int) -> None:
    """Damaged bytes that were put aside are not found by a walk."""
    assert digest_at(quarantine_path(digest, number)) is None

"""Values are read back from rows as they were written."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lading.interfaces.access import Occasion, Principal
from lading.interfaces.changes import (
    BlobLinked,
    BlobUnlinked,
    Change,
    ManifestDeleted,
    ManifestPut,
    RepositoryDeleted,
    TagDeleted,
)
from lading.metadata.rows import (
    decode_change,
    decode_occasion,
    encode_change,
    encode_occasion,
    micros,
    moment,
    stamp,
    stored_digest,
)
from lading.oci.descriptor import Descriptor
from lading.oci.digest import ALGORITHMS, Digest
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag

names = st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}", fullmatch=True).map(RepositoryName)
tags = st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}", fullmatch=True).map(Tag)
digests = st.builds(Digest.of, st.binary(max_size=8), st.sampled_from(ALGORITHMS))
times = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
descriptors = st.builds(
    Descriptor,
    text,
    digests,
    st.integers(0, 2**62),
    st.none() | text,
    st.none() | st.dictionaries(text, text, min_size=1),
)
manifests = st.builds(Manifest, st.binary(), text, digests)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(BlobLinked, names, descriptors, st.none() | names),
    st.builds(BlobUnlinked, names, digests),
    st.builds(ManifestPut, names, manifests, st.lists(tags).map(tuple), st.booleans()),
    st.builds(ManifestDeleted, names, digests, st.none() | times),
    st.builds(TagDeleted, names, tags),
    st.builds(RepositoryDeleted, names),
)


@given(changes)
def test_change_is_read_back_as_it_was(change: Change) -> None:
    """The log tells exactly what was committed, the body of a manifest kept apart."""
    body = change.manifest.body if isinstance(change, ManifestPut) else b""

    found = decode_change(*encode_change(change), body)

    assert found == change
    assert type(found) is type(change)


@given(st.builds(Occasion, text.map(Principal), st.dictionaries(text, text)))
def test_occasion_is_read_back_as_it_was(occasion: Occasion) -> None:
    """Whoever made a change, and what was known of the request, is kept as it was."""
    assert decode_occasion(*encode_occasion(occasion)) == occasion


@given(times)
def test_time_is_read_back_to_the_microsecond(at: datetime) -> None:
    """Times are whole microseconds, so nothing is rounded."""
    assert moment(stamp(at)) == at
    assert micros(at - moment(0)) == stamp(at)


def test_length_of_time_is_whole_microseconds() -> None:
    """A span that a row is compared with has the unit of the row."""
    assert micros(timedelta(seconds=1)) == 1_000_000


@given(digests)
def test_digest_is_read_back_as_it_was(digest: Digest) -> None:
    """The text of a digest says all of it."""
    assert stored_digest(str(digest)) == digest

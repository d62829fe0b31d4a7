"""The part of `MetadataStoreContract` about what happened: events, moves of tags, pulls."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from lading.errors import NameUnknown
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
from lading.interfaces.metadata import MetadataStore, Pull
from lading.oci import media_types
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples
from lading.testing.metadata_writing import APP, OTHER, Clock, push, put


class HistoryContract:
    """Everything that changes something is remembered, once."""

    async def test_history_of_a_tag_tells_who_moved_it_when_and_from_where(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Moving and deleting end an interval; putting the same digest again changes nothing."""
        first = await push(store, samples.image(1))
        second = await push(store, samples.image(2))
        begun = await put(store, first, tags=["v1"], by="ann")
        began_at = clock()
        clock.advance(timedelta(hours=1))
        await put(store, first, tags=["v1"], by="bob")
        moved = await put(store, second, tags=["v1"], by="cid")
        moved_at = clock()
        clock.advance(timedelta(hours=1))
        ended = await store.commit(TagDeleted(APP, Tag("v1")), occasion=Occasion())
        assert ended is not None

        late, early = await store.tag_history(APP, Tag("v1"))

        assert (early.digest, early.by, early.previous) == (first.digest, "ann", None)
        assert (early.since, early.until) == (begun, moved)
        assert (early.since_at, early.until_at) == (began_at, moved_at)
        assert (late.digest, late.by, late.previous) == (second.digest, "cid", first.digest)
        assert (late.since, late.until, late.until_at) == (moved, ended.number, clock())

    async def test_events_are_the_changes_in_their_order(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Every committed change can be read back as it was, with its occasion; refusals leave none."""
        occasion = Occasion(Principal("ann"), {"address": "192.0.2.1", "agent": "t\u00e9st"})
        image = samples.image()
        blobs = [samples.described(blob, media_types.OCTETS) for blob in image.blobs]
        changes: list[Change] = [
            *(BlobLinked(APP, blob) for blob in blobs),
            BlobLinked(OTHER, blobs[0], source=APP),
            ManifestPut(APP, image.manifest, (Tag("v1"), Tag("v2"))),
            TagDeleted(APP, Tag("v1")),
            BlobUnlinked(OTHER, blobs[0].digest),
            ManifestDeleted(APP, image.manifest.digest),
            RepositoryDeleted(APP),
        ]
        committed = []
        for change in changes:
            committed.append(await store.commit(change, occasion=occasion))
            clock.advance(timedelta(seconds=1))
            with pytest.raises(NameUnknown):
                await store.commit(RepositoryDeleted(RepositoryName("absent")), occasion=occasion)

        found = [*await store.events(after=0, limit=100)]
        some = await store.events(after=found[1].number, limit=2)

        assert [event.change for event in found] == changes
        assert found == committed
        assert [*some] == found[2:4]
        assert [each.number for each in found] == sorted({each.number for each in found})

    async def test_change_that_changes_nothing_is_no_event(self, store: MetadataStore) -> None:
        """A client that pushes the same again and again does not make the log grow."""
        manifest = await push(store, tags=["v1", "v2"])
        before = [*await store.events(after=0, limit=100)]

        await push(store, tags=["v2"])
        again = await put(store, manifest)
        moved = await put(store, manifest, tags=["v1", "v3"])

        assert again is None
        after = [*await store.events(after=0, limit=100)]
        assert after[:-1] == before
        assert after[-1].number == moved

    async def test_change_that_changes_nothing_is_an_event_for_whoever_asks(
        self, store: MetadataStore
    ) -> None:
        """It stands in the log where it happened, and nothing else becomes of it."""
        manifest = await push(store, tags=["v1"])
        blob = samples.described(samples.image().blobs[0], media_types.OCTETS)
        again: list[Change] = [
            BlobLinked(APP, blob),
            ManifestPut(APP, manifest),
            ManifestPut(APP, manifest, (Tag("v1"),)),
        ]
        history = await store.tag_history(APP, Tag("v1"))
        number = (await store.outlook()).latest

        for change in again:
            await store.commit(change, occasion=Occasion(), repeats=True)
        await asyncio.to_thread(
            partial(store.commit_blocking, again[0], occasion=Occasion(), repeats=True)
        )

        log = await store.events(after=number, limit=100)
        assert [each.change for each in log] == [*again, again[0]]
        assert await store.tag_history(APP, Tag("v1")) == history

    async def test_later_pull_is_remembered_and_earlier_one_is_not(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Pulls arrive in any order; pulls of what is gone are no error."""
        manifest = await push(store, tags=["v1"])
        late, early = clock() + timedelta(hours=2), clock() + timedelta(hours=1)

        await store.record_pulls(
            [
                Pull(APP, manifest.digest, Tag("v1"), late),
                Pull(APP, manifest.digest, Tag("v1"), early),
                Pull(APP, manifest.digest, None, late),
                Pull(OTHER, manifest.digest, Tag("v1"), late),
                Pull(APP, Digest.of(b"gone"), Tag("gone"), late),
            ]
        )

        (interval,) = await store.tag_history(APP, Tag("v1"))
        assert interval.pulled_at == late

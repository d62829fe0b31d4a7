"""The part of `MetadataStoreContract` about who was told of which events."""

from dataclasses import replace
from datetime import timedelta

from lading.interfaces.access import Occasion
from lading.interfaces.changes import ManifestDeleted
from lading.interfaces.metadata import Delivery, MetadataStore, Outlook
from lading.oci.names import Tag
from lading.testing.metadata_writing import APP, Clock, link, push, put


async def _numbers(store: MetadataStore) -> list[int]:
    return [event.number for event in await store.events(after=0, limit=100)]


async def _a_day_ago(store: MetadataStore, clock: Clock, *contents: bytes) -> list[int]:
    """Link *contents* and let a day pass; return the numbers of the events."""
    for content in contents:
        await link(store, content)
    clock.advance(timedelta(days=1))
    return await _numbers(store)


class DeliveriesContract:
    """What is remembered of those who are told what happened."""

    async def test_outlook_of_an_empty_store_is_empty(self, store: MetadataStore) -> None:
        """Nothing happened, and nobody is told."""
        assert await store.outlook() == Outlook(0, ())

    async def test_outlook_knows_the_latest_event(self, store: MetadataStore) -> None:
        """Whoever waits for events sees that there are more."""
        await push(store)

        number = (await store.events(after=0, limit=100))[-1].number
        assert (await store.outlook()).latest == number

    async def test_progress_is_kept_by_endpoint(self, store: MetadataStore, clock: Clock) -> None:
        """Each has a place of its own, with what went wrong there."""
        well = Delivery("a", 7)
        ill = Delivery("b", 3, failures=2, failing_since=clock(), reason="it does not answer")
        await store.settle([ill, well])
        before = (await store.outlook()).deliveries

        await store.settle([replace(ill, number=4, failures=0, failing_since=None, reason="")])

        assert [*before] == [well, ill]
        assert [*(await store.outlook()).deliveries] == [well, Delivery("b", 4)]

    async def test_what_was_asked_for_outlasts_progress(self, store: MetadataStore) -> None:
        """Somebody asks while a delivery is under way, and is heard when it is over."""
        await store.settle([Delivery("a", 1)])

        asked = [
            await store.urge("a"),
            await store.urge("a", skip_to=5),
            await store.urge("a", skip_to=2),
            await store.urge("b"),
        ]
        await store.settle([Delivery("a", 2)])

        assert asked == [True, True, True, False]
        assert [*(await store.outlook()).deliveries] == [Delivery("a", 2, skip_to=5, urged=3)]

    async def test_events_are_forgotten_by_age_and_by_number(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """Only what is old and was told to everybody goes, the oldest first, a batch at a time."""
        await _a_day_ago(store, clock, b"1", b"2", b"3")
        await link(store, b"4")
        numbers = await _numbers(store)
        now = clock()

        young = await store.forget_events(before=now, upto=numbers[3], limit=1, known=())
        untold = await store.forget_events(before=now, upto=numbers[1], limit=100, known=())
        left = await _numbers(store)

        assert (young, untold) == (1, 1)
        assert left == numbers[2:]
        assert await store.forget_events(before=now, upto=numbers[3], limit=100, known=()) == 1

    async def test_whoever_is_unknown_is_forgotten_with_what_it_was_not_told(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """As long as it could go on where it was, its place is kept."""
        first, second, third = await _a_day_ago(store, clock, b"1", b"2", b"3")
        old = [Delivery("known", first), Delivery("gone", first), Delivery("later", second)]
        await store.settle(old)

        await store.forget_events(before=clock(), upto=first, limit=100, known=["known"])
        none = [each.endpoint for each in (await store.outlook()).deliveries]
        await store.forget_events(before=clock(), upto=third, limit=100, known=["known"])

        assert none == ["gone", "known", "later"]
        assert [each.endpoint for each in (await store.outlook()).deliveries] == ["known", "later"]

    async def test_numbers_go_on_after_all_events_were_forgotten(
        self, store: MetadataStore, clock: Clock
    ) -> None:
        """The latest event stays, so that no number is ever given twice."""
        _, latest = await _a_day_ago(store, clock, b"1", b"2")

        await store.forget_events(before=clock(), upto=latest, limit=100, known=())
        await link(store, b"3")

        assert await _numbers(store) == [latest, latest + 1]

    async def test_event_names_the_tags_that_ended_with_a_manifest(
        self, store: MetadataStore
    ) -> None:
        """A manifest that is deleted takes its tags along; who is told is told of these, too."""
        manifest = await push(store, tags=["v2", "v1", "old"])
        await push(store, tags=["v1"])
        other = manifest.digest
        await put(store, manifest, tags=["v3"])

        committed = await store.commit(ManifestDeleted(APP, other), occasion=Occasion())

        assert committed is not None
        assert committed.ended == (Tag("old"), Tag("v1"), Tag("v2"), Tag("v3"))
        assert [*await store.events(after=committed.number - 1, limit=1)] == [committed]

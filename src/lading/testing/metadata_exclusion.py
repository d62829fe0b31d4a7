"""The part of `MetadataStoreContract` about who may work at once."""

import asyncio

import pytest

from lading.interfaces.metadata import MetadataStore
from lading.oci.digest import Digest


class ExclusionContract:
    """Every promise of `Exclusion`."""

    async def test_deleter_waits_for_publishers(self, store: MetadataStore) -> None:
        """Publishers of a digest share it; a deleter has it alone."""
        digest = Digest.of(b"content")
        order: list[str] = []
        published = asyncio.Event()

        async def publish() -> None:
            async with store.publishing(digest), store.publishing(digest):
                published.set()
                await asyncio.sleep(0)
                order.append("published")

        async def delete() -> None:
            await published.wait()
            async with store.exclusively(digest):
                order.append("deleted")

        await asyncio.gather(delete(), publish())

        assert order == ["published", "deleted"]

    async def test_publisher_waits_for_a_deleter(self, store: MetadataStore) -> None:
        """A waiter that gives up leaves the lock as it was."""
        digest = Digest.of(b"content")

        async def publish() -> None:
            async with store.publishing(digest):
                pass

        async with store.exclusively(digest):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(publish(), 0.01)
        await publish()
        async with store.exclusively(digest):
            pass

    async def test_only_one_does_background_work(self, store: MetadataStore) -> None:
        """Whoever does not wait is told so; whoever waits has its turn."""
        async with store.background(wait=False) as first, store.background(wait=False) as second:
            pass
        async with store.background(wait=True) as third:
            pass

        assert (first, second, third) == (True, False, True)

    async def test_one_at_a_time_delivers(self, store: MetadataStore) -> None:
        """Who comes second waits, and is next; collection is not held up meanwhile."""
        order: list[str] = []

        async def second() -> None:
            async with store.delivering():
                order.append("second")

        async with store.delivering():
            waiting = asyncio.create_task(second())
            await asyncio.wait([waiting], timeout=0.01)
            async with store.background(wait=False) as free:
                order.append("first")
        await waiting

        assert free
        assert order == ["first", "second"]

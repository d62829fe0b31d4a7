"""What leaves no trace is told as well as may be, within bounds, and losses are counted."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from lading.errors import UpstreamFailed
from lading.interfaces.access import Occasion
from lading.interfaces.notices import Deed, NoMeter, Notice
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.registry.feed import Subscription
from lading.registry.hearsay import Hearsay
from lading.registry.notices import pull_of

AT = datetime(2026, 1, 1, tzinfo=UTC)
APP = RepositoryName("team/app")


def _pull(number: int) -> Notice:
    content = Descriptor("application/x", Digest.of(b"content"), 7)
    return pull_of(AT, Occasion(), APP, content, tag=Tag(f"v{number}"), seed=str(number))


class _Sink:
    def __init__(self, failures: int = 0) -> None:
        self.told: list[Notice] = []
        self.failures = failures

    async def tell(self, notice: Notice) -> int:
        if self.failures:
            self.failures -= 1
            raise UpstreamFailed("down")
        self.told.append(notice)
        return 200

    @property
    def tags(self) -> list[str | None]:
        return [each.tag for each in self.told]


class _Losses(NoMeter):
    def __init__(self) -> None:
        self.number = 0

    def lost(self, endpoint: str, number: int) -> None:
        self.number += number


def _note(hearsay: Hearsay, number: int) -> None:
    async def make() -> Sequence[Notice]:
        return [_pull(number)]

    hearsay.note(make)


async def _turn(_seconds: float) -> None:
    await asyncio.sleep(0)


async def test_what_was_noted_is_told_at_the_latest_at_the_end() -> None:
    """A worker that stops has told its pulls."""
    sink = _Sink()
    hearsay = Hearsay([Subscription(name="a", sink=sink)])

    async with hearsay.telling():
        for number in range(3):
            _note(hearsay, number)

    assert sink.tags == ["v0", "v1", "v2"]


async def test_endpoint_that_fails_is_told_later() -> None:
    """As long as there is room, nothing is lost."""
    sink = _Sink(failures=15)
    hearsay = Hearsay([Subscription(name="a", sink=sink)], pause=_turn)

    async with hearsay.telling():
        _note(hearsay, 1)
        _note(hearsay, 2)

    assert sink.tags == ["v1", "v2"]


async def test_what_finds_no_room_is_counted() -> None:
    """Memory is bounded: the oldest make room for what is new."""
    losses = _Losses()
    sink = _Sink()
    hearsay = Hearsay([Subscription(name="a", sink=sink)], room=2, meter=losses)
    for number in range(5):
        _note(hearsay, number)
    await hearsay.flush()
    for number in range(5, 7):
        _note(hearsay, number)
    await hearsay.flush()

    async with hearsay.telling():
        pass

    assert losses.number == 5
    assert sink.tags == ["v5", "v6"]


async def test_only_what_is_wanted_is_told() -> None:
    """Pulls are of no interest to most."""
    sink = _Sink()
    pulls = frozenset({Deed.PULL})
    hearsay = Hearsay([Subscription(name="a", sink=sink, ignored=pulls)])

    async with hearsay.telling():
        _note(hearsay, 1)

    assert sink.told == []


async def test_what_cannot_be_made_keeps_nobody_else_from_being_told() -> None:
    """A mistake of ours is logged."""

    async def broken() -> Sequence[Notice]:
        raise RuntimeError("a mistake")

    sink = _Sink()
    hearsay = Hearsay([Subscription(name="a", sink=sink)])
    async with hearsay.telling():
        hearsay.note(broken)
        _note(hearsay, 1)

    assert sink.tags == ["v1"]

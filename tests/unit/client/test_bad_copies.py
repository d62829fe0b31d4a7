"""Copies between two registries on bad days: the target has the image whole, or not at all."""

from collections.abc import Callable

import pytest

from lading import CopyReport, RepositoryName, StandIn, Tag, copy
from lading.client.logins.credentials import Login, StaticKeyring
from lading.errors import (
    DigestInvalid,
    Unauthorized,
    UpstreamFailed,
)
from lading.testing import samples
from lading.testing.personalities import TokenRealm
from lading.wire.message import Response

pytest_plugins = ["lading.fixtures"]

NAME = "team/app"
LATEST = Tag("latest")
IMAGE = samples.image(size=3_000_000)
BLOBS = "*/blobs/sha256:*"
ADA = StaticKeyring(Login(username="ada", password="lovelace"))


class Sides:
    """Two registries, of which the first has an image and the second nothing."""

    def __init__(self, source: StandIn, target: StandIn) -> None:
        self.source = source
        self.target = target
        self.naps: list[float] = []
        source.put_image(NAME, image=IMAGE)

    async def copied(self) -> CopyReport:
        """Copy the image, by clients that know nothing from earlier."""
        name = RepositoryName(NAME)
        source = self.source.registry(keyring=ADA, sleep=self.sleep).repository(name)
        target = self.target.registry(keyring=ADA, sleep=self.sleep).repository(name)
        return await copy(source, target, LATEST, tags=[LATEST])

    async def sleep(self, seconds: float) -> None:
        """Wait for nothing."""
        self.naps.append(seconds)

    async def is_whole(self) -> bool:
        """Whether the target has every byte of the image now, looked at past the client."""
        repository = self.target.registry().repository(RepositoryName(NAME))
        found = await repository.get_manifest(LATEST)
        contents = [
            await samples.content_of(await repository.open_blob(each.digest))
            for each in found.layers
        ]
        return found == IMAGE.manifest and contents == list(IMAGE.blobs[1:])


def ending(realm: TokenRealm) -> Callable[[Response], Response]:
    """Lets every token end after an answer, which stays what it is."""

    def end(response: Response) -> Response:
        realm.expire()
        return response

    return end


@pytest.fixture
def sides(new_oci_registry: Callable[[], StandIn]) -> Sides:
    """Nothing is wrong yet."""
    return Sides(new_oci_registry(), new_oci_registry())


async def test_a_second_copy_moves_nothing(sides: Sides) -> None:
    """All is there, and that is found out without sending anything."""
    await sides.copied()
    before = sides.target.trouble.count("P*")

    report = await sides.copied()

    assert report.bytes_moved == 0
    assert report.tags_there == ("latest",)
    assert sides.target.trouble.count("P*") == before


@pytest.mark.parametrize("trouble", ["truncate", "interrupt", "hang_up", "hang_up_afterwards"])
async def test_a_copy_survives_lost_connections(sides: Sides, trouble: str) -> None:
    """On either side, wherever they are lost."""
    if trouble == "truncate":
        sides.source.trouble.truncate(1_500_000, path=BLOBS, times=2)
    elif trouble == "interrupt":
        sides.target.trouble.interrupt(1_500_000, method="PUT", path="*/uploads/*", times=2)
    else:
        getattr(sides.target.trouble, trouble)(method="PUT", times=2)
        getattr(sides.source.trouble, trouble)(times=2)

    await sides.copied()

    assert await sides.is_whole()


async def test_a_wrong_bit_does_not_reach_the_target(sides: Sides) -> None:
    """Whoever finds it, the target or this process: the image is not there."""
    sides.source.trouble.flip(1_000_000, path=BLOBS, times=99)

    with pytest.raises(DigestInvalid):
        await sides.copied()

    assert sides.target.tags(NAME) == []


async def test_what_failed_goes_on_where_it_ended(sides: Sides) -> None:
    """What arrived the first time is not sent a second time; tags are written last."""
    sides.target.trouble.fail(500, method="PUT", path="*/manifests/*", times=99)
    with pytest.raises(UpstreamFailed) as caught:
        await sides.copied()
    sides.target.trouble.end()

    report = await sides.copied()

    assert caught.value.where.startswith("target")
    assert report.blobs_there == 3
    assert report.bytes_moved == 0
    assert await sides.is_whole()


@pytest.mark.parametrize("side", ["source", "target"])
async def test_the_side_that_failed_is_named(sides: Sides, side: str) -> None:
    """So that nobody looks at the wrong registry."""
    registry: StandIn = getattr(sides, side)
    registry.become("docker-hub")
    registry.trouble.fail(401, path="/token", times=99)

    with pytest.raises(Unauthorized) as caught:
        await sides.copied()

    assert caught.value.where.startswith(side)


@pytest.mark.parametrize("manner", ["docker-hub", "ghcr", "ecr", "artifactory", "s3", "old"])
async def test_a_copy_goes_to_and_from_whatever_people_have(sides: Sides, manner: str) -> None:
    """Tokens, redirects, whole URLs, no deletes, no referrers."""
    sides.source.become(manner)
    sides.target.become(manner)

    await sides.copied()

    sides.target.become()
    assert await sides.is_whole()


async def test_tokens_that_end_in_the_middle_are_renewed(sides: Sides) -> None:
    """On both sides, also while a blob is under way."""
    for registry in (sides.source, sides.target):
        registry.become("docker-hub")
        realm = registry.realm
        assert realm is not None
        for skip in (3, 9):
            registry.trouble.change(ending(realm), path="/v2/*", skip=skip)

    await sides.copied()

    sides.target.become()
    assert await sides.is_whole()

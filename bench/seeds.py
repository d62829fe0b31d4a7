"""Fill a store before it is measured; what is there already is not made twice."""

import os
from dataclasses import dataclass
from pathlib import Path

from bench.loads import (
    BIG,
    TINY,
    crowd,
    make_big_file,
    put_manifests,
    put_referrers,
    put_repositories,
)
from bench.servers import Contestant
from bench.wire import Connection, closing, digest_of, manifest_of

APP = "bench/app"
PUSHED = "bench/pushed"
REFERRED = "bench/referred"
BLOB_4K = bytes(range(256)) * 16
MANIFEST = manifest_of(TINY, annotations={"org.opencontainers.image.title": "measured"})
_CLIENTS = 8


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is stored and how long is measured.

    Distribution gets fewer tags and repositories where Lading's number would take it hours.
    """

    rounds: int = 5
    wrk_seconds: int = 4
    tags: int = 100_000
    tags_to_delete_among: int = 20_000
    rival_tags: int = 4_000
    rival_tags_to_delete_among: int = 4_000
    repositories: int = 100_000
    rival_repositories: int = 4_000
    referrers: int = 10_000
    images: int = 60
    images_each: int = 15
    puts: int = 400
    pages: int = 100
    deletions: int = 5
    pulls: int = 4
    huge_times: int = 40

    def tags_of(self, contestant: Contestant) -> int:
        """The tags in the big repository."""
        return self.tags if contestant.is_ours else self.rival_tags

    def tags_to_delete_of(self, contestant: Contestant) -> int:
        """The tags in the repository that manifests are deleted from."""
        ours = contestant.is_ours
        return self.tags_to_delete_among if ours else self.rival_tags_to_delete_among

    def repositories_of(self, contestant: Contestant) -> int:
        """The repositories in the catalog."""
        return self.repositories if contestant.is_ours else self.rival_repositories


QUICK = Scale(
    rounds=2,
    wrk_seconds=1,
    tags=5_000,
    tags_to_delete_among=2_000,
    rival_tags=2_000,
    rival_tags_to_delete_among=2_000,
    repositories=5_000,
    rival_repositories=1_000,
    referrers=2_000,
    images=15,
    images_each=5,
    puts=200,
    pages=40,
    deletions=3,
    pulls=2,
    huge_times=4,
)


@dataclass(frozen=True, slots=True)
class Arena:
    """Where and how much is measured."""

    scale: Scale
    big_file: Path

    @classmethod
    def in_folder(cls, folder: Path, scale: Scale) -> "Arena":
        """Make the file of 256 MiB that big pushes send."""
        big_file = folder / "big"
        make_big_file(big_file)
        return cls(scale, big_file)


def application(contestant: Contestant) -> None:
    """A repository with a tagged manifest and a blob of 4 KiB."""
    if "application" in contestant.done:
        return
    tiny_repository(contestant, APP)
    with Connection(contestant.address) as connection:
        connection.put_blob(APP, BLOB_4K, digest_of(BLOB_4K))
        connection.put_manifest(APP, "latest", MANIFEST)
    contestant.done["application"] = 1


def tiny_repository(contestant: Contestant, repository: str) -> None:
    """A repository with the two blobs that small manifests name."""
    with Connection(contestant.address) as connection:
        for content in (b"{}", b"layer"):
            connection.put_blob(repository, content, digest_of(content))


def big_blob(contestant: Contestant) -> str:
    """A blob of 256 MiB; returns the path to read it by."""
    path = contestant.paths.get("big")
    if path is None:
        content = os.urandom(BIG)
        digest = digest_of(content)
        with Connection(contestant.address) as connection:
            location = closing(connection.begin_upload(APP), digest)
            connection.request("PUT", location, expected=201, content=content)
        path = f"/v2/{APP}/blobs/{digest}"
        contestant.paths["big"] = path
    return path


def tags(contestant: Contestant, repository: str, count: int) -> None:
    """A repository with *count* tags, each on a manifest of its own."""
    if contestant.done.get(repository, 0) >= count:
        return
    tiny_repository(contestant, repository)
    share = count // _CLIENTS
    crowd(
        put_manifests,
        [
            (contestant.address, repository, "t", number * share, share)
            for number in range(_CLIENTS)
        ],
    )
    contestant.done[repository] = count


def repositories(contestant: Contestant, count: int) -> None:
    """*count* repositories with one small index each."""
    if contestant.done.get("repositories", 0) >= count:
        return
    share = count // _CLIENTS
    crowd(
        put_repositories,
        [(contestant.address, number * share, share) for number in range(_CLIENTS)],
    )
    contestant.done["repositories"] = count


def referrers(contestant: Contestant, count: int) -> str:
    """A manifest with *count* referrers; returns its digest."""
    subject = digest_of(MANIFEST)
    if contestant.done.get("referrers", 0) >= count:
        return subject
    tiny_repository(contestant, REFERRED)
    with Connection(contestant.address) as connection:
        connection.put_manifest(REFERRED, "subject", MANIFEST)
    share = count // _CLIENTS
    crowd(
        put_referrers,
        [
            (contestant.address, REFERRED, subject, number * share, share)
            for number in range(_CLIENTS)
        ],
    )
    contestant.done["referrers"] = count
    return subject

"""The table of what is measured, and what each row has to reach."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

from bench import loads, seeds
from bench.loads import MIB
from bench.seeds import APP, BLOB_4K, PUSHED, REFERRED, Arena
from bench.servers import Contestant
from bench.setups import HTPASSWD, OBSERVED, TLS, TOKEN, TOLD_ALL, Setup
from bench.wire import MANIFEST, digest_of

MANY_TAGS = "bench/tags"
TAGS_TO_DELETE = "bench/deleted"


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: the row's value, and what was done for the CPU column."""

    value: float
    units: float


@dataclass(frozen=True, slots=True)
class Goal:
    """What a row has to reach; a part that is ``None`` is not asked for.

    *ratio* and *cpu_ratio* compare with Distribution, *at_most* is in the row's unit, and
    *cpu_at_most* in its unit of CPU time.
    """

    ratio: float | None = None
    at_most: float | None = None
    cpu_ratio: float | None = None
    cpu_at_most: float | None = None


@dataclass(frozen=True, slots=True)
class CpuUnit:
    """The CPU column's unit and how many of it a second per unit of work is."""

    name: str
    per_second: float


PER_THOUSAND = CpuUnit("ms / 1,000", 1_000_000)
PER_MIB = CpuUnit("ms / MiB", 1_000)
PER_IMAGE = CpuUnit("ms / image", 1_000)

Prepare = Callable[[Contestant, Arena], None]
Measure = Callable[[Contestant, Arena, int], Sample]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    key: str
    title: str
    unit: str
    goal: Goal
    cpu: CpuUnit
    prepare: Prepare
    measure: Measure
    lower_is_better: bool = False
    rival_can: bool = True
    setup: Setup | None = None

    @property
    def needs_big_blob(self) -> bool:
        """Whether a setup has to hold the blob of 256 MiB."""
        return self.cpu is PER_MIB


def _application(contestant: Contestant, arena: Arena) -> None:
    seeds.application(contestant)


def _big_blob(contestant: Contestant, arena: Arena) -> None:
    seeds.application(contestant)
    seeds.big_blob(contestant)


def _many_tags(contestant: Contestant, arena: Arena) -> None:
    seeds.tags(contestant, MANY_TAGS, arena.scale.tags_of(contestant))


def _tags_to_delete(contestant: Contestant, arena: Arena) -> None:
    seeds.tags(contestant, TAGS_TO_DELETE, arena.scale.tags_to_delete_of(contestant))


def _repositories(contestant: Contestant, arena: Arena) -> None:
    seeds.repositories(contestant, arena.scale.repositories_of(contestant))


def _referrers(contestant: Contestant, arena: Arena) -> None:
    seeds.referrers(contestant, arena.scale.referrers)


def _reads(path: str, connections: int) -> Measure:
    """GET *path* by wrk."""

    def measure(contestant: Contestant, arena: Arena, number: int) -> Sample:
        rate = loads.requests_per_second(
            contestant.server.url + path,
            connections=connections,
            seconds=arena.scale.wrk_seconds,
            accept=MANIFEST,
            headers=contestant.headers,
        )
        return Sample(rate, rate * arena.scale.wrk_seconds)

    return measure


def _pull(connections: int) -> Measure:
    """Read the blob of 256 MiB over *connections*."""

    def measure(contestant: Contestant, arena: Arena, number: int) -> Sample:
        path = seeds.big_blob(contestant)
        seconds, received = loads.apart(
            loads.pull, contestant.address, path, connections, arena.scale.pulls
        )
        return Sample(received / MIB / seconds, received / MIB)

    return measure


def _pull_sealed(contestant: Contestant, arena: Arena, number: int) -> Sample:
    """Read the blob of 256 MiB over TLS."""
    times = arena.scale.pulls
    url = contestant.server.url + contestant.paths["big"]
    mebibytes = times * loads.BIG / MIB
    return Sample(mebibytes / loads.pull_sealed(url, times), mebibytes)


def _push(shape: str) -> Measure:
    """Push 256 MiB of fresh content in one of the three shapes."""

    def measure(contestant: Contestant, arena: Arena, number: int) -> Sample:
        loads.touch_memory(loads.BIG)
        seconds = loads.apart(loads.push, contestant.address, PUSHED, arena.big_file, shape)
        mebibytes = loads.BIG / MIB
        return Sample(mebibytes / seconds, mebibytes)

    return measure


def _small_images(clients: int) -> Measure:
    """Push small images by one or several clients at once."""

    def measure(contestant: Contestant, arena: Arena, number: int) -> Sample:
        each = arena.scale.images if clients == 1 else arena.scale.images_each
        address = contestant.address
        calls = [(address, f"bench/small{client}", each) for client in range(clients)]
        writing = clients * each * sum(loads.SMALL_IMAGE)
        seconds = loads.crowd(loads.small_images, calls, writing=writing)
        return Sample(clients * each / seconds, clients * each)

    return measure


def _puts_into_new(contestant: Contestant, arena: Arena, number: int) -> Sample:
    repository = f"bench/new{number}"
    seeds.tiny_repository(contestant, repository)
    return _puts(contestant, arena, repository, "t")


def _puts_into_full(contestant: Contestant, arena: Arena, number: int) -> Sample:
    return _puts(contestant, arena, MANY_TAGS, f"u{number}-")


def _puts(contestant: Contestant, arena: Arena, repository: str, prefix: str) -> Sample:
    count = arena.scale.puts
    call = (contestant.address, repository, prefix, 0, count)
    return Sample(count / loads.crowd(loads.put_manifests, [call]), count)


def _page(contestant: Contestant, arena: Arena, path: str) -> Sample:
    times = loads.apart(loads.milliseconds, contestant.address, path, arena.scale.pages)
    return Sample(statistics.median(times), arena.scale.pages)


def _tags_page(contestant: Contestant, arena: Arena, number: int) -> Sample:
    middle = arena.scale.tags_of(contestant) // 2
    return _page(contestant, arena, f"/v2/{MANY_TAGS}/tags/list?n=100&last=t{middle:06}")


def _catalog_page(contestant: Contestant, arena: Arena, number: int) -> Sample:
    middle = arena.scale.repositories_of(contestant) // 2
    return _page(contestant, arena, f"/v2/_catalog?n=100&last=many/r{middle:06}")


def _referrers_page(contestant: Contestant, arena: Arena, number: int) -> Sample:
    subject = seeds.referrers(contestant, arena.scale.referrers)
    return _page(contestant, arena, f"/v2/{REFERRED}/referrers/{subject}")


def _deletions(contestant: Contestant, arena: Arena, number: int) -> Sample:
    count = arena.scale.deletions
    digests = [
        loads.digest_by_tag(contestant.address, TAGS_TO_DELETE, f"t{index:06}")
        for index in range(number * count, (number + 1) * count)
    ]
    times = loads.apart(loads.delete_manifests, contestant.address, TAGS_TO_DELETE, digests)
    return Sample(statistics.median(times), count)


_BY_TAG = f"/v2/{APP}/manifests/latest"
_BY_DIGEST = f"/v2/{APP}/manifests/{digest_of(seeds.MANIFEST)}"
_SMALL_BLOB = f"/v2/{APP}/blobs/{digest_of(BLOB_4K)}"


def _rate(key: str, title: str, goal: Goal, prepare: Prepare, measure: Measure) -> Row:
    return Row(key, title, "requests/s", goal, PER_THOUSAND, prepare, measure)


def _bytes(key: str, title: str, goal: Goal, prepare: Prepare, measure: Measure) -> Row:
    return Row(key, title, "MiB/s", goal, PER_MIB, prepare, measure)


def _images(key: str, title: str, goal: Goal, clients: int) -> Row:
    measure = _small_images(clients)
    return Row(key, title, "images/s", goal, PER_IMAGE, _application, measure)


def _wait(
    key: str,
    title: str,
    at_most: float,
    prepare: Prepare,
    measure: Measure,
    *,
    rival_can: bool = True,
) -> Row:
    goal = Goal(at_most=at_most)
    return Row(key, title, "ms", goal, PER_THOUSAND, prepare, measure, True, rival_can)


def _as(setup: Setup, row: Row) -> Row:
    """*row* between servers that are set up in another way, and filled with it."""
    return replace(row, setup=setup, prepare=_nothing)


def _nothing(contestant: Contestant, arena: Arena) -> None:
    """A setup comes filled."""


_HALF_CPU = 0.5
_READ = 60.0

ROWS = (
    _rate("tag-16", "manifest GET by tag, 16 connections", Goal(3.0, cpu_at_most=_READ),
          _application, _reads(_BY_TAG, 16)),
    _rate("tag-256", "manifest GET by tag, 256 connections", Goal(3.0, cpu_at_most=_READ),
          _application, _reads(_BY_TAG, 256)),
    _rate("digest-16", "manifest GET by digest, 16 connections", Goal(2.7, cpu_at_most=_READ),
          _application, _reads(_BY_DIGEST, 16)),
    _rate("blob-16", "4 KiB blob GET, 16 connections", Goal(13.0),
          _application, _reads(_SMALL_BLOB, 16)),
    _bytes("pull-1", "256 MiB blob GET, 1 connection", Goal(1.0, cpu_ratio=_HALF_CPU),
           _big_blob, _pull(1)),
    _bytes("pull-4", "256 MiB blob GET, 4 connections", Goal(1.1, cpu_ratio=_HALF_CPU),
           _big_blob, _pull(4)),
    _bytes("push-put", "256 MiB push, one PUT", Goal(1.15), _application, _push("put")),
    _bytes("push-stream", "256 MiB push, POST, chunked PATCH, PUT", Goal(1.05),
           _application, _push("stream")),
    _bytes("push-parts", "256 MiB push, 8 MiB chunks", Goal(1.15), _application, _push("parts")),
    _images("small-1", "small images (5 blobs, 2.2 MB), one client", Goal(1.5), 1),
    _images("small-8", "small images, eight clients at once", Goal(1.3), 8),
    _rate("put-new", "manifest PUT with a new tag, repository without tags", Goal(1.0),
          _application, _puts_into_new),
    _rate("put-full", "manifest PUT with a new tag, repository full of tags", Goal(1.0),
          _many_tags, _puts_into_full),
    _wait("tags", "tags page (n=100) in the middle", 2.0, _many_tags, _tags_page),
    _wait("catalog", "catalog page (n=100) in the middle", 2.0, _repositories, _catalog_page),
    _wait("delete", "delete one manifest", 10.0, _tags_to_delete, _deletions),
    _as(OBSERVED, _rate("observed", "manifest GET by tag, JSON access log and metrics",
                        Goal(2.0), _nothing, _reads(_BY_TAG, 16))),
    _as(TOLD_ALL, _rate("told", "manifest GET by tag, JSON events, combined access log, metrics",
                        Goal(), _nothing, _reads(_BY_TAG, 16))),
    _as(TLS, _rate("tls-tag", "manifest GET by tag, TLS", Goal(2.5),
                   _nothing, _reads(_BY_TAG, 16))),
    _as(TLS, _bytes("tls-pull", "256 MiB blob GET, TLS, 1 connection", Goal(1.0),
                    _nothing, _pull_sealed)),
    _as(TOKEN, _rate("token", "manifest GET by tag, token", Goal(2.5),
                     _nothing, _reads(_BY_TAG, 16))),
    _as(HTPASSWD, _rate("htpasswd", "manifest GET by tag, password", Goal(2.5),
                        _nothing, _reads(_BY_TAG, 16))),
    _wait("referrers", "referrers page", 20.0, _referrers, _referrers_page, rival_can=False),
)  # fmt: skip

"""Numbers that several workers keep together."""

import os
import threading

import pytest

from lading.app.watching import metrics
from lading.app.watching.exposition import shown
from lading.app.watching.meters import Meters, Series
from lading.app.watching.metrics import Kind, Metric

COUNT = Metric(name="things_total", kind=Kind.COUNTER, doc="Things.", labels={"what": ("a", "b")})
LEVEL = Metric(name="level", kind=Kind.GAUGE, doc="A level.")
SIZES = Metric(name="sizes", kind=Kind.HISTOGRAM, doc="Sizes.", buckets=(1.0, 10.0))
ALL = (COUNT, LEVEL, SIZES)


def test_what_workers_count_adds_up() -> None:
    """Each has numbers of its own, and whoever asks gets the sum."""
    meters = Meters(ALL, 2)

    meters.of(0).add(COUNT, "a")
    meters.of(1).add(COUNT, "a", by=2.0)

    assert list(meters.read(COUNT)) == [Series(("a",), (3.0,))]


def test_process_that_was_forked_counts_for_all() -> None:
    """The memory is shared: what a child counted is there when it is gone."""
    meters = Meters(ALL, 2)

    pid = os.fork()
    if pid == 0:
        meters.of(1).add(COUNT, "b", by=5.0)
        os._exit(0)
    os.waitpid(pid, 0)

    assert list(meters.read(COUNT)) == [Series(("b",), (5.0,))]


def test_next_worker_counts_on_but_has_levels_of_its_own() -> None:
    """A counter never goes back; what a dead worker had at that moment, nobody has."""
    meters = Meters(ALL, 1)
    first = meters.of(0)
    first.add(COUNT, "a")
    first.set(LEVEL, 7.0)

    meters.of(0).add(COUNT, "a")

    assert list(meters.read(COUNT)) == [Series(("a",), (2.0,))]
    assert list(meters.read(LEVEL)) == []


def test_value_falls_into_the_first_bucket_that_holds_it() -> None:
    """A bound belongs to its bucket, as Prometheus wants it."""
    meters = Meters(ALL, 1)
    meter = meters.of(0)

    for value in (0.5, 1.0, 5.0, 11.0):
        meter.observe(SIZES, value)

    assert list(meters.read(SIZES)) == [Series((), (2.0, 1.0, 1.0, 17.5))]


def test_threads_lose_nothing() -> None:
    """Transactions and disks are timed in many threads."""
    meters = Meters(ALL, 1)
    meter = meters.of(0)

    def count() -> None:
        for _ in range(5_000):
            meter.add(COUNT, "a")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(meters.read(COUNT)) == [Series(("a",), (20_000.0,))]


def test_value_that_a_label_does_not_have_is_a_mistake() -> None:
    """There is no place for it."""
    with pytest.raises(ValueError, match="not in"):
        Meters(ALL, 1).of(0).add(COUNT, "c")


def test_series_are_shown_as_prometheus_reads_them() -> None:
    """Buckets are summed up and called as Go calls them, and what was found out just now stands beside what was counted."""
    asked = Metric(name="asked", kind=Kind.GAUGE, doc="Asked.", labels={"v": ()}, asked=True)
    meters = Meters((*ALL, asked), 1)
    meter = meters.of(0)
    meter.add(COUNT, "b")
    for value in (0.5, 5.0, 50.0):
        meter.observe(SIZES, value)

    told, media_type = shown(meters, {"asked": Series(("1",), (4.0,))})

    lines = [line for line in told.decode().splitlines() if not line.startswith("#")]
    assert media_type.startswith("text/plain")
    assert lines == [
        'things_total{what="b"} 1.0',
        'sizes_bucket{le="1"} 1.0',
        'sizes_bucket{le="10"} 2.0',
        'sizes_bucket{le="+Inf"} 3.0',
        "sizes_count 3.0",
        "sizes_sum 55.5",
        'asked{v="1"} 4.0',
    ]


def test_every_metric_has_a_place_and_a_name_of_its_own() -> None:
    """The table has no metric twice, and names follow Prometheus' rules."""
    names = [metric.name for metric in metrics.TABLE]

    assert len(set(names)) == len(names)
    for metric in metrics.TABLE:
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER) or (
            metric is metrics.NOTICES_PENDING
        )
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)

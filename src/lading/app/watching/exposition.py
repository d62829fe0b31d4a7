"""Metrics as Prometheus reads them. The library for that is known here and nowhere else."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from lading.app.watching.meters import Meters, Series
from lading.app.watching.metrics import Kind, Metric

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


def shown(meters: Meters, asked: Mapping[str, Series]) -> tuple[bytes, str]:
    """All of *meters* and what was *asked* for beside them, by name; and the media type of that."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(meters, asked))
    # The oldest form, whatever a scraper would prefer: only there may a bucket be called as it is
    # by Distribution.
    encode, media_type = choose_encoder("")
    return encode(registry), media_type


class _Told(Collector):
    def __init__(self, meters: Meters, asked: Mapping[str, Series]) -> None:
        self._meters = meters
        self._asked = asked

    def collect(self) -> Iterator[Family]:
        """Every metric with its series."""
        for metric in self._meters.metrics:
            yield _family(metric, self._meters.read(metric))
        for metric in self._meters.asked:
            if metric.name in self._asked:
                yield _family(metric, [self._asked[metric.name]])


def _family(metric: Metric, series: Iterable[Series]) -> Family:
    names = tuple(metric.labels)
    match metric.kind:
        case Kind.COUNTER:
            counter = CounterMetricFamily(metric.name, metric.doc, labels=names)
            for each in series:
                counter.add_metric(each.labels, each.numbers[0])
            return counter
        case Kind.GAUGE:
            gauge = GaugeMetricFamily(metric.name, metric.doc, labels=names)
            for each in series:
                gauge.add_metric(each.labels, each.numbers[0])
            return gauge
        case Kind.HISTOGRAM:
            histogram = HistogramMetricFamily(metric.name, metric.doc, labels=names)
            # As Go writes numbers, whose names of buckets are those of people's rules.
            numbers = map(floatToGoString, metric.buckets)
            bounds = [*(each.removesuffix(".0") for each in numbers), "+Inf"]
            for each in series:
                *counts, total = each.numbers
                histogram.add_metric(
                    each.labels, list(zip(bounds, accumulate(counts), strict=True)), total
                )
            return histogram

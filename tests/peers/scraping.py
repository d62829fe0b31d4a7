"""What a server tells Prometheus, read back."""

import urllib.request
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

Sample = tuple[str, tuple[tuple[str, str], ...]]
"""The name of a sample and its labels, sorted."""


def scrape(url: str) -> Mapping[Sample, float]:
    """Every sample at *url*."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        text = answer.read().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def grown(before: Mapping[Sample, float], after: Mapping[Sample, float]) -> dict[Sample, float]:
    """What is more in *after* than in *before*."""
    return {
        sample: value - before.get(sample, 0.0)
        for sample, value in after.items()
        if value != before.get(sample, 0.0)
    }


def sample(name: str, **labels: str) -> Sample:
    """The sample *name* with *labels*."""
    return name, tuple(sorted(labels.items()))

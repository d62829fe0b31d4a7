"""The dashboard and the alerts: they are understood, and every metric they name is there."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from lading.app.watching.metrics import TABLE, Kind
from tests.architecture.repository_files import ROOT

DASHBOARD = ROOT / "deploy/grafana/lading.json"
ALERTS = ROOT / "deploy/prometheus/lading-alerts.yml"
_NAME = re.compile(r"\b(?:registry|lading|process)_[a-z_]+\b")


def samples() -> set[str]:
    """The name of everything that a scrape can hold."""
    found: set[str] = set()
    for metric in TABLE:
        ends = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        found |= {metric.name + end for end in ends}
    return found


def expressions() -> Iterator[str]:
    """Every query of both."""
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]
    yield from (rule["expr"] for rule in rules())


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    groups = YAML(typ="safe", pure=True).load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_every_metric_that_is_named_exists(expression: str) -> None:
    """A panel that stays empty, and an alert that never comes, are worse than none."""
    named = set(_NAME.findall(expression))

    assert named
    assert named <= samples()


def test_alerts_say_what_happens_and_what_to_do() -> None:
    """Whoever is woken by one has two sentences to read."""
    names = [rule["alert"] for rule in rules()]

    assert len(set(names)) == len(names)
    for rule in rules():
        assert set(rule) >= {"alert", "expr", "labels", "annotations"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in {"warning", "critical"}


def test_panels_lie_side_by_side() -> None:
    """None covers another, and each has a number of its own."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)

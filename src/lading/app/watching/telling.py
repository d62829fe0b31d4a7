"""Counting what endpoints are told, under the names that Distribution has for it."""

from lading.app.watching import metrics
from lading.app.watching.meters import Meter
from lading.sinks.http import described


class Telling:
    """What is told, counted by *meter* (a `lading.interfaces.notices.Meter`)."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def told(self, endpoint: str, status: int) -> None:
        """An attempt ended with *status*, 0 if there was no answer."""
        if not status:
            self._meter.add(metrics.NOTICES, "Errors", endpoint)
            return
        kind = "Successes" if 200 <= status < 400 else "Failures"
        self._meter.add(metrics.NOTICES, kind, endpoint)
        words = described(status)
        if words in metrics.NOTICES_STATUS.labels["code"]:
            self._meter.add(metrics.NOTICES_STATUS, words, endpoint)

    def queued(self, endpoint: str, number: int) -> None:
        """*number* more notices are to be told."""
        self._meter.add(metrics.NOTICES, "Events", endpoint, by=number)

    def lost(self, endpoint: str, number: int) -> None:
        """*number* notices will not be told."""
        self._meter.add(metrics.NOTICES_LOST, endpoint, by=number)

    def pending(self, endpoint: str, number: int) -> None:
        """*number* changes wait to be told."""
        self._meter.set(metrics.NOTICES_PENDING, number, endpoint)

"""Numbers that the workers keep together, in memory that all of them share.

It is made before the fork. Each worker writes in a part of its own, so nobody waits for anybody;
whoever reads adds the parts up. What a worker counted stays when it dies, and the next in its place
counts on. Nothing here knows how metrics are shown.
"""

import math
import mmap
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from lading.app.watching.metrics import Kind, Metric

_CELL = 8


@dataclass(frozen=True, slots=True)
class Series:
    """What was counted under some values of the labels, by all workers together.

    ``numbers`` is the value alone; in a histogram it is how many values each bucket took (one
    more than there are bounds), and then their sum.
    """

    labels: tuple[str, ...]
    numbers: tuple[float, ...]


class Meters:
    """The numbers of *workers* workers, for *metrics*."""

    def __init__(self, metrics: Sequence[Metric], workers: int) -> None:
        self.metrics = tuple(each for each in metrics if not each.asked)
        self.asked = tuple(each for each in metrics if each.asked)
        self._first: dict[str, int] = {}
        self._labels = {each.name: each.labels for each in self.metrics}
        width = 0
        for each in self.metrics:
            self._first[each.name] = width
            width += each.series * each.cells
        self._width = width
        self._workers = workers
        shared = mmap.mmap(-1, _CELL * width * workers)
        self._cells: memoryview[float] = memoryview(shared).cast("d")

    def of(self, index: int) -> "Meter":
        """The part of worker *index*, which begins now: what only a living one has is 0."""
        part = self._cells[index * self._width : (index + 1) * self._width]
        for metric in self.metrics:
            if metric.kind is Kind.GAUGE:
                first = self._first[metric.name]
                for cell in range(first, first + metric.series):
                    part[cell] = 0.0
        return Meter(part, self._first, self._labels)

    def read(self, metric: Metric) -> Iterator[Series]:
        """The series of *metric* in which there is anything, or all if it is shown `always`."""
        metric = next(each for each in self.metrics if each.name == metric.name)
        first, cells = self._first[metric.name], metric.cells
        for number, labels in enumerate(product(*metric.labels.values())):
            numbers = self._sum(first + number * cells, cells)
            if metric.always or any(numbers):
                yield Series(labels, numbers)

    def each(self, metric: Metric) -> Sequence[float]:
        """The number that each worker has for *metric*, which has no labels."""
        first = self._first[metric.name]
        return [self._cells[index * self._width + first] for index in range(self._workers)]

    def _sum(self, first: int, cells: int) -> tuple[float, ...]:
        starts = range(first, first + self._width * self._workers, self._width)
        return tuple(
            math.fsum(self._cells[start + cell] for start in starts) for cell in range(cells)
        )


class Meter:
    """What one worker counts.

    A `place` is looked up once and used again and again; places are used on the event loop only.
    `add` and `observe` may be called in any thread, with values of labels in the order of the
    metric's table.
    """

    def __init__(
        self,
        cells: "memoryview[float]",
        first: Mapping[str, int],
        labels: Mapping[str, Mapping[str, Sequence[str]]],
    ) -> None:
        self.cells = cells
        self._first = first
        self._labels = labels
        # Two threads that add to one number at once would lose one of them.
        self._lock = threading.Lock()

    def place(self, metric: Metric, *labels: str) -> int:
        """The first cell of a series.

        Raises:
            ValueError: a label does not have that value.
        """
        number = 0
        for values, label in zip(self._labels[metric.name].values(), labels, strict=True):
            number = number * len(values) + values.index(label)
        return self._first[metric.name] + number * metric.cells

    def add(self, metric: Metric, *labels: str, by: float = 1.0) -> None:
        """Let a counter or a gauge grow."""
        place = self.place(metric, *labels)
        with self._lock:
            self.cells[place] += by

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Say what a gauge is now."""
        self.cells[self.place(metric, *labels)] = value

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Count *value* in a histogram."""
        place = self.place(metric, *labels)
        with self._lock:
            self.cells[place + bisect_left(metric.buckets, value)] += 1.0
            self.cells[place + len(metric.buckets) + 1] += value

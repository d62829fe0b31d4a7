"""What parent and workers share to tell about themselves, and a worker's place in it."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lading.app.config.tree import Config
from lading.app.versions import version
from lading.app.watching import metrics, processes
from lading.app.watching.exposition import shown
from lading.app.watching.health import Health
from lading.app.watching.meters import Meter, Meters, Series
from lading.app.watching.metrics import Metric
from lading.app.watching.traces import exporter

_NOWHERE: Mapping[str, str] = {}


async def _none() -> int:
    return 0


class Watched:
    """One server, as it is watched by whoever runs it; made before the fork.

    *connections* says how many there are; *environment* may say where traces go.

    Raises:
        ConfigInvalid: traces cannot be sent as somebody wants.
    """

    def __init__(
        self,
        config: Config,
        workers: int,
        connections: Callable[[], int] = lambda: 0,
        environment: Mapping[str, str] = _NOWHERE,
    ) -> None:
        endpoints = [each.name for each in config.notifications.endpoints]
        self.meters = Meters(metrics.table(endpoints), workers)
        self.health = Health()
        self.exporter = exporter(config.tracing, environment)
        self.parent = os.getpid()
        self.connections = connections

    def at(self, index: int) -> "Station":
        """The place of worker *index*, which begins now."""
        meter = self.meters.of(index)
        meter.add(metrics.STARTS)
        return Station(self, index, meter)


@dataclass(slots=True)
class Station:
    """A worker's place: what it counts, and how it finds out what nobody keeps count of.

    ``uploads`` says how many are open; ``notifications`` what is told about those who are sent
    events.
    """

    watched: Watched
    index: int
    meter: Meter
    uploads: Callable[[], Awaitable[int]] = _none
    notifications: Callable[[], Sequence[Mapping[str, object]]] = field(default=list)

    async def metrics(self) -> tuple[bytes, str]:
        """All metrics of the server as Prometheus reads them, and their media type."""
        told = {metric.name: series async for metric, series in self._asked()}
        return shown(self.watched.meters, told)

    async def variables(self) -> Mapping[str, object]:
        """What there is to know beside the metrics; nothing of it is secret."""
        pids = processes.family(self.watched.parent)
        return {
            "version": version(),
            "cmdline": processes.command_line(self.watched.parent),
            "workers": [{"pid": pid, "memory": processes.resident_bytes(pid)} for pid in pids[1:]],
            "memory": sum(map(processes.resident_bytes, pids)),
            "connections": self.watched.connections(),
            "uploads": await self.uploads(),
            "registry": {"notifications": {"endpoints": list(self._endpoints())}},
        }

    def _endpoints(self) -> Iterator[Mapping[str, object]]:
        """Those who are sent events, each with what was counted of them, as Distribution names it."""
        events, statuses, pending = (
            {each.labels: int(each.numbers[0]) for each in self.watched.meters.read(metric)}
            for metric in (metrics.NOTICES, metrics.NOTICES_STATUS, metrics.NOTICES_PENDING)
        )
        for each in self.notifications():
            name = str(each["name"])
            counted: dict[str, object] = {"Pending": pending[name,]}
            for kind in metrics.NOTICES.labels["type"]:
                counted[kind] = events.get((kind, name), 0)
            counted["Statuses"] = {
                status: number for (status, whose), number in statuses.items() if whose == name
            }
            yield {**each, "Metrics": counted}

    async def _asked(self) -> AsyncIterator[tuple[Metric, Series]]:
        watched = self.watched
        pids = processes.family(watched.parent)
        starts = watched.meters.each(metrics.STARTS)
        yield metrics.UPLOADS, _one(await self.uploads())
        yield metrics.CONNECTIONS, _one(watched.connections())
        yield metrics.WORKERS, _one(len(pids) - 1)
        yield metrics.RESTARTS, _one(sum(max(0.0, each - 1) for each in starts))
        yield metrics.HEALTHY, _one(watched.health.is_well)
        yield metrics.BUILD, Series((version(),), (1.0,))
        yield metrics.CPU, _one(processes.cpu_seconds(pids))
        yield metrics.MEMORY, _one(sum(map(processes.resident_bytes, pids)))
        yield metrics.OPEN_FILES, _one(sum(map(processes.open_files, pids)))
        yield metrics.MOST_FILES, _one(processes.most_files())
        yield metrics.BORN, _one(processes.born(watched.parent))


def _one(value: float) -> Series:
    return Series((), (float(value),))

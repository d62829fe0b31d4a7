"""What is put around the face and runs beside it, so that the server can be watched."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from lading.app import logs
from lading.app.beside import beside
from lading.app.config.tree import Config
from lading.app.outlets import Outlet
from lading.app.stores import Stores
from lading.app.watching import metrics
from lading.app.watching.checks import checks
from lading.app.watching.health import Gate, Probe, watch
from lading.app.watching.mail import mailing
from lading.app.watching.meters import Meter
from lading.app.watching.requests import CountedRequests
from lading.app.watching.station import Station
from lading.app.watching.storage import Timings
from lading.http.access_log import AccessLog
from lading.http.events import RequestEvents
from lading.registry.collected import Tally
from lading.wire.message import Handler
from lading.wire.routes import under


def timings(config: Config, station: Station) -> Timings | None:
    """What counts how long the stores take, if anybody asks for metrics."""
    return Timings(station.meter, driver(config)) if config.debug.metrics else None


def traced(stores: Stores, station: Station) -> Stores:
    """*stores*, whose work is traced if requests are."""
    if station.watched.exporter is None:
        return stores
    # Loaded here, since it costs a tenth of a second and few want it.
    from lading.app.watching.telemetry import traced_stores  # noqa: PLC0415 - as said above

    return traced_stores(stores)


def driver(config: Config) -> str:
    """What Distribution calls the kind of store that is used."""
    return "inmemory" if config.temporary else "filesystem"


def observed(face: Handler, config: Config, station: Station) -> Handler:
    """*face*, whose requests are counted and told of; for who knows the path as the face does."""
    if config.log.requests:
        face = RequestEvents(face, logs.teller())
    if config.debug.metrics:
        face = CountedRequests(face, station.meter, under(config.http.prefix))
    return face


@asynccontextmanager
async def watched(
    handler: Handler, config: Config, station: Station, *, storage: Probe
) -> AsyncIterator[Handler]:
    """*handler* behind the gate of health and the access log; beside it, what has to go on."""
    async with AsyncExitStack() as stack:
        looked_at = checks(config.health, storage=storage, driver=driver(config))
        if looked_at:
            handler = Gate(handler, station.watched.health)
            if station.index == 0:
                health = station.watched.health
                await stack.enter_async_context(beside(watch(looked_at, health)))
        if config.log.access:
            outlet = Outlet(sys.__stdout__.fileno() if sys.__stdout__ else 1)
            stack.callback(outlet.close)
            log = AccessLog(handler, outlet.write, form=config.log.access_format)
            stack.callback(log.flush)
            handler = log
        if station.watched.exporter is not None:
            from lading.app.watching.telemetry import traced_requests  # noqa: PLC0415 - as for the stores

            exporter = station.watched.exporter
            handler = await stack.enter_async_context(traced_requests(handler, exporter))
        stack.enter_context(mailing(config.log.hooks))
        yield handler


def collected(meter: Meter) -> Callable[[Tally], None]:
    """Counts what background work took away."""

    def count(tally: Tally) -> None:
        meter.add(metrics.COLLECTIONS)
        for what in metrics.COLLECTED.labels["what"]:
            meter.add(metrics.COLLECTED, what, by=getattr(tally, what))
        meter.add(metrics.COLLECTED_BYTES, by=tally.freed)
        meter.add(metrics.UNDELETABLE, by=tally.failed)

    return count

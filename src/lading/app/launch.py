"""From a configuration to a running server: take the directory, listen, greet, fork, wait."""

import importlib.metadata
import logging
import os
import socket
import uuid
from collections.abc import Mapping, Sequence

from lading.app import logs
from lading.app.access import callers, prepare_access
from lading.app.config.sources import Loaded
from lading.app.config.tree import Config
from lading.app.directory import held, holds_registry
from lading.app.doors import bind, listening
from lading.app.encryption import seal_of
from lading.app.greeting import Greeting, greet
from lading.app.limits import raise_open_files, usable_workers
from lading.app.outlets import logging_beside
from lading.app.serving import Balance, Door, Seal, serve
from lading.app.watching.debug import Debug
from lading.app.watching.station import Watched
from lading.app.wiring import connections, running
from lading.app.workers import Crew, Post

log = logging.getLogger(__name__)


def run(loaded: Loaded) -> int:
    """Serve as *loaded* says until a signal ends it; return the exit code of the process.

    Raises:
        AddressUnusable: the address is taken or not ours.
        ConfigInvalid: a certificate cannot be used.
        StorageUnfit: the data directory cannot be used.
    """
    config = loaded.config
    person = logs.configure(
        format=config.log.format,
        level=config.log.level,
        fields={**_identity(config.log.format), **config.log.fields},
        caller=config.log.caller,
    )
    for warning in loaded.warnings:
        log.warning("%s", warning)
    raise_open_files()
    seal = seal_of(config.tls)
    environment = os.environ  # noqa: TID251 - here it is told which sockets the process was given
    # The address first: a second server that is started by mistake leaves no directory behind.
    with listening(config.listen, environment) as listeners:
        looking = bind(config.debug.listen) if config.debug.listen else []
        new = not holds_registry(config.root)
        with held(config):
            prepare_access(config.auth)
            return _crew(
                config, listeners, looking, seal, environment=environment, new=new, person=person
            ).run()


def _crew(
    config: Config,
    listeners: Sequence[socket.socket],
    looking: Sequence[socket.socket],
    seal: Seal | None,
    *,
    environment: Mapping[str, str],
    new: bool,
    person: bool,
) -> Crew:
    count = config.workers or usable_workers()
    balance = Balance(count)
    shared = Watched(config, count, balance.total, environment)
    greeting = Greeting(
        version=importlib.metadata.version("lading"),
        addresses=[_address(each) for each in listeners],
        secure=seal is not None,
        root=config.root,
        new=new,
        read_only=config.read_only,
        workers=count,
        callers=callers(config.auth),
    )

    async def work(post: Post) -> None:
        with logging_beside():
            station = shared.at(post.index)
            debug = Debug(config.debug, station)
            async with (
                running(config, station) as handler,
                connections(config, handler) as taken,
                connections(config, debug) as asked,
            ):
                doors = [Door(listeners=listeners, connections=taken, seal=seal)]
                if looking:
                    doors.append(Door(listeners=looking, connections=asked))
                await serve(doors, post, balance=balance, drain=config.http.drain)

    def close_listeners() -> None:
        for each in (*listeners, *looking):
            each.close()

    return Crew(
        work,
        count,
        patience=config.http.drain.total_seconds(),
        on_ready=lambda: greet(greeting, person=person),
        on_stop=close_listeners,
    )


def _identity(format: str) -> Mapping[str, str]:
    """What Distribution says of itself in every event, for those who know its forms."""
    if format not in {"logfmt", "logrus"}:
        return {}
    return {"instance.id": str(uuid.uuid4()), "version": importlib.metadata.version("lading")}


def _address(listener: socket.socket) -> tuple[str, int] | str:
    name = listener.getsockname()
    return name if isinstance(name, str) else name[:2]

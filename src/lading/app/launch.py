"""From a configuration to a running server: take the directory, listen, greet, fork, wait."""

import importlib.metadata
import logging
import socket
from collections.abc import Sequence

from lading.app import logs
from lading.app.config.sources import Loaded
from lading.app.config.tree import Config
from lading.app.directory import held, holds_registry
from lading.app.greeting import Greeting, greet
from lading.app.limits import raise_open_files, usable_workers
from lading.app.outlets import logging_beside
from lading.app.serving import Balance, Door, bind, serve
from lading.app.wiring import connections, running
from lading.app.workers import Crew, Post

log = logging.getLogger(__name__)


def run(loaded: Loaded) -> int:
    """Serve as *loaded* says until a signal ends it; return the exit code of the process.

    Raises:
        AddressUnusable: the address is taken or not ours.
        StorageUnfit: the data directory cannot be used.
    """
    config = loaded.config
    person = logs.configure(format=config.log.format, level=config.log.level)
    for warning in loaded.warnings:
        log.warning("%s", warning)
    raise_open_files()
    # The address first: a second server that is started by mistake leaves no directory behind.
    listeners = bind(config.listen)
    new = not holds_registry(config.root)
    with held(config):
        return _crew(config, listeners, new=new, person=person).run()


def _crew(config: Config, listeners: Sequence[socket.socket], *, new: bool, person: bool) -> Crew:
    count = config.workers or usable_workers()
    balance = Balance(count)
    greeting = Greeting(
        version=importlib.metadata.version("lading"),
        addresses=[each.getsockname()[:2] for each in listeners],
        root=config.root,
        new=new,
        read_only=config.read_only,
        workers=count,
    )

    async def work(post: Post) -> None:
        with logging_beside():
            async with running(config) as handler, connections(config, handler) as taken:
                door = Door(listeners=listeners, connections=taken)
                await serve([door], post, balance=balance, drain=config.http.drain)

    def close_listeners() -> None:
        for each in listeners:
            each.close()

    return Crew(
        work,
        count,
        patience=config.http.drain.total_seconds(),
        on_ready=lambda: greet(greeting, person=person),
        on_stop=close_listeners,
    )

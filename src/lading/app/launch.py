"""From a configuration to a running server: take the directory, listen, greet, fork, wait."""

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from lading.app import logs
from lading.app.access import callers, prepare_access
from lading.app.beside import beside
from lading.app.config.sources import Loaded
from lading.app.config.tree import Config
from lading.app.directory import held, holds_registry
from lading.app.doors import bind, listening
from lading.app.encryption import Encryption, encryption
from lading.app.greeting import Greeting, announce, greet
from lading.app.limits import raise_open_files, usable_workers
from lading.app.notices import INSTANCE, require_endpoints
from lading.app.outlets import log_without_waiting, logging_beside
from lading.app.serving import Balance, Door, Seal, serve
from lading.app.shortlived import housed
from lading.app.versions import version
from lading.app.watching.debug import Debug
from lading.app.watching.mail import ForkedMailHook, mailing
from lading.app.watching.station import Watched
from lading.app.wiring import connections, running
from lading.app.workers import Crew, Post
from lading.auth.guesses import Guesses
from lading.wire.message import Handler

log = logging.getLogger(__name__)

_OF_DISTRIBUTION = frozenset({"logfmt", "logrus"})
"""Forms of logs that are read by those who know them from there."""


def run(loaded: Loaded) -> int:
    """Serve as *loaded* says until a signal ends it; return the exit code of the process.

    Raises:
        AddressUnusable: the address is taken or not ours.
        ConfigInvalid: a certificate cannot be used, or an endpoint not be told.
        StorageUnfit: the data directory cannot be used.
    """
    with loaded.placing(), housed(loaded.config) as config:
        return _run(config, loaded.warnings)


def _run(config: Config, warnings: Sequence[str]) -> int:
    person = logs.configure(
        format=config.log.format,
        level=config.log.level,
        fields={**_identity(config.log.format), **config.log.fields},
        caller=config.log.caller,
    )
    log_without_waiting()
    for warning in warnings:
        log.warning("%s", warning)
    raise_open_files()
    require_endpoints(config.notifications)
    encrypted = encryption(config.tls, config.root, read_only=config.read_only)
    environment = os.environ  # noqa: TID251 - here it is told which sockets the process was given
    # The address first: a second server that is started by mistake leaves no directory behind.
    with (
        mailing(config.log.hooks, ForkedMailHook),
        listening(config.listen, environment) as listeners,
    ):
        sockets = _Sockets(
            main=listeners,
            debug=bind(config.debug.listen) if config.debug.listen else (),
            proofs=bind(encrypted.proofs_at) if encrypted.proofs else (),
        )
        new = not holds_registry(config.root)
        with held(config):
            prepare_access(config.auth)
            return _crew(
                config, sockets, encrypted, environment=environment, new=new, person=person
            ).run()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sockets:
    """All that is listened on, and for what."""

    main: Sequence[socket.socket]
    debug: Sequence[socket.socket]
    proofs: Sequence[socket.socket]

    def close(self) -> None:
        for each in (*self.main, *self.debug, *self.proofs):
            each.close()


def _crew(
    config: Config,
    sockets: _Sockets,
    encrypted: Encryption,
    *,
    environment: Mapping[str, str],
    new: bool,
    person: bool,
) -> Crew:
    count = config.workers or usable_workers()
    balance = Balance(count)
    shared = Watched(config, count, balance.total, environment)
    guesses = Guesses()
    greeting = Greeting(
        version=version(),
        addresses=[_address(each) for each in sockets.main],
        debug=[_address(each) for each in sockets.debug],
        secure=config.tls.wanted,
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
            async with AsyncExitStack() as stack:
                handler = await stack.enter_async_context(running(config, station, guesses))
                answered: list[tuple[Sequence[socket.socket], Handler | None, Seal | None]] = [
                    (sockets.main, handler, encrypted.seal),
                    (sockets.debug, debug, None),
                    (sockets.proofs, encrypted.proofs, None),
                ]
                doors = [
                    Door(
                        listeners=listeners,
                        connections=await stack.enter_async_context(connections(config, answer)),
                        seal=seal,
                    )
                    for listeners, answer, seal in answered
                    if listeners and answer is not None
                ]
                if encrypted.renew is not None:
                    await stack.enter_async_context(beside(encrypted.renew()))
                await serve(doors, post, balance=balance, drain=config.http.drain)

    return Crew(
        work,
        count,
        patience=config.http.drain.total_seconds(),
        on_ready=lambda: _tell(greeting, config, person=person),
        on_stop=sockets.close,
    )


def _tell(greeting: Greeting, config: Config, *, person: bool) -> None:
    greet(greeting, person=person)
    if config.log.format in _OF_DISTRIBUTION:
        metrics = config.debug.metrics_path if config.debug.metrics else None
        announce(greeting, debug=config.debug.listen, metrics=metrics)


def _identity(format: str) -> Mapping[str, str]:
    """What Distribution says of itself in every event, for those who know its forms."""
    if format not in _OF_DISTRIBUTION:
        return {}
    return {"instance.id": INSTANCE, "version": version()}


def _address(listener: socket.socket) -> tuple[str, int] | str:
    name = listener.getsockname()
    return name if isinstance(name, str) else name[:2]

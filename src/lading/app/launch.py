"""From a configuration to a running server: take the directory, listen, greet, fork, wait."""

import contextlib
import fcntl
import importlib.metadata
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lading.app import logs
from lading.app.config import Config
from lading.app.greeting import Greeting, greet
from lading.app.limits import raise_open_files, usable_workers
from lading.app.serving import Balance, bind, serve
from lading.app.sources import Loaded
from lading.app.stores import holds_registry, make_root, prepare
from lading.app.wiring import connections, running
from lading.app.workers import Crew, Post
from lading.errors import StorageUnfit

log = logging.getLogger(__name__)

LOCK = "lading.lock"
"""The file in the data directory that a running server holds locked."""


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
    make_root(config.root)
    with holding(config.root):
        # Under the lock, since migrations must not meet another server.
        prepare(config.root)
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
        async with running(config) as handler, connections(config, handler) as taken:
            await serve(taken, listeners, post, balance=balance, drain=config.http.drain)

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


@contextmanager
def holding(root: Path) -> Iterator[None]:
    """Keep other servers away from *root*.

    The lock is inherited by the workers: the kernel frees it when the last process of this server
    is gone, however it went.

    Raises:
        StorageUnfit: another server has it.
    """
    try:
        file = os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StorageUnfit(f"{root / LOCK}: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(file, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(file)
        raise StorageUnfit(f"{root} is held by another server (process {holder})") from None
    try:
        # Only for the message above: a full disk is no reason not to serve what is on it.
        with contextlib.suppress(OSError):
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)

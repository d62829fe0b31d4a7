"""The client for programs that block: the same objects, on an event loop in a thread of its own.

::

    import lading.sync

    with lading.sync.open_client() as client:
        print(client.repository("localhost:5000/team/app").get_manifest("latest").digest)
        client.copy("localhost:5000/team/app:v1", "oci:./app:v1")

Each client has a loop of its own, which begins and ends with it: nothing is left behind when it is
closed, and processes that fork have nothing in common. All of it may be used from several threads
at once. Within a running event loop it is refused; `lading.open_client` is for there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lading.app import clients
from lading.app.background import background
from lading.app.clients import ClientOptions
from lading.app.surroundings import Surroundings
from lading.client.connections.transport import Transport
from lading.sync.blobs import BlobReader
from lading.sync.client import Client, Located
from lading.sync.loop import Loop, refuse_loops
from lading.sync.repository import Repository

__all__ = ["BlobReader", "Client", "Located", "Repository", "open_client"]


@contextmanager
def open_client(
    *,
    options: ClientOptions = ClientOptions(),  # noqa: B008 - frozen
    surroundings: Surroundings | None = None,
    transport: Transport | None = None,
    chunk_size: int | None = None,
    on_warning: Callable[[str], None] | None = None,
) -> Iterator[Client]:
    """A client for this machine and its user; see `lading.open_client`.

    Raises:
        RuntimeError: an event loop is running in this thread.
        ConfigInvalid: ``registries.conf`` or an option cannot be used.
    """
    refuse_loops()
    with background("lading-sync") as thread:
        opened = clients.open_client(
            options=options,
            surroundings=surroundings,
            transport=transport,
            chunk_size=chunk_size,
            on_warning=on_warning,
        )
        loop = Loop(thread)
        with loop.entered(opened) as inner:
            yield Client(loop, inner)

"""A process that writes to a metadata store, for tests that run several or kill one.

``writing_process.py ROOT NAME WRITERS`` puts tags until it is killed, and prints each one that was
acknowledged. ``writing_process.py ROOT NAME full`` runs out of room on the way.
"""

import asyncio
import resource
import sys
from datetime import timedelta
from itertools import count
from pathlib import Path

from lading.errors import StorageFull
from lading.interfaces.access import Occasion
from lading.interfaces.changes import ManifestPut
from lading.interfaces.metadata import MetadataStore
from lading.metadata.sqlite import open_sqlite
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples

APP = RepositoryName("team/app")


async def _put(store: MetadataStore, tag: str) -> None:
    change = ManifestPut(APP, samples.index(), (Tag(tag),))
    await store.commit(change, occasion=Occasion())
    sys.stdout.write(f"{tag}\n")
    sys.stdout.flush()


async def _put_forever(store: MetadataStore, name: str) -> None:
    for number in count():
        await _put(store, f"{name}-{number}")


async def _run_out_of_room(store: MetadataStore, name: str, root: Path) -> None:
    await _put(store, f"{name}-before")
    log = root / "metadata" / "registry.db-wal"
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 10_000, hard))
    try:
        for number in range(1000):
            await _put(store, f"{name}-{number}")
    except StorageFull:
        sys.stdout.write("full\n")
    await store.get_manifest(APP, Tag(f"{name}-before"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await _put(store, f"{name}-after")


async def _main(root: Path, name: str, how: str) -> None:
    async with open_sqlite(root, grace=timedelta(hours=24)) as store:
        if how == "full":
            await _run_out_of_room(store, name, root)
            return
        await asyncio.gather(*(_put_forever(store, f"{name}-{n}") for n in range(int(how))))


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))

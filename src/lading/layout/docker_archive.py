"""What ``docker save`` writes and ``docker load`` reads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from lading.errors import Unsupported
from lading.interfaces.repository import Registry
from lading.layout.directory import LAYOUT
from lading.oci.names import RepositoryName


@asynccontextmanager
async def open_docker_archive(
    file: Path | BinaryIO,
    *,
    write: bool = False,
    name: RepositoryName = LAYOUT,
    image: str | None = None,
) -> AsyncIterator[Registry]:
    """The archive *file*, or that of a stream, as a registry of one repository, *name*.

    *image* is ``name`` or ``host/name``, without a tag: which of the images in the archive is
    meant, or what is written as its name.
    """
    raise Unsupported(f"{file}: docker archives")
    yield

"""Image layouts in tar archives (oci-archive)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from lading.errors import Unsupported
from lading.interfaces.repository import Registry
from lading.layout.directory import LAYOUT
from lading.oci.names import RepositoryName


@asynccontextmanager
async def open_archive(
    file: Path | BinaryIO,
    *,
    write: bool = False,
    name: RepositoryName = LAYOUT,
    image: str | None = None,
) -> AsyncIterator[Registry]:
    """The archive *file*, or that of a stream, as a registry of one repository, *name*.

    With *write* a new archive is made, and is in the place of *file* when the context is left
    without an error.
    """
    raise Unsupported(f"{file}: archives")
    yield

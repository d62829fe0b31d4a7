"""Image layouts in directories."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lading.errors import Unsupported
from lading.interfaces.repository import Registry
from lading.oci.names import RepositoryName

LAYOUT = RepositoryName("layout")
"""What the one repository of a layout is called when nobody names it."""


@asynccontextmanager
async def open_layout(
    path: Path,
    *,
    create: bool = False,
    name: RepositoryName = LAYOUT,
    image: str | None = None,
    durable: bool = False,
) -> AsyncIterator[Registry]:
    """The layout in the directory *path*, as a registry of one repository, *name*.

    With *image* (``host/name``, without a tag), tags are those of that image, where the layout
    has names of several, and new entries carry its full name.
    """
    raise Unsupported(f"{path}: layouts")
    yield

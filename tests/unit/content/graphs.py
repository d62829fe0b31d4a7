"""What repositories and directories hold, to compare them."""

from pathlib import Path

from lading.content.walk import walk
from lading.errors import BlobUnknown
from lading.interfaces.repository import Repository
from lading.oci.digest import Digest
from lading.oci.manifest import Kind
from lading.oci.names import Reference, Tag
from lading.testing import samples


async def held(repository: Repository, root: Reference) -> dict[str, bytes | None]:
    """Everything that *root* leads to, referrers included, with its bytes if they are there."""
    found: dict[str, bytes | None] = {}
    async for node in walk(repository, root, referrers=repository):
        if node.manifest is not None:
            found[str(node.digest)] = node.manifest.body
        elif node.kind is Kind.MANIFEST:
            found[str(node.digest)] = None
        else:
            found[str(node.digest)] = await blob(repository, node.digest)
    return found


async def blob(repository: Repository, digest: Digest) -> bytes | None:
    """The bytes of a blob, or ``None`` if it is not there."""
    try:
        return await samples.content_of(await repository.open_blob(digest))
    except BlobUnknown:
        return None


async def tags(repository: Repository) -> dict[str, str]:
    """What each tag names."""
    page = await repository.tags(limit=1000)
    return {tag: str((await repository.resolve(Tag(tag))).digest) for tag in page.items}


def names(folder: Path) -> list[str]:
    """What is in *folder*, sorted."""
    return sorted(each.name for each in folder.iterdir())

"""What the contract of metadata stores needs to write: a clock, two repositories, short ways to push."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from lading.interfaces.access import Occasion, Principal
from lading.interfaces.changes import BlobLinked, ManifestPut
from lading.interfaces.metadata import MetadataStore
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag
from lading.testing import samples

APP = RepositoryName("team/app")
"""The repository that the suite works in."""

OTHER = RepositoryName("team/other")
"""A second one."""

GRACE = timedelta(hours=24)
"""The grace period of the stores in the suite."""

HOUR = timedelta(hours=1)
"""What is waited after it, to be past it."""


class Clock:
    """A time that passes only when it is told to."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        """What time it is."""
        return self._now

    def advance(self, span: timedelta) -> None:
        """Let *span* pass."""
        self._now += span


async def link(
    store: MetadataStore, content: bytes, repository: RepositoryName = APP
) -> Descriptor:
    """Make *content* readable, as if it had been uploaded."""
    blob = samples.described(content, media_types.OCTETS)
    await store.commit(BlobLinked(repository, blob), occasion=Occasion())
    return blob


async def put(
    store: MetadataStore,
    manifest: Manifest,
    *,
    repository: RepositoryName = APP,
    tags: Sequence[str] = (),
    sparse: bool = False,
    by: str = "",
) -> int | None:
    """Put *manifest* on behalf of *by*; return the number of the event, if there was one."""
    change = ManifestPut(repository, manifest, tuple(Tag(tag) for tag in tags), sparse)
    event = await store.commit(change, occasion=Occasion(Principal(by)))
    return event.number if event is not None else None


async def push(
    store: MetadataStore,
    image: samples.Image | None = None,
    *,
    repository: RepositoryName = APP,
    tags: Sequence[str] = (),
) -> Manifest:
    """Push a whole image, by default the one of seed 0."""
    image = image or samples.image()
    for content in image.blobs:
        blob = samples.described(content, media_types.OCTETS, algorithm=image.algorithm)
        await store.commit(BlobLinked(repository, blob), occasion=Occasion())
    await put(store, image.manifest, repository=repository, tags=tags)
    return image.manifest


async def tags_of(store: MetadataStore, repository: RepositoryName = APP) -> list[str]:
    """All tags of *repository*."""
    return [*(await store.list_tags(repository, after=None, limit=1000)).items]

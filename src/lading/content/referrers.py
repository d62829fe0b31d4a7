"""What refers to a manifest, in every way in which that is written down.

By the referrers of a repository; by a list under a tag, which clients keep where there are none;
and by cosign's tags (`lading.content.digest_tags`).
"""

from collections.abc import AsyncIterator, Sequence

from lading.content.digest_tags import DigestTags, cosign_tags, fallback_tag
from lading.interfaces.repository import ContentIndex, Repository
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import Tag


async def by_index(
    index: ContentIndex, subject: Digest, *, artifact_type: str | None = None
) -> AsyncIterator[Descriptor]:
    """What *index* lists about *subject*, each once, over all pages."""
    seen: dict[Digest, None] = {}
    more = True
    while more:
        last = next(reversed(seen), None)
        page = await index.referrers(subject, artifact_type=artifact_type, after=last)
        fresh = {each.digest: each for each in page.items if each.digest not in seen}
        seen.update(dict.fromkeys(fresh))
        for each in fresh.values():
            yield each
        # Whoever begins again at the beginning would go on for ever.
        more = page.more and len(fresh) > 0


class Referrers:
    """What refers to manifests of *source*."""

    def __init__(self, source: Repository) -> None:
        self._source = source
        self._tags = DigestTags(source)

    async def listed(
        self, subject: Digest, *, artifact_type: str | None = None
    ) -> Sequence[Descriptor]:
        """Manifests about *subject*, each once; all of them, or those of one type."""
        found = {
            each.digest: each
            async for each in by_index(self._source, subject, artifact_type=artifact_type)
        }
        kept = await self._tags.find(fallback_tag(subject))
        # Some registries take such a tag for the digest itself (trap T44).
        if kept is not None and kept.digest != subject:
            index = await self._source.get_manifest(kept.digest)
            for each in index.manifests:
                if artifact_type in (None, each.artifact_type):
                    found.setdefault(each.digest, each)
        return tuple(found.values())

    async def signed(self, subject: Digest) -> AsyncIterator[tuple[Tag, Descriptor]]:
        """What cosign made about *subject*, by the tags that say so."""
        for tag in cosign_tags(subject):
            found = await self._tags.find(tag)
            if found is not None:
                yield tag, found

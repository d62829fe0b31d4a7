"""What refers to a manifest, what refers to that, and so on."""

from dataclasses import dataclass

from lading.content.referrers import Referrers
from lading.content.walk import DEPTH, NODES
from lading.errors import ManifestInvalid
from lading.interfaces.repository import Repository
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import Reference, Tag


@dataclass(frozen=True, slots=True)
class Tree:
    """A manifest and what refers to it; ``tag`` is cosign's, if it was found by that."""

    descriptor: Descriptor
    referrers: tuple["Tree", ...] = ()
    tag: Tag | None = None


async def tree(
    source: Repository, reference: Reference, *, artifact_type: str | None = None
) -> Tree:
    """What *reference* names, and all that refers to it, to that, and so on.

    With *artifact_type*, only what is of that type is asked for at every level.

    Raises:
        ManifestUnknown: *reference* names nothing.
        ManifestInvalid: more refers to it, or more deeply, than `walk` follows.
    """
    growing = _Growing(source, artifact_type)
    return await growing.grown(await source.resolve(reference), (), None)


class _Growing:
    def __init__(self, source: Repository, artifact_type: str | None) -> None:
        self._artifact_type = artifact_type
        self._referrers = Referrers(source)
        self._count = 0

    async def grown(
        self, descriptor: Descriptor, above: tuple[Digest, ...], tag: Tag | None
    ) -> Tree:
        self._count += 1
        if len(above) >= DEPTH or self._count > NODES:
            raise ManifestInvalid(f"{(*above, descriptor.digest)[0]} has too many referrers")
        here = (*above, descriptor.digest)
        listed = await self._referrers.listed(here[-1], artifact_type=self._artifact_type)
        # A list under a tag is whatever somebody put there.
        found = [await self.grown(each, here, None) for each in listed if each.digest not in here]
        if self._artifact_type is None:
            async for name, signed in self._referrers.signed(here[-1]):
                if signed.digest not in here:
                    found.append(await self.grown(signed, here, name))
        return Tree(descriptor, tuple(found), tag)

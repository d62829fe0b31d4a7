"""Any graph that is copied arrives as it was."""

import asyncio
from contextlib import AsyncExitStack
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from lading.content.copy import CopyOptions, copy
from lading.interfaces.repository import Repository
from lading.oci import media_types
from lading.oci.manifest import Manifest
from lading.oci.names import Tag
from lading.testing import samples
from lading.testing.places import NAME
from tests.unit.content.conftest import registry
from tests.unit.content.graphs import held

ROOT = Tag("root")


async def _grown(repository: Repository, random: Random, size: int) -> Manifest:
    """A graph of *size* manifests that name earlier ones as children, subjects or both."""
    grown: list[Manifest] = []
    for number in range(size):
        algorithm = random.choice(["sha256", "sha512"])
        subject = random.choice(grown).descriptor if grown and random.random() < 0.4 else None
        notes = {"number": str(number)}
        if grown and random.random() < 0.5:
            children = random.sample(grown, random.randint(1, min(3, len(grown))))
            made = samples.index(*children, subject=subject, annotations=notes, algorithm=algorithm)
        else:
            layers = [
                samples.layer(random.randrange(4), 1 + random.randrange(50)) for _ in range(3)
            ]
            for content in (*layers, samples.EMPTY):
                await samples.put_blob(repository, content)
            made = samples.image_manifest(
                layers=[samples.described(each, media_types.OCI_LAYER) for each in layers],
                subject=subject,
                annotations=notes,
                algorithm=algorithm,
            )
        await repository.put_manifest(made)
        grown.append(made)
    await repository.put_manifest(grown[-1], tags=[ROOT])
    return grown[-1]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    size=st.integers(1, 12),
    blobs=st.integers(1, 5),
    manifests=st.integers(1, 9),
)
def test_any_graph_arrives_equal(seed: int, size: int, blobs: int, manifests: int) -> None:
    """With all that refers to it, and whatever moves at once; a second copy moves nothing."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            source = (await stack.enter_async_context(registry())).repository(NAME)
            target = (await stack.enter_async_context(registry())).repository(NAME)
            await _grown(source, Random(seed), size)
            options = CopyOptions(blobs=blobs, manifests=manifests)

            await copy(source, target, ROOT, tags=[ROOT], options=options)
            again = await copy(source, target, ROOT, tags=[ROOT], options=options)

            assert await held(target, ROOT) == await held(source, ROOT)
            assert (again.bytes_moved, again.manifests_copied) == (0, 0)

    asyncio.run(run())

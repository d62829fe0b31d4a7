"""The memory of manifests stays within its bound."""

from lading.metadata.memory import ManifestMemory, Remembered
from lading.oci.digest import Digest


def _manifest(size: int) -> Remembered:
    body = b"m" * size
    return Remembered(body, "application/json", Digest.of(body))


def test_memory_forgets_what_was_not_asked_for_longest() -> None:
    """A manifest that was read lately outlives one that was not."""
    memory = ManifestMemory(limit=20_000)
    for row in (1, 2):
        memory.put(row, _manifest(8_000))
    memory.get(1)

    memory.put(3, _manifest(8_000))

    assert memory.get(1) is not None
    assert memory.get(2) is None
    assert memory.get(3) is not None


def test_manifest_larger_than_the_memory_is_not_kept() -> None:
    """One large manifest cannot break the bound."""
    memory = ManifestMemory(limit=20_000)

    memory.put(1, _manifest(30_000))

    assert len(memory) == 0


def test_putting_a_manifest_twice_counts_it_once() -> None:
    """Two readers that miss at the same time do not use up the bound."""
    memory = ManifestMemory(limit=20_000)
    for _ in range(5):
        memory.put(1, _manifest(8_000))

    memory.put(2, _manifest(8_000))

    assert len(memory) == 2

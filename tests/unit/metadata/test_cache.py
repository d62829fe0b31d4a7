"""The cache of manifests stays within its bound."""

from lading.metadata.cache import ManifestCache, Remembered
from lading.oci.digest import Digest


def _manifest(size: int) -> Remembered:
    body = b"m" * size
    return Remembered(body, "application/json", Digest.of(body))


def test_cache_forgets_what_was_not_asked_for_longest() -> None:
    """A manifest that was read lately outlives one that was not."""
    cache = ManifestCache(limit=20_000)
    for row in (1, 2):
        cache.put(row, _manifest(8_000))
    cache.get(1)

    cache.put(3, _manifest(8_000))

    assert cache.get(1) is not None
    assert cache.get(2) is None
    assert cache.get(3) is not None


def test_manifest_larger_than_the_cache_is_not_kept() -> None:
    """One large manifest cannot break the bound."""
    cache = ManifestCache(limit=20_000)

    cache.put(1, _manifest(30_000))

    assert len(cache) == 0


def test_putting_a_manifest_twice_counts_it_once() -> None:
    """Two readers that miss at the same time do not use up the bound."""
    cache = ManifestCache(limit=20_000)
    for _ in range(5):
        cache.put(1, _manifest(8_000))

    cache.put(2, _manifest(8_000))

    assert len(cache) == 2

"""The memory for small blobs."""

from hypothesis import given
from hypothesis import strategies as st

from lading.bodies import Held
from lading.oci.digest import Digest
from lading.storage.cache import SMALL, BlobCache


def _blob(size: int, seed: int = 0) -> tuple[Digest, Held]:
    data = seed.to_bytes(4, "big") + bytes(size - 4)
    return Digest.of(data), Held(data, ((0, size),))


def test_blob_used_longest_ago_goes_first() -> None:
    """When the bound is reached, what was asked for lately stays."""
    memory = BlobCache(300)
    blobs = [_blob(100, seed) for seed in range(4)]
    for digest, blob in blobs[:3]:
        memory.put(digest, blob)
    memory.get(blobs[0][0])

    memory.put(*blobs[3])

    assert [memory.get(digest) is not None for digest, _ in blobs] == [True, False, True, True]


def test_large_blobs_are_not_taken() -> None:
    """What is longer than a small blob, or than the whole memory, displaces nothing."""
    memory, tiny = BlobCache(10 * SMALL), BlobCache(10)
    large, more = _blob(SMALL + 1), _blob(11)

    memory.put(*large)
    tiny.put(*more)

    assert memory.get(large[0]) is None
    assert tiny.get(more[0]) is None


@given(
    st.lists(st.tuples(st.sampled_from(["put", "drop", "get"]), st.integers(0, 9))),
    st.integers(0, 400),
)
def test_bound_is_kept(steps: list[tuple[str, int]], bound: int) -> None:
    """Whatever is put in and dropped, and however often, no more than the bound is held."""
    memory = BlobCache(bound)
    blobs = [_blob(20 + 10 * seed, seed) for seed in range(10)]

    for step, seed in steps:
        digest, blob = blobs[seed]
        if step == "put":
            memory.put(digest, blob)
        elif step == "drop":
            memory.drop(digest)
            assert memory.get(digest) is None
        held = [found.total for each, _ in blobs if (found := memory.get(each)) is not None]
        assert sum(held) <= bound

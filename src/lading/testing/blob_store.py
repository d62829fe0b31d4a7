"""The contract of `BlobStore`, as tests: an implementation that passes it is supported.

::

    class TestTapeBlobs(BlobStoreContract):
        @pytest.fixture
        async def store(self, tmp_path):
            async with open_tape(device=tmp_path) as store:
                yield store

Stores that several processes share also provide ``other``: a second store over the same place.
The tests are coroutines; pytest-asyncio runs them in its automatic mode. They are in the modules
`blob_reading`, `blob_writing`, `blob_uploads` and `blob_upkeep`, and come along.
"""

import pytest

from lading.interfaces.blobs import BlobStore
from lading.testing.blob_reading import BlobReadingContract
from lading.testing.blob_upkeep import BlobUpkeepContract
from lading.testing.blob_uploads import BlobUploadsContract
from lading.testing.blob_writing import BlobWritingContract


class BlobStoreContract(
    BlobReadingContract, BlobWritingContract, BlobUploadsContract, BlobUpkeepContract
):
    """Every promise of `BlobStore`. Subclass it and provide a fixture ``store``."""

    @pytest.fixture
    def other(self, store: BlobStore) -> BlobStore:
        """A second store over the same place, or the same when the place is not shared."""
        return store

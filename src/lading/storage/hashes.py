"""Running hashes between the requests of one upload, as far as this process has taken part."""

from collections import OrderedDict

from lading.interfaces.blobs import UploadId
from lading.oci.digest import CANONICAL, Hasher

MOST = 4096
"""Running hashes that are remembered; of an upload beyond that, the file is hashed once more."""


class RunningHashes:
    """The hash of the first *offset* bytes of some uploads. Used on the event loop only."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._hashes: OrderedDict[UploadId, tuple[int, Hasher]] = OrderedDict()

    def keep(self, upload_id: UploadId, offset: int, hasher: Hasher) -> None:
        """Remember *hasher*, and forget the one that was kept for longest if there are too many."""
        if offset == 0 and hasher.algorithm == CANONICAL:
            # Most uploads are begun by one request and filled by another, and `take` needs no help.
            return
        self._hashes[upload_id] = (offset, hasher)
        self._hashes.move_to_end(upload_id)
        if len(self._hashes) > self._most:
            self._hashes.popitem(last=False)

    def take(self, upload_id: UploadId, offset: int) -> Hasher | None:
        """Hand over the hash of an upload, if it has seen exactly its first *offset* bytes."""
        at, hasher = self._hashes.pop(upload_id, (None, None))
        if at == offset:
            return hasher
        # Another process went on with the upload. With nothing received, a fresh hash of the
        # usual algorithm is as good as the one that was begun there.
        return Hasher() if offset == 0 else None

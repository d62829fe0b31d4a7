"""Small blobs in memory: bytes that are asked for often, cost a thread to read, and never change."""

from collections import OrderedDict

from lading.bodies import Held
from lading.oci.digest import Digest

SMALL = 64 * 1024
"""Blobs of up to this many bytes may be kept in memory."""


class BlobCache:
    """Up to *bound* bytes of small blobs, those used last.

    Used on the event loop only. Whoever puts bytes in has verified them: a damaged file never
    gets here, so what is here stays right when the file is healed by whatever process.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._used = 0
        self._blobs: OrderedDict[tuple[str, str], Held] = OrderedDict()

    def get(self, digest: Digest) -> Held | None:
        """The whole blob, or ``None`` if it is not here."""
        key = (digest.algorithm, digest.value)
        found = self._blobs.get(key)
        if found is not None:
            self._blobs.move_to_end(key)
        return found

    def put(self, digest: Digest, blob: Held) -> None:
        """Keep verified bytes, and let go of those that were not used for longest."""
        if blob.total > min(self._bound, SMALL):
            return
        self.drop(digest)
        self._blobs[digest.algorithm, digest.value] = blob
        self._used += blob.total
        while self._used > self._bound:
            _, oldest = self._blobs.popitem(last=False)
            self._used -= oldest.total

    def drop(self, digest: Digest) -> None:
        """Forget a blob, if it is here."""
        found = self._blobs.pop((digest.algorithm, digest.value), None)
        if found is not None:
            self._used -= found.total

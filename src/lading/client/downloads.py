"""Blobs on their way here: verified, and taken up again where a connection is lost.

What broke off is asked of the registry again, and not of the URL it had led to, which was signed
for a moment. The digest is of the whole, so a part is not verified; whoever asked for parts knows.
"""

from collections.abc import Iterator, Sequence

from lading.bodies import Extent, Span, Stream, extents
from lading.client.asking.exchange import Answer, Call
from lading.client.remote import Remote, check_digest, missing, pulling
from lading.content.steps import Event, Step
from lading.content.verify import Verified
from lading.errors import BlobUnknown, BodyIncomplete, LadingError, UpstreamFailed
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.media_types import OCTETS
from lading.oci.names import RepositoryName
from lading.wire import ranges, routes
from lading.wire.message import Fields
from lading.wire.routes import Route

_LOST = (UpstreamFailed, BodyIncomplete)


async def stat(remote: Remote, name: RepositoryName, digest: Digest) -> Descriptor:
    """Whether the blob is in repository *name*, and how long it is.

    Raises:
        BlobUnknown: it is not.
        DigestInvalid: the registry has other content there.
        UpstreamFailed: the registry does not tell the length.
    """
    size = await _told_length(remote, name, digest)
    if size is None:
        download = _Download(remote, name, digest, None)
        try:
            size = await download.measure()
        finally:
            await download.aclose()
    return Descriptor(OCTETS, digest, size)


async def _told_length(remote: Remote, name: RepositoryName, digest: Digest) -> int | None:
    """How long the blob is, as an answer without it says; ``None`` if it does not."""
    path = routes.path(Route.BLOB, name, str(digest))
    with missing(BlobUnknown, digest):
        answer = await remote.exchange.send(Call(method="HEAD", path=path, scopes=pulling(name)))
    await answer.aclose()
    check_digest(answer, digest)
    return ranges.number(answer.headers.get(b"content-length") or "")


async def open_blob(
    remote: Remote, name: RepositoryName, digest: Digest, spans: Sequence[Span]
) -> Stream:
    """The whole blob, verified, or the parts of it that *spans* ask for.

    Raises:
        BlobUnknown: it is not in repository *name*.
        DigestInvalid: the registry has other content there, or nothing can be checked under it.
        RangeUnsatisfiable: none of *spans* lies within it.
    """
    parts: tuple[Extent, ...] | None = None
    total = 0
    if spans:
        total = (await stat(remote, name, digest)).size
        parts = extents(spans, total)
        if parts == ((0, total),):
            parts = None
    download = _Download(remote, name, digest, parts)
    try:
        if parts is None:
            total = await download.measure()
            return Stream(Verified(download, digest, total), ((0, total),), total)
        await download.ready()
    except BaseException:
        await download.aclose()
        raise
    return Stream(download, parts, total)


class _Download:
    """Parts of a blob, one after the other, or with ``None`` all of it (a `Source`)."""

    def __init__(
        self,
        remote: Remote,
        name: RepositoryName,
        digest: Digest,
        parts: Sequence[Extent] | None,
        *,
        at: int = 0,
        total: int | None = None,
    ) -> None:
        """All of it begins at *at* of *total* bytes, if that is known."""
        self._remote = remote
        self._name = name
        self._digest = digest
        self._parts = parts
        self._at = at
        self._total = total
        self._todo = list(reversed(parts)) if parts is not None else []
        if parts is None and total is not None:
            self._todo = [(at, total - at)]
        self._answer: Answer | None = None
        self._etag: str | None = None
        self._skip = 0
        self._failures = 0
        self._lost: LadingError | None = None

    @property
    def length(self) -> int | None:
        """How many bytes there are in all."""
        if self._parts is not None:
            return sum(length for _, length in self._parts)
        return None if self._total is None else self._total - self._at

    async def measure(self) -> int:
        """The length of the whole blob, which is asked for with it.

        Raises:
            UpstreamFailed: neither that answer tells it nor one to HEAD.
        """
        answer = await self._send([])
        self._answer = answer
        total = answer.body.source.length
        if total is None:
            # What is sent in chunks, or up to the end of the connection, is told by HEAD.
            total = await _told_length(self._remote, self._name, self._digest)
        if total is None:
            raise UpstreamFailed(f"{answer.asked} does not tell how long it is", status=200)
        self._total = total
        self._todo = [(0, total)]
        return total

    async def ready(self) -> bool:
        """Whether there are bytes to take.

        Raises:
            UpstreamFailed: the connection was lost too often.
            BlobUnknown: the blob is no longer there.
        """
        while self._todo and self._todo[-1][1] == 0:
            self._todo.pop()
            await self._drop()
        while self._todo:
            if self._answer is not None and self._lost is None:
                try:
                    if await self._answer.body.source.ready():
                        return True
                    self._lost = UpstreamFailed(f"{self._answer.asked} ended early", status=200)
                except _LOST as error:
                    self._lost = error
            await self._drop()
            await self._go_on()
        return False

    def blocks(self) -> Iterator[memoryview]:
        """All that is there without a pause; `ready` tells whether it ended too early."""
        assert self._answer is not None
        try:
            for block in self._answer.body.source.blocks():
                fresh = block[self._skip :]
                self._skip -= len(block) - len(fresh)
                if not fresh:
                    continue
                offset, left = self._todo.pop()
                if self._parts is not None:
                    fresh = fresh[:left]
                self._todo.append((offset + len(fresh), max(left - len(fresh), 0)))
                self._failures = 0
                yield fresh
                if len(fresh) >= left and self._parts is not None:
                    return
        except _LOST as error:
            self._lost = error

    async def again(self, at: int = 0) -> "_Download":
        """The bytes from *at* on, asked for anew."""
        if self._parts is None:
            return _Download(
                self._remote,
                self._name,
                self._digest,
                None,
                at=self._at + at,
                total=self._total,
            )
        left: list[Extent] = []
        for offset, length in self._parts:
            skipped = min(at, length)
            at -= skipped
            left.append((offset + skipped, length - skipped))
        return _Download(self._remote, self._name, self._digest, left)

    async def aclose(self) -> None:
        """Close what is open of it."""
        await self._drop()

    async def _drop(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            await answer.aclose()

    async def _go_on(self) -> None:
        """Ask for what is left of the part that is to come next."""
        offset, left = self._todo[-1]
        lost, self._lost = self._lost, None
        if lost is not None:
            self._failures += 1
            if not await self._remote.patience.pause(self._failures):
                raise lost
            moved = Descriptor(OCTETS, self._digest, self._total or 0)
            self._remote.listener(Step(Event.RETRIED, moved, moved=offset, error=lost))
        fields: Fields = []
        if self._parts is not None or offset:
            fields.append(("Range", ranges.asked([Span(offset, offset + left - 1)])))
            if self._etag is not None:
                fields.append(("If-Range", self._etag))
        self._answer = await self._send(fields)
        self._skip = self._begins(self._answer, offset)

    async def _send(self, fields: Fields) -> Answer:
        path = routes.path(Route.BLOB, self._name, str(self._digest))
        with missing(BlobUnknown, self._digest):
            answer = await self._remote.exchange.send(
                Call(
                    method="GET",
                    path=path,
                    headers=fields,
                    scopes=pulling(self._name),
                    expect=frozenset({200, 206}) if fields else frozenset({200}),
                )
            )
        try:
            check_digest(answer, self._digest)
        except LadingError:
            await answer.aclose()
            raise
        etag = answer.headers.get(b"etag")
        # A weak tag says nothing about bytes (RFC 9110, 13.1.5).
        self._etag = etag if etag and not etag.startswith("W/") else None
        return answer

    def _begins(self, answer: Answer, offset: int) -> int:
        """How many bytes of *answer* lie before *offset*: all, where parts are not served.

        Raises:
            UpstreamFailed: it is another part than was asked for.
        """
        if answer.status == 200:
            return offset
        found = ranges.parse_content_range(answer.headers.get(b"content-range") or "")
        if found is None or found[0][0] > offset:
            said = answer.headers.get(b"content-range")
            raise UpstreamFailed(
                f"{answer.asked} was asked for bytes from {offset} on, and gave {said}", status=206
            )
        return offset - found[0][0]

"""A sink at the other end of HTTP: one POST for each notice."""

from collections.abc import Awaitable, Callable, Sequence

from lading.errors import UpstreamFailed
from lading.interfaces.notices import Notice
from lading.sinks.envelopes import Envelope, Origin
from lading.wire.statuses import PHRASES

Post = Callable[[str, Sequence[tuple[str, str]], bytes], Awaitable[int]]
"""Sends a body with headers to a URL, follows redirects, and returns the last status.

Raises:
    UpstreamFailed: there was no answer.
"""


class HttpSink:
    """Posts notices to *url* in an *envelope*, with *headers* of its own beside."""

    def __init__(
        self,
        post: Post,
        url: str,
        *,
        envelope: Envelope,
        origin: Origin,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._post = post
        self._url = url
        self._envelope = envelope
        self._origin = origin
        self._headers = (("Content-Type", envelope.media_type), *headers)

    async def tell(self, notice: Notice) -> int:
        """Hand over *notice*; see `Sink.tell`."""
        body = self._envelope.write(notice, self._origin)
        status = await self._post(self._url, self._headers, body)
        if not 200 <= status < 400:
            raise UpstreamFailed(f"the endpoint answered {described(status)}", status=status)
        return status


def described(status: int) -> str:
    """*status* with its usual words, such as ``503 Service Unavailable``."""
    phrase = PHRASES.get(status)
    return f"{status} {phrase}" if phrase else str(status)

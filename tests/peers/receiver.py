"""A receiver of notifications, in this process: it notes what it is told, and fails on cue."""

import http.server
import json
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, Self


class Told(NamedTuple):
    """One request: its headers by lower-case name, and the body as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The one event of Distribution's envelope."""
        [event] = json.loads(self.body)["events"]
        assert isinstance(event, dict)
        return event


class Receiver:
    """Listens on a loopback port. ``told`` is what it took, ``refused`` how often it did not.

    *answer* is asked for the status of each answer, before anything is noted.
    """

    def __init__(self, answer: Callable[[Told], int] = lambda _told: 200, *, port: int = 0) -> None:
        self.told: list[Told] = []
        self.refused = 0
        self.answer = answer
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where events are posted."""
        return f"http://127.0.0.1:{self.port}/events"

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it took, in order."""
        return [each.event for each in self.told]

    def wait(self, number: int, *, deadline: float = 30.0) -> list[dict[str, Any]]:
        """The events, as soon as there are *number* of them."""
        end = time.monotonic() + deadline
        while len(self.told) < number:
            assert time.monotonic() < end, [each["action"] for each in self.events]
            time.sleep(0.01)
        return self.events

    def _handler(receiver) -> type[http.server.BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's below
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told = Told({k.lower(): v for k, v in self.headers.items()}, body)
                status = receiver.answer(told)
                if status < 400:
                    receiver.told.append(told)
                else:
                    receiver.refused += 1
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

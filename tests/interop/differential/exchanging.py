"""Requests as values, and the answers that a server gives to a list of them."""

import http.client
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

PATIENCE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request, by the route it is about, its method, and what is special about it.

    Args:
        saves: the name under which the ``Location`` of the answer is remembered. ``{name}`` in a
            *target* stands for it, as path and query; what was not remembered is nowhere.
        also: query parameters that are added to the target.
        chunked: the body is sent without its length.
        raw: the bytes that are sent in place of all that, on a connection of their own.
    """

    route: str
    method: str
    condition: str
    target: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    saves: str = ""
    also: str = ""
    chunked: bool = False
    raw: bytes = b""

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.route} {self.method}: {self.condition}"


class Answer(NamedTuple):
    """What came back; the fields in order, with their names in lower case.

    No answer at all has the status 0; one whose body was cut off is not ``whole``. ``line`` is what
    the access log tells of it, ``said`` what the log of the program does, and ``events`` what an
    endpoint was told, if they are looked at.
    """

    status: int
    fields: Sequence[tuple[str, str]]
    body: bytes
    whole: bool = True
    line: str = ""
    said: Sequence[Mapping[str, Any]] = ()
    events: Sequence[str] = ()

    def field(self, name: str) -> str | None:
        """The values of a field as one, or ``None``."""
        found = [value for each, value in self.fields if each == name]
        return ", ".join(found) if found else None


class Wire:
    """A client of one server, which remembers where it was led to."""

    def __init__(self, address: str, headers: Mapping[str, str], front: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._headers = headers
        self._front = front
        self._connection = http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE)
        self._places: dict[str, str] = {}

    def ask(self, case: Case, number: int) -> Answer:
        """The answer to *case*, which is the one with that *number*."""
        if case.raw:
            return self._raw(case.raw)
        target = self._target(case)
        self._connection.putrequest(
            case.method, target, skip_host="Host" in case.headers, skip_accept_encoding=True
        )
        # A value of a case takes the place of the client's own; an empty one leaves the field out.
        fields = {"User-Agent": agent(number), **self._headers, **case.headers}
        for name, value in fields.items():
            if value:
                self._connection.putheader(name, value)
        if case.chunked:
            self._connection.putheader("Transfer-Encoding", "chunked")
        elif case.body or case.method in {"POST", "PUT", "PATCH"}:
            self._connection.putheader("Content-Length", str(len(case.body)))
        body: Iterator[bytes] | bytes = iter([case.body]) if case.chunked else case.body
        self._connection.endheaders(body or None, encode_chunked=case.chunked)
        answer = self._answer()
        if case.saves:
            self._remember(case.saves, answer)
        return answer

    def _answer(self) -> Answer:
        try:
            response = self._connection.getresponse()
        except http.client.HTTPException:
            self._connection.close()
            return Answer(0, [], b"")
        try:
            return _received(response)
        except http.client.IncompleteRead as broken:
            self._connection.close()
            return Answer(response.status, _fields(response), broken.partial, whole=False)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _target(self, case: Case) -> str:
        target = case.target
        for name, place in self._places.items():
            target = target.replace(f"{{{name}}}", place)
        if "{" in target:
            target = "/v2/team/app/blobs/uploads/nowhere"
        if not case.also:
            return target
        return f"{target}{'&' if '?' in target else '?'}{case.also}"

    def _remember(self, name: str, answer: Answer) -> None:
        self._places.pop(name, None)
        if location := answer.field("location"):
            parts = urlsplit(location)
            path = parts.path.removeprefix(self._front)
            self._places[name] = f"{path}?{parts.query}" if parts.query else path

    def _raw(self, data: bytes) -> Answer:
        with socket.create_connection((self._host, self._port), PATIENCE) as line:
            line.sendall(data)
            response = http.client.HTTPResponse(line)
            try:
                response.begin()
                return _received(response)
            except (http.client.HTTPException, OSError):
                return Answer(0, [], b"")


def _received(response: http.client.HTTPResponse) -> Answer:
    return Answer(response.status, _fields(response), response.read())


def _fields(response: http.client.HTTPResponse) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in response.getheaders()]


def agent(number: int) -> str:
    """By what the request with that *number* is found again in logs and events."""
    return f"case/{number}"


def run(
    address: str, cases: Sequence[Case], headers: Mapping[str, str], front: str = ""
) -> list[Answer]:
    """What the server at *address* answers to *cases*, one after the other.

    All have *headers*; *front* is what a proxy would take away from the paths of locations.
    """
    wire = Wire(address, headers, front)
    try:
        return [wire.ask(case, number) for number, case in enumerate(cases)]
    finally:
        wire.close()

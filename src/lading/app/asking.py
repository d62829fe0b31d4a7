"""One request to a registry as somebody wrote it, authorised like every other."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import parse_qsl

from lading.app.clients import Client
from lading.bodies import FileSource, Source
from lading.client.asking.calls import Call
from lading.errors import ReferenceInvalid
from lading.oci.locator import parse_host
from lading.wire.challenges import Scope
from lading.wire.routes import Route, match

# 401 is answered by logging in, and is an error where that does not help.
_EXPECTED = frozenset(range(200, 600)) - {401}


@dataclass(frozen=True, slots=True)
class Answered:
    """What a registry answered; ``body`` is read while the request is open."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: Source


@asynccontextmanager
async def ask(
    client: Client,
    method: str,
    text: str,
    *,
    headers: Sequence[tuple[str, str]] = (),
    data: BinaryIO | None = None,
) -> AsyncIterator[Answered]:
    """The answer to *method* for *text*, ``HOST/v2/…?query``, whatever its status; *data* is sent.

    Raises:
        ReferenceInvalid: *text* names no path of a registry.
        Unauthorized: the registry does not take our credentials.
        UpstreamFailed: the registry let us down.
    """
    host, slash, rest = text.removeprefix("https://").removeprefix("http://").partition("/")
    path, _, query = f"/{rest}".partition("?")
    if not slash or not (path == "/v2" or path.startswith("/v2/")):
        failure = ReferenceInvalid(f"{text!r} is not a path of a registry")
        failure.advice = "Write HOST/v2/ and what comes after it."
        raise failure
    body = _body(data)
    call = Call(
        method=method,
        path="/v2/" if path == "/v2" else path,
        query=parse_qsl(query, keep_blank_values=True),
        headers=headers,
        body=body,
        scopes=_scopes(method, path),
        expect=_EXPECTED,
    )
    try:
        answer = await client.exchange(parse_host(host)).send(call)
    finally:
        if body is not None:
            await body.aclose()
    try:
        fields = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw
        ]
        yield Answered(answer.status, fields, answer.body.source)
    finally:
        await answer.aclose()


def _body(data: BinaryIO | None) -> FileSource | None:
    if data is None:
        return None
    size = os.fstat(data.fileno()).st_size
    return FileSource(os.dup(data.fileno()), [(0, size)])


def _scopes(method: str, path: str) -> tuple[Scope, ...]:
    """What *method* needs for *path* (distribution: token scopes)."""
    place = match(path)
    if place is None or not place.name:
        catalog = place is not None and place.route is Route.CATALOG
        return (Scope("registry", "catalog", ("*",)),) if catalog else ()
    actions = {"GET": ("pull",), "HEAD": ("pull",), "DELETE": ("pull", "delete")}
    return (Scope("repository", place.name, actions.get(method, ("pull", "push"))),)

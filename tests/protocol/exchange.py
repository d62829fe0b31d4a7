"""One request and its answer, as a client would see them, without a socket between."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lading.bodies import Bytes, Elsewhere, FileSpan, Held, Stream
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.testing import samples
from lading.wire.message import Handler, Headers, Request, Response

Fields = Sequence[tuple[str, str]] | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        """The one value of field *name*."""
        (value,) = self.all(name)
        return value

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def all(self, name: str) -> list[str]:
        """Every value of field *name*."""
        return [value for found, value in self.fields if found.lower() == name.lower()]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        """The codes of an error answer."""
        return [entry["code"] for entry in self.json["errors"]]


class Exchange:
    """A client of *handler* that holds every answer against the rules that all answers share."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        fields: Fields = (),
        *,
        chunked: bool = False,
        breaks_after: int | None = None,
    ) -> Answer:
        """Send a request; its body comes without a length if it is *chunked*."""
        path, _, query = target.partition("?")
        listed = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
        if not chunked:
            listed.append(("Content-Length", str(len(body))))
        sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in listed]
        if chunked or breaks_after is not None:
            inbound = samples.inbound(body, chunk=1024, said=not chunked, breaks_after=breaks_after)
        else:
            inbound = Bytes(body)
        request = Request(method, path, query, Headers(sent), inbound, "192.0.2.1", "")
        response = await self._handler(request)
        answer = Answer(response.status, list(response.headers), await _body(response))
        _check(method, path, answer)
        return answer

    async def push_blob(self, name: str, content: bytes, *, algorithm: str = "sha256") -> Digest:
        """Push *content* in one request."""
        digest = Digest.of(content, algorithm)
        answer = await self("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", content, _OCTETS)
        assert answer.status == 201
        return digest

    async def push_manifest(self, name: str, manifest: Manifest, *tags: str) -> Answer:
        """Push *manifest* by digest, and then once more by each of *tags*."""
        answer = None
        for reference in (str(manifest.digest), *tags):
            answer = await self(
                "PUT",
                f"/v2/{name}/manifests/{reference}",
                manifest.body,
                {"Content-Type": manifest.media_type},
            )
            assert answer.status == 201, answer.body
        assert answer is not None
        return answer

    async def push_image(self, name: str, *tags: str, seed: object = 0) -> Manifest:
        """Push a small image with all it needs."""
        image = samples.image(seed)
        for content in image.blobs:
            await self.push_blob(name, content)
        await self.push_manifest(name, image.manifest, *tags)
        return image.manifest

    async def push_artifact(self, name: str, artifact: Manifest, *tags: str) -> Manifest:
        """Push an artifact, which needs the empty blob and nothing else."""
        await self.push_blob(name, samples.EMPTY)
        await self.push_manifest(name, artifact, *tags)
        return artifact

    async def begin(self, name: str, query: str = "") -> str:
        """Begin an upload and return its location."""
        answer = await self("POST", f"/v2/{name}/blobs/uploads/{query}")
        assert answer.status == 202
        return answer["Location"]


_OCTETS = {"Content-Type": "application/octet-stream"}


async def _body(response: Response) -> bytes:
    body = response.body
    match body:
        case bytes():
            return body
        case Elsewhere():
            return b""
        case Held() | FileSpan() | Stream():
            frames = list(response.frames) or [b""] * (len(body.parts) + 1)
            assert len(frames) == len(body.parts) + 1
            content = await samples.content_of(body)
            pieces = []
            start = 0
            for frame, (_, length) in zip(frames, body.parts, strict=False):
                pieces += [frame, content[start : start + length]]
                start += length
            return b"".join((*pieces, frames[-1]))


def _check(method: str, path: str, answer: Answer) -> None:
    """What is true of every answer."""
    assert answer.status < 500 or path == "/readyz"
    assert not any({"\r", "\n", "\0"} & {*name, *value} for name, value in answer.fields)
    assert all(name.isascii() and value.isascii() for name, value in answer.fields)
    assert "Content-Encoding" not in answer
    assert len(answer.all("X-Request-Id")) == 1
    if path.startswith("/v2"):
        assert answer["Docker-Distribution-Api-Version"] == "registry/2.0"
    if answer.status in {204, 304}:
        assert "Content-Length" not in answer
        assert answer.body == b""
    elif method == "HEAD":
        assert answer.body == b""
        assert int(answer["Content-Length"]) >= 0
    else:
        assert int(answer["Content-Length"]) == len(answer.body)
    if answer.status >= 400 and method != "HEAD":
        assert answer["Content-Type"] == "application/json"
        for entry in answer.json["errors"]:
            assert set(entry) <= {"code", "message", "detail"}
            assert all(isinstance(value, str) for value in entry.values())
            assert entry["code"].replace("_", "").isupper()
    if "Location" in answer:
        assert answer["Location"].startswith("/v2/")

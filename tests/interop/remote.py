"""What the registry holds, read by plain HTTP and checked byte by byte, without any client."""

import hashlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tests.peers.servers import Server

_ACCEPTED = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest as the registry serves it: exact bytes, digest, and the parsed document."""

    content: bytes
    digest: str
    media_type: str
    document: dict[str, Any]

    @property
    def blobs(self) -> list[dict[str, Any]]:
        """The descriptors of its config and layers, in this order."""
        config = [self.document["config"]] if "config" in self.document else []
        return config + list(self.document.get("layers", []))


def request(
    server: Server,
    method: str,
    path: str,
    body: bytes | None = None,
    fields: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int, dict[str, str], bytes]:
    """Answer of the registry to *method* on *path*: status, headers in lower case, body."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    try:
        connection.request(method, path, body, {"Accept": ", ".join(_ACCEPTED), **fields})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()
    finally:
        connection.close()


def digest_of(content: bytes) -> str:
    """The sha256 digest of *content*, as the image spec writes it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def exists(server: Server, repository: str, reference: str) -> bool:
    """Whether the registry has a manifest under *reference*."""
    status, _, _ = request(server, "HEAD", f"/v2/{repository}/manifests/{reference}")
    assert status in {200, 404}
    return status == 200


def manifest(server: Server, repository: str, reference: str) -> StoredManifest:
    """The manifest under *reference*, its bytes checked against the digest that is told."""
    status, headers, body = request(server, "GET", f"/v2/{repository}/manifests/{reference}")
    assert status == 200, body
    assert headers["docker-content-digest"] == digest_of(body)
    assert int(headers["content-length"]) == len(body)
    if reference.startswith("sha256:"):
        assert digest_of(body) == reference
    return StoredManifest(body, digest_of(body), headers["content-type"], json.loads(body))


def whole_image(server: Server, repository: str, reference: str) -> StoredManifest:
    """The manifest under *reference*, after all its blobs were read and hashed."""
    found = manifest(server, repository, reference)
    for descriptor in found.blobs:
        content = blob(server, repository, descriptor["digest"])
        assert len(content) == descriptor["size"]
    return found


def blob(server: Server, repository: str, digest: str) -> bytes:
    """The content of a blob, checked against *digest*."""
    status, headers, body = request(server, "GET", f"/v2/{repository}/blobs/{digest}")
    assert status == 200, body
    assert int(headers["content-length"]) == len(body)
    assert digest_of(body) == digest
    return body

"""How a notice is written: in Distribution's envelope, or as a CloudEvent."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lading.interfaces.notices import Notice
from lading.oci.descriptor import Descriptor
from lading.oci.media_types import OCTETS
from lading.wire import routes
from lading.wire.routes import Route
from lading.wire.timestamps import timestamp

_ESCAPED = {each: f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}
_DESCRIPTOR_FIELDS = (
    "mediaType",
    "digest",
    "size",
    "urls",
    "annotations",
    "data",
    "platform",
    "artifactType",
)
_SPECIAL = re.compile("[<>&\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where notices come from: the address of the server, and this run of it.

    With ``relative``, what they are about is named by a path, without scheme and host.
    """

    address: str
    instance: str
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    """A form of notices: what it is called in ``Content-Type``, and how it is written."""

    media_type: str
    write: Callable[[Notice, Origin], bytes]


def as_distribution(notice: Notice, origin: Origin) -> bytes:
    """*notice* as Distribution writes it, field by field and byte by byte."""
    event = {"id": notice.id, "timestamp": timestamp(notice.at), **_event(notice, origin)}
    return _json({"events": [event]}, indent=3)


def as_cloudevent(notice: Notice, origin: Origin) -> bytes:
    """*notice* in the structured form of CloudEvents 1.0; its data are those of Distribution."""
    name = f":{notice.tag}" if notice.tag else f"@{notice.digest}" if notice.digest else ""
    return _json(
        {
            "specversion": "1.0",
            "id": notice.id,
            "source": f"//{origin.address}",
            "type": f"lading.{notice.deed.value}",
            "subject": f"{notice.repository}{name}",
            "time": timestamp(notice.at),
            "datacontenttype": "application/json",
            "data": _event(notice, origin),
        }
    )


ENVELOPES: Mapping[str, Envelope] = {
    "distribution": Envelope("application/vnd.docker.distribution.events.v2+json", as_distribution),
    "cloudevents": Envelope("application/cloudevents+json; charset=utf-8", as_cloudevent),
}
"""The forms that can be chosen."""


def _event(notice: Notice, origin: Origin) -> dict[str, Any]:
    facts = notice.occasion.facts
    # Where nobody has to log in, the actor is whoever somebody says to be.
    name = notice.occasion.principal.name or facts.get("claimed", "")
    base = facts.get("base", "")
    return {
        "action": notice.deed.value,
        "target": _target(notice, urlsplit(base).path if origin.relative else base),
        "request": {
            "id": facts.get("request", ""),
            "addr": facts.get("address", ""),
            **_given("host", facts.get("host")),
            "method": facts.get("method", ""),
            "useragent": facts.get("agent", ""),
        },
        "actor": _given("name", name),
        "source": {"addr": origin.address, "instanceID": origin.instance},
    }


def _target(notice: Notice, root: str) -> dict[str, Any]:
    digest = str(notice.digest) if notice.digest is not None else ""
    return {
        "mediaType": notice.media_type,
        "digest": digest,
        "size": notice.size,
        **_given("length", notice.size),
        "repository": notice.repository,
        **_given("fromRepository", notice.source),
        **_given("url", _url(notice, root, digest)),
        **_given("tag", notice.tag),
        **_given("references", [_descriptor(each) for each in notice.references]),
    }


def _descriptor(descriptor: Descriptor) -> dict[str, Any]:
    found = descriptor.as_json()
    return {key: found[key] for key in _DESCRIPTOR_FIELDS if key in found}


def _url(notice: Notice, root: str, digest: str) -> str:
    if not notice.media_type:
        # What is gone is nowhere.
        return ""
    route = Route.BLOB if notice.media_type == OCTETS else Route.MANIFEST
    return root + routes.path(route, notice.repository, digest)


def _given(name: str, value: object) -> dict[str, Any]:
    return {name: value} if value else {}


def _json(document: object, indent: int | None = None) -> bytes:
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    # As Go does it, for those who paste it into a page.
    return _SPECIAL.sub(lambda found: _ESCAPED[found[0]], text).encode("utf-8", "replace")

"""Names of header fields that both ends use, and codecs for their values."""

from collections.abc import Iterable, Sequence

from lading.oci.media_types import without_parameters
from lading.wire.message import Fields, Headers

JSON = "application/json"

NO_BODY = ("Content-Length", "0")
"""Ends an answer that has a status, headers and nothing else."""

NO_SNIFFING = ("X-Content-Type-Options", "nosniff")
"""What was pushed is never to be guessed at by a browser."""

API_VERSION = ("Docker-Distribution-Api-Version", "registry/2.0")
"""How old clients recognise a registry (R8)."""

FOREVER = ("Cache-Control", "max-age=31536000, immutable")
"""For content that was asked for by its digest."""

REVALIDATE = ("Cache-Control", "no-cache")
"""For what a tag names, which may change at any time."""


OWN = frozenset(
    {
        *("accept-ranges", "allow", "cache-control", "content-range", "content-type", "etag"),
        *("docker-content-digest", "docker-upload-uuid", "link", "location", "range"),
        *("oci-chunk-min-length", "oci-filters-applied", "oci-subject", "oci-tag"),
        *("retry-after", "www-authenticate"),
    }
)
"""Fields, in small letters, that answers have where they mean something."""


def of_document(body: bytes, media_type: str = JSON) -> Fields:
    """What goes before a *body* that was made for this answer."""
    return [("Content-Type", media_type), ("Content-Length", str(len(body))), NO_SNIFFING]


def utf8(text: str) -> str:
    """*text* as a field holds it whose value goes out in UTF-8: a character for each byte."""
    return text.encode().decode("latin-1")


def quoted(tag: str) -> str:
    """*tag* as an entity tag (RFC 9110, 8.8.3)."""
    return f'"{tag}"'


def names_tag(values: Iterable[str], tag: str) -> bool:
    """Whether ``If-None-Match`` fields speak of *tag*, which has no comma (RFC 9110, 13.1.2).

    Bare tags without quotes are understood as well, since clients send them.
    """
    for value in values:
        for each in value.split(","):
            found = each.strip().removeprefix("W/")
            if found == "*" or found.removeprefix('"').removesuffix('"') == tag:
                return True
    return False


def next_link(target: str) -> tuple[str, str]:
    """The field that tells where a list goes on (RFC 8288)."""
    return ("Link", f'<{target}>; rel="next"')


def link_target(value: str) -> str | None:
    """Where a list goes on, from the value of a ``Link`` field; ``None`` if it does not say."""
    target, closing, parameters = value.strip().partition(">")
    if not target.startswith("<") or not closing:
        return None
    for each in parameters.split(";"):
        name, _, relation = each.strip().partition("=")
        if name.lower() == "rel" and "next" in relation.strip('"').split():
            return target[1:]
    return None


def joined(values: Sequence[str]) -> str:
    """Several values as one field, as in ``OCI-Tag`` (R43)."""
    return ", ".join(values)


def allow(methods: Iterable[str]) -> tuple[str, str]:
    """The field that tells which *methods* there are."""
    return ("Allow", ", ".join(sorted(methods)))


def split(fields: Iterable[str]) -> list[str]:
    """The values of list fields that may be repeated; the opposite of `joined`."""
    return [found for field in fields for each in field.split(",") if (found := each.strip())]


def media_type(headers: Headers) -> str | None:
    """The ``Content-Type`` without its parameters (R38); ``None`` if there is none."""
    value = headers.get(b"content-type")
    return without_parameters(value) or None if value is not None else None

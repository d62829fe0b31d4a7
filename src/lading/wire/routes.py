"""The paths of the protocol, in one table that is read both ways.

A server matches a path, a client and a ``Location`` build one. Paths are matched raw and from the
right: repositories may have components called ``blobs``, ``manifests``, ``tags``, ``uploads`` or
``referrers``, and an escaped slash is not a slash. Names are never percent-decoded.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import quote, unquote


class Route(StrEnum):
    """An endpoint, by the shape of its path (distribution-spec, Endpoints)."""

    SUPPORT = "/v2/"
    CATALOG = "/v2/_catalog"
    EXTENSIONS = "/v2/_oci/ext/discover"
    MANIFEST = "/v2/{name}/manifests/{last}"
    BLOB = "/v2/{name}/blobs/{last}"
    UPLOADS = "/v2/{name}/blobs/uploads/"
    UPLOAD = "/v2/{name}/blobs/uploads/{last}"
    TAGS = "/v2/{name}/tags/list"
    REFERRERS = "/v2/{name}/referrers/{last}"
    REPOSITORY_EXTENSIONS = "/v2/{name}/_oci/ext/discover"
    REPOSITORY = "/v2/{name}/_lading/"
    ROOT = "/"
    HEALTH = "/healthz"
    READY = "/readyz"


UNMOVED = frozenset({Route.ROOT, Route.HEALTH, Route.READY})
"""What is not part of the API: open to everybody, and where it is whatever the API is under."""


class Place(NamedTuple):
    """Where a path leads: the route, the repository's name as it came, and the last segment.

    ``name`` is empty for routes of the registry as a whole. ``last`` is decoded once, except for
    the ids of uploads, which are opaque and stay as they are.
    """

    route: Route
    name: str = ""
    last: str = ""


_PREFIX = "/v2/"
_PLAIN = re.compile(r"[a-zA-Z0-9:._-]*", re.ASCII)
"""What stays as it is in a path."""
_FIXED = {
    "/v2": Place(Route.SUPPORT),
    **{
        route.value: Place(route)
        for route in (
            Route.SUPPORT,
            Route.CATALOG,
            Route.EXTENSIONS,
            Route.ROOT,
            Route.HEALTH,
            Route.READY,
        )
    },
}
_DECODED = {
    "manifests": Route.MANIFEST,
    "blobs": Route.BLOB,
    "referrers": Route.REFERRERS,
}
_ENDINGS = (
    ("/tags/list", Route.TAGS),
    ("/blobs/uploads/", Route.UPLOADS),
    ("/_oci/ext/discover", Route.REPOSITORY_EXTENSIONS),
    ("/_lading/", Route.REPOSITORY),
    ("/_lading", Route.REPOSITORY),
)


def match(path: str) -> Place | None:
    """Where the raw *path* leads, or ``None`` if there is nothing."""
    head, _, last = path.rpartition("/")
    before, _, keyword = head.rpartition("/")
    route = _DECODED.get(keyword)
    if route is not None and before.startswith(_PREFIX):
        if route is Route.BLOB and last == "uploads":
            return Place(Route.UPLOADS, before[4:])
        return Place(route, before[4:], unquote(last) if "%" in last else last)
    return _FIXED.get(path) or _ending(path, head, last)


def _ending(path: str, head: str, last: str) -> Place | None:
    if last and head.endswith("/blobs/uploads"):
        name = head.removesuffix("/blobs/uploads")
        return Place(Route.UPLOAD, name[4:], last) if name.startswith(_PREFIX) else None
    for ending, route in _ENDINGS:
        if path.endswith(ending):
            name = path.removesuffix(ending)
            return Place(route, name[4:]) if name.startswith(_PREFIX) else None
    return None


def under(prefix: str) -> Callable[[str], Place | None]:
    """What `match` is to a registry whose paths begin with *prefix*, as ``/registry``.

    ``/``, ``/healthz`` and ``/readyz`` are where they were.
    """
    if not prefix:
        return match

    def matched(path: str) -> Place | None:
        if not path.startswith(f"{prefix}/"):
            found = _FIXED.get(path)
            return found if found is not None and found.route in UNMOVED else None
        found = match(path.removeprefix(prefix))
        return found if found is not None and found.route not in UNMOVED else None

    return matched


def path(route: Route, name: str = "", last: str = "") -> str:
    """The path of *route*; the opposite of `match`."""
    # Ids of uploads are opaque, and of a digest there is nothing to quote.
    if route is not Route.UPLOAD and _PLAIN.fullmatch(last) is None:
        last = quote(last, safe=":")
    return route.format(name=name, last=last)

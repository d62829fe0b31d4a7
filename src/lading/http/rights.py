"""Which rights a request needs, in the words of token scopes.

Reading needs pull, writing needs pull and push, deleting needs delete; to give up an upload is
part of pushing (trap T49). What is mounted from elsewhere has to be pulled there.
"""

from functools import lru_cache

from lading.errors import NameInvalid
from lading.interfaces.access import CATALOG, Access
from lading.oci.names import RepositoryName
from lading.wire.message import Request
from lading.wire.routes import Place, Route

_ACTIONS = {
    "GET": ("pull",),
    "HEAD": ("pull",),
    "POST": ("pull", "push"),
    "PUT": ("pull", "push"),
    "PATCH": ("pull", "push"),
    "DELETE": ("delete",),
}
_CANCELLING = ("push",)
_REMEMBERED = 128
"""Answers that are remembered: a push asks the same of a repository many times over.

Few, since a name that is none may be as long as a head.
"""


def wanted(request: Request, place: Place) -> tuple[Access, ...]:
    """All that somebody has to be allowed who sends *request* to *place*."""
    here = _here(place.route, place.name, request.method)
    if request.query and place.route is Route.UPLOADS:
        return (*here, *_elsewhere(request))
    return here


def strictly_wanted(request: Request, place: Place) -> tuple[Access, ...]:
    """The same, where ``from`` names what has to be pulled in every request to a repository."""
    here = _here(place.route, place.name, request.method)
    return (*here, *_elsewhere(request)) if request.query and place.name else here


@lru_cache(_REMEMBERED)
def _here(route: Route, name: str, method: str) -> tuple[Access, ...]:
    if route is Route.CATALOG:
        return (CATALOG,)
    if not name:
        return ()
    actions = _ACTIONS.get(method, ())
    if route is Route.UPLOAD and method == "DELETE":
        actions = _CANCELLING
    return tuple(Access("repository", name, action) for action in actions)


def _elsewhere(request: Request) -> tuple[Access, ...]:
    try:
        source = RepositoryName.parse(request.param("from") or "")
    except NameInvalid:
        # Nothing can be mounted from there, and the endpoint that mounts says so.
        return ()
    return (Access("repository", str(source), "pull"),)

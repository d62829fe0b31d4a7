"""Which rights a request needs, in the words of token scopes.

Reading needs pull, writing needs pull and push, deleting needs delete; to give up an upload is
part of pushing (trap T49). What is mounted from elsewhere has to be pulled there.
"""

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


def wanted(request: Request, place: Place) -> tuple[Access, ...]:
    """All that somebody has to be allowed who sends *request* to *place*."""
    if place.route is Route.CATALOG:
        return (CATALOG,)
    if not place.name:
        return ()
    actions = _ACTIONS.get(request.method, ())
    if place.route is Route.UPLOAD and request.method == "DELETE":
        actions = _CANCELLING
    rights = tuple(Access("repository", place.name, action) for action in actions)
    return (*rights, *_elsewhere(request, place))


def _elsewhere(request: Request, place: Place) -> tuple[Access, ...]:
    if place.route is not Route.UPLOADS or not request.query:
        return ()
    try:
        source = RepositoryName.parse(request.param("from") or "")
    except NameInvalid:
        # Nothing can be mounted from there, and the endpoint says so.
        return ()
    return (Access("repository", str(source), "pull"),)

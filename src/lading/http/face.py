"""The face: match, authenticate, admit, dispatch, and turn errors into answers.

This is the one place where our errors become responses. What is not ours goes on to whoever runs
the face, which logs it and answers with the request's id.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

from lading.errors import LadingError, Unauthorized
from lading.http import blobs, catalog, extensions, manifests, referrers, status, tags, uploads
from lading.http.call import USUAL, Call, Endpoint, Terms, occasion_of
from lading.http.rights import strictly_wanted, wanted
from lading.interfaces.access import ANONYMOUS, Authenticator, Credentials, Occasion, Principal
from lading.interfaces.repository import Registry
from lading.wire import challenges, headers, problems
from lading.wire.message import Request, Response
from lading.wire.routes import UNMOVED, Place, Route, match

log = logging.getLogger("lading.http")

ENDPOINTS: Mapping[Route, Mapping[str, Endpoint]] = {
    Route.SUPPORT: {"GET": status.support, "HEAD": status.support},
    Route.CATALOG: {"GET": catalog.listed, "HEAD": catalog.listed},
    Route.EXTENSIONS: {"GET": extensions.of_registry, "HEAD": extensions.of_registry},
    Route.MANIFEST: {
        "GET": manifests.get,
        "HEAD": manifests.head,
        "PUT": manifests.put,
        "DELETE": manifests.delete,
    },
    Route.BLOB: {"GET": blobs.get, "HEAD": blobs.head, "DELETE": blobs.delete},
    Route.UPLOADS: {"POST": uploads.start},
    Route.UPLOAD: {
        "GET": uploads.status,
        "HEAD": uploads.status,
        "PATCH": uploads.append,
        "PUT": uploads.finish,
        "DELETE": uploads.cancel,
    },
    Route.TAGS: {"GET": tags.listed, "HEAD": tags.listed},
    Route.REFERRERS: {"GET": referrers.listed, "HEAD": referrers.listed},
    Route.REPOSITORY_EXTENSIONS: {
        "GET": extensions.of_repository,
        "HEAD": extensions.of_repository,
    },
    Route.REPOSITORY: {"DELETE": extensions.delete_repository},
    Route.ROOT: {"GET": status.root, "HEAD": status.root},
    Route.HEALTH: {"GET": status.healthy, "HEAD": status.healthy},
    Route.READY: {"GET": status.ready, "HEAD": status.ready},
}
"""What answers which method of which route."""

_READING = frozenset({"GET", "HEAD"})
_EXPECTED = frozenset({401, 404, 416})


class Face:
    """A registry as a `Handler`.

    Args:
        authenticator: finds out who asks.
        admit: the registry as it may be used on an occasion.
        terms: its limits, and how it finds out whether it can serve.
        match: finds out where a path leads.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        admit: Callable[[Occasion], Registry],
        terms: Terms = USUAL,
        match: Callable[[str], Place | None] = match,
    ) -> None:
        self._authenticator = authenticator
        self._admit = admit
        self._terms = terms
        self._match = match
        self._wanted = strictly_wanted if terms.strict_sources else wanted
        named = {name.lower() for name, _ in terms.fields}
        self._says_sniffing = headers.NO_SNIFFING[0].lower() in named
        self._says_ours = not named.isdisjoint(headers.OWN)

    async def __call__(self, request: Request) -> Response:
        """Answer *request*; every error of ours becomes an answer."""
        request.place = place = self._match(request.path)
        if place is None:
            response = problems.unrouted(request.path)
            response.headers.append(headers.API_VERSION)
        else:
            response = await self._dispatched(request, place)
            if place.route not in UNMOVED:
                if self._says_sniffing and headers.NO_SNIFFING in response.headers:
                    # What the operator says of it stands alone.
                    response.headers.remove(headers.NO_SNIFFING)
                added = self._added(response) if self._says_ours else self._terms.fields
                response.headers.append(headers.API_VERSION)
                response.headers += added
        if request.method == "HEAD" and response.body:
            response.body = b""
        return response

    def _added(self, response: Response) -> Sequence[tuple[str, str]]:
        """What the operator adds to *response*, where that does not say otherwise."""
        said = {name.lower() for name, _ in response.headers}
        return [each for each in self._terms.fields if each[0].lower() not in said]

    async def _dispatched(self, request: Request, place: Place) -> Response:
        methods = ENDPOINTS[place.route]
        endpoint = methods.get(request.method)
        if endpoint is None:
            if request.method == "OPTIONS":
                # Browsers ask this first, and show no credentials when they do.
                return Response(200, [headers.allow(methods), headers.NO_BODY])
            return problems.not_allowed(request.method, tuple(methods))
        try:
            principal = ANONYMOUS
            if place.route not in UNMOVED:
                principal = await self._authenticator.authenticate(
                    _credentials(request), wanted=self._wanted(request, place), peer=request.caller
                )
                request.user = principal.name
            registry = self._admit(_occasion(request, principal))
            return await endpoint(Call(request, registry, place, self._terms))
        except LadingError as error:
            response = _problem(request, place, error)
            if isinstance(error, Unauthorized):
                asked = self._authenticator.challenge(error, base=self._terms.asked(request))
                response.headers.append(("WWW-Authenticate", asked))
            return response


def _problem(request: Request, place: Place, error: LadingError) -> Response:
    response = problems.encode(error, name=place.name)
    response.error = error
    if response.status not in _EXPECTED:
        # Many clients swallow what they are told (trap T36), so it is told here as well.
        failed = response.status >= 500
        log.log(
            logging.ERROR if failed else logging.INFO,
            "request failed" if failed else "request refused",
            extra={
                "request": request.id,
                "status": response.status,
                "code": problems.code(error),
                "reason": str(error),
            },
        )
    return response


def _credentials(request: Request) -> Credentials | None:
    field = request.headers.get(b"authorization")
    if not field:
        return None
    return Credentials(*(challenges.shown(field) or ("", field)))


def _occasion(request: Request, principal: Principal) -> Occasion:
    if request.method in _READING:
        # Facts are kept with changes, and reading changes nothing.
        return Occasion(principal)
    return occasion_of(request, principal)

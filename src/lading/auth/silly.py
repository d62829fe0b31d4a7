"""Anybody who shows anything is let in. For tests of clients."""

from collections.abc import Sequence

from lading.errors import Unauthorized
from lading.interfaces.access import Access, Credentials, Principal
from lading.wire import challenges
from lading.wire.challenges import Scope

_SILLY = Principal("silly")


class Silly:
    """Asks for a token, and takes anything at all."""

    def __init__(self, realm: str, service: str) -> None:
        self._realm = realm
        self._service = service

    async def authenticate(
        self,
        credentials: Credentials | None,
        *,
        wanted: Sequence[Access],
        peer: str,  # noqa: ARG002 - it does not matter from where
    ) -> Principal:
        """Somebody called silly, if anything was shown."""
        if credentials is None:
            raise Unauthorized(scope=" ".join(map(str, wanted)))
        return _SILLY

    def challenge(self, refused: Unauthorized, *, base: str) -> str:  # noqa: ARG002 - one realm
        """A token, with a scope of its own for each right."""
        return challenges.bearer(self._realm, self._service, Scope.parse_all(refused.scope))

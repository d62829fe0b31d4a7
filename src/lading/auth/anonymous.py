"""A registry that is open to everybody who can reach it."""

from collections.abc import Sequence

from lading.errors import Unauthorized
from lading.interfaces.access import ANONYMOUS, Access, Action, Credentials, Principal
from lading.oci.names import RepositoryName
from lading.wire import challenges

REALM = "lading"


class Anonymous:
    """Asks nobody who they are.

    Clients that logged in send credentials all the same. Nobody checks them here, so they prove
    nothing, and whoever sends them is as anonymous as everybody else.
    """

    async def authenticate(
        self,
        credentials: Credentials | None,  # noqa: ARG002 - see the class
        *,
        wanted: Sequence[Access],  # noqa: ARG002 - nor does it matter what for
        peer: str,  # noqa: ARG002 - nor from where
    ) -> Principal:
        """Somebody who did not say who they are, whatever was shown."""
        return ANONYMOUS

    def challenge(self, refused: Unauthorized, *, base: str) -> str:  # noqa: ARG002 - the same for all
        """A name and a password, for policies that want to know."""
        return challenges.basic(REALM)


class AllowAll:
    """Lets everybody do everything."""

    def allows(
        self,
        principal: Principal,  # noqa: ARG002 - it does not matter who
        action: Action,  # noqa: ARG002 - nor what
        repository: RepositoryName | None,  # noqa: ARG002 - nor where
    ) -> bool:
        """Always."""
        return True

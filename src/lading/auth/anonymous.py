"""A registry that is open to everybody who can reach it."""

from lading.interfaces.access import ANONYMOUS, Action, Credentials, Principal
from lading.oci.names import RepositoryName


class Anonymous:
    """Asks nobody who they are.

    Clients that logged in send credentials all the same. Nobody checks them here, so they prove
    nothing, and whoever sends them is as anonymous as everybody else.
    """

    async def authenticate(self, credentials: Credentials | None) -> Principal:  # noqa: ARG002 - see the class
        """Somebody who did not say who they are, whatever was shown."""
        return ANONYMOUS


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

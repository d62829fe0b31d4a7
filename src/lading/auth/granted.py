"""Rights that come with what somebody shows."""

from lading.interfaces.access import CATALOG, Access, Action, Principal
from lading.oci.names import RepositoryName


class Granted:
    """Lets everybody do what the rights allow that came with their token, and nothing else."""

    def allows(
        self, principal: Principal, action: Action, repository: RepositoryName | None
    ) -> bool:
        """Whether the rights of *principal* hold *action* there."""
        rights = principal.rights or frozenset()
        if repository is None:
            return action is Action.PULL and CATALOG in rights
        wanted = Access("repository", str(repository), action.value)
        return wanted in rights or wanted._replace(action="*") in rights

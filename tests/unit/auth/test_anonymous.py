"""A registry that is open to everybody."""

import pytest

from lading.auth.anonymous import AllowAll, Anonymous
from lading.interfaces.access import ANONYMOUS, Action, Credentials, Principal
from lading.oci.names import RepositoryName


@pytest.mark.parametrize(
    "credentials",
    [
        None,
        Credentials("basic", "YWRhOnNlY3JldA=="),
        Credentials("bearer", ""),
        Credentials("", "?"),
    ],
)
async def test_everybody_is_anonymous(credentials: Credentials | None) -> None:
    """Docker sends what it was once logged in with; that neither fails nor proves a name."""
    assert await Anonymous().authenticate(credentials, wanted=(), peer="") is ANONYMOUS


@pytest.mark.parametrize("action", Action)
def test_everybody_may_do_everything(action: Action) -> None:
    """In every repository, and to the registry as a whole."""
    for principal in (ANONYMOUS, Principal("ada")):
        assert AllowAll().allows(principal, action, RepositoryName("team/app"))
        assert AllowAll().allows(principal, action, None)

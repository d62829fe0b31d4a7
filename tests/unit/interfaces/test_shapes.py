"""Everything that claims a shape has it: mypy reads this file, and running it is cheap."""

from typing import TYPE_CHECKING

from lading.auth.anonymous import AllowAll, Anonymous
from lading.interfaces.access import ANONYMOUS, Credentials, Occasion, Principal
from lading.interfaces.repository import Page

if TYPE_CHECKING:
    from lading.interfaces.access import Authenticator, Policy
    from lading.interfaces.repository import Registry, Repository, Upload
    from lading.registry.forwarding import (
        ForwardingRegistry,
        ForwardingRepository,
        ForwardingUpload,
    )
    from lading.registry.guard import GuardedRegistry, GuardedRepository
    from lading.registry.pulls import Pulls
    from lading.registry.registry import LocalRegistry
    from lading.registry.repository import LocalRepository, PullRecord
    from lading.registry.rules import ReadOnlyRegistry, ReadOnlyRepository
    from lading.registry.uploads import LocalUpload

    def registries(
        local: LocalRegistry,
        forwarding: ForwardingRegistry,
        guarded: GuardedRegistry,
        read_only: ReadOnlyRegistry,
    ) -> list[Registry]:
        """All of these are registries."""
        return [local, forwarding, guarded, read_only]

    def repositories(
        local: LocalRepository,
        forwarding: ForwardingRepository,
        guarded: GuardedRepository,
        read_only: ReadOnlyRepository,
    ) -> list[Repository]:
        """All of these are repositories."""
        return [local, forwarding, guarded, read_only]

    def uploads(local: LocalUpload, forwarding: ForwardingUpload) -> list[Upload]:
        """Both are uploads."""
        return [local, forwarding]

    def record(pulls: Pulls) -> PullRecord:
        """Pulls are recorded by this."""
        return pulls

    def access() -> tuple[Authenticator, Policy]:
        """The open door is a door."""
        return Anonymous(), AllowAll()


def test_nobody_is_called_anonymous() -> None:
    """In logs and messages; the name itself is empty."""
    assert str(ANONYMOUS) == "anonymous"
    assert str(Principal("ada")) == "ada"
    assert Occasion().principal is ANONYMOUS


def test_what_a_caller_showed_is_not_printed() -> None:
    """Credentials end up in logs by their representation."""
    assert "secret" not in repr(Credentials("basic", "secret"))


def test_page_ends_the_list_unless_it_says_otherwise() -> None:
    """A page of everything needs no second argument."""
    assert not Page(()).more

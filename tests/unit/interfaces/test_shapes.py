"""Everything that claims a shape has it: mypy reads this file, and running it is cheap."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lading.auth.anonymous import AllowAll, Anonymous
from lading.interfaces.access import ANONYMOUS, CATALOG, Access, Credentials, Occasion, Principal
from lading.interfaces.notices import Deed, NoMeter, Notice
from lading.interfaces.repository import Page
from lading.oci.names import RepositoryName

if TYPE_CHECKING:
    from lading.interfaces.access import Authenticator, Policy
    from lading.interfaces.notices import Meter
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

    def meter() -> Meter:
        """Who counts nothing is asked like those who count."""
        return NoMeter()


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


def test_a_right_reads_as_the_scope_of_a_token() -> None:
    """Kind, name and action; a name may hold colons, and is not looked at."""
    assert str(Access("repository", "team/app", "pull")) == "repository:team/app:pull"
    assert str(CATALOG) == "registry:catalog:*"


def test_a_notice_needs_no_more_than_what_was_done_and_where() -> None:
    """About a repository as a whole there is no digest and no tag to tell."""
    notice = Notice(
        id="1",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        deed=Deed.DELETE,
        repository=RepositoryName("team/app"),
        occasion=Occasion(),
    )

    assert (notice.digest, notice.tag, notice.size, notice.references) == (None, None, 0, ())

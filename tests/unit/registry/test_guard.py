"""The guard: who may do what, and what those who may not get to know."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from lading.errors import Denied, RegistryError, Unauthorized, UploadUnknown
from lading.interfaces.access import (
    ANONYMOUS,
    CATALOG,
    Access,
    Action,
    Occasion,
    Policy,
    Principal,
)
from lading.interfaces.blobs import UploadId
from lading.interfaces.repository import Registry, Repository
from lading.metadata.sqlite import open_sqlite
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.registry import guard
from lading.registry.guard import GuardedRegistry
from lading.registry.registry import LocalRegistry
from lading.storage.memory import open_memory
from lading.testing import samples
from lading.testing.faults import Faults, faulty
from lading.testing.places import NAME, OTHER

ADA = Principal("ada")
_DIGEST = Digest.of(b"x")
_STEPS: list[tuple[str, Action, Callable[[Repository], Awaitable[object]]]] = [
    ("resolve", Action.PULL, lambda r: r.resolve(Tag("v1"))),
    ("get_manifest", Action.PULL, lambda r: r.get_manifest(Tag("v1"))),
    ("stat_blob", Action.PULL, lambda r: r.stat_blob(_DIGEST)),
    ("open_blob", Action.PULL, lambda r: r.open_blob(_DIGEST)),
    ("tags", Action.PULL, lambda r: r.tags()),
    ("referrers", Action.PULL, lambda r: r.referrers(_DIGEST)),
    ("put_manifest", Action.PUSH, lambda r: r.put_manifest(samples.index())),
    ("mount_blob", Action.PUSH, lambda r: r.mount_blob(_DIGEST, None)),
    ("start_upload", Action.PUSH, lambda r: r.start_upload()),
    ("resume_upload", Action.PUSH, lambda r: r.resume_upload(UploadId("x"))),
    ("delete_tag", Action.DELETE, lambda r: r.delete_tag(Tag("v1"))),
    ("delete_manifest", Action.DELETE, lambda r: r.delete_manifest(_DIGEST)),
    ("delete_blob", Action.DELETE, lambda r: r.delete_blob(_DIGEST)),
]
_each_step = pytest.mark.parametrize(
    ("action", "step"), [(action, step) for _, action, step in _STEPS], ids=[n for n, *_ in _STEPS]
)


@dataclass
class Grants:
    """Lets everybody do what is granted, and nothing else; remembers what it was asked."""

    granted: set[tuple[Action, RepositoryName | None]] = field(default_factory=set)
    asked: list[tuple[Principal, Action, RepositoryName | None]] = field(default_factory=list)

    def allows(
        self, principal: Principal, action: Action, repository: RepositoryName | None
    ) -> bool:
        """Whether it was granted."""
        self.asked.append((principal, action, repository))
        return (action, repository) in self.granted


@pytest.fixture
async def inner() -> AsyncIterator[LocalRegistry]:
    """What is guarded."""
    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(open_memory())
        metadata = await stack.enter_async_context(open_sqlite(None, grace=timedelta(hours=24)))
        yield LocalRegistry(blobs, metadata)


def _guarded(
    inner: Registry, policy: Policy, principal: Principal = ADA, name: RepositoryName = NAME
) -> Repository:
    return GuardedRegistry(inner, policy, Occasion(principal)).repository(name)


@_each_step
async def test_step_needs_its_own_permission(
    inner: LocalRegistry, action: Action, step: Callable[[Repository], Awaitable[object]]
) -> None:
    """Without it, who is known is denied, and the scope that is missing is named (trap T18)."""
    others = {(other, NAME) for other in Action if other is not action}
    policy = Grants(others | {(action, OTHER), (action, None)})

    with pytest.raises(Denied, match="ada") as caught:
        await step(_guarded(inner, policy))

    assert caught.value.scope == f"repository:{NAME}:{action.value}"
    assert policy.asked == [(ADA, action, NAME)]


@_each_step
async def test_step_of_somebody_unknown_asks_who_they_are(
    inner: LocalRegistry, action: Action, step: Callable[[Repository], Awaitable[object]]
) -> None:
    """They may have the permission, once they say their name."""
    with pytest.raises(Unauthorized) as caught:
        await step(_guarded(inner, Grants(), ANONYMOUS))

    assert caught.value.scope == f"repository:{NAME}:{action.value}"


@_each_step
async def test_step_of_somebody_with_too_few_rights_asks_for_more(
    inner: LocalRegistry, action: Action, step: Callable[[Repository], Awaitable[object]]
) -> None:
    """Clients fetch a wider token when they are not authorized, and give up when denied."""
    someone = Principal("ada", frozenset())

    with pytest.raises(Unauthorized) as caught:
        await step(_guarded(inner, Grants(), someone))

    assert caught.value.scope == f"repository:{NAME}:{action.value}"
    assert caught.value.reason == "insufficient_scope"


async def test_right_to_list_that_came_along_shows_the_whole_list(inner: LocalRegistry) -> None:
    """A token for the catalog names no repositories."""
    for name in (NAME, OTHER):
        await inner.repository(name).put_manifest(samples.index(), tags=[Tag("v1")])
    someone = Principal("ada", frozenset({CATALOG}))
    registry = GuardedRegistry(inner, Grants({(Action.PULL, None)}), Occasion(someone))

    page = await registry.repositories()

    assert set(page.items) == {NAME, OTHER}


@_each_step
async def test_step_passes_with_its_permission_alone(
    inner: LocalRegistry, action: Action, step: Callable[[Repository], Awaitable[object]]
) -> None:
    """Nothing else is asked for, and what then goes wrong is about content."""
    failure: RegistryError | None = None

    try:
        await step(_guarded(inner, Grants({(action, NAME)})))
    except RegistryError as error:
        failure = error

    assert not isinstance(failure, Denied | Unauthorized)


async def test_upload_can_be_cancelled_by_who_may_push(inner: LocalRegistry) -> None:
    """Podman cancels after a mount that did not succeed; that is no deletion (trap T49)."""
    repository = _guarded(inner, Grants({(Action.PUSH, NAME)}))
    upload = await repository.start_upload()
    await upload.aclose()

    await (await repository.resume_upload(upload.id)).cancel()

    with pytest.raises(UploadUnknown):
        await repository.resume_upload(upload.id)


async def test_blob_is_mounted_from_where_the_caller_may_pull(inner: LocalRegistry) -> None:
    """Pushing here and pulling there is all it takes."""
    pushed = await samples.put_blob(inner.repository(OTHER), b"shared")
    repository = _guarded(inner, Grants({(Action.PUSH, NAME), (Action.PULL, OTHER)}))

    assert await repository.mount_blob(pushed.digest, OTHER)


@pytest.mark.parametrize("source", [OTHER, None])
async def test_blob_is_not_mounted_from_where_the_caller_may_not_pull(
    inner: LocalRegistry, source: RepositoryName | None
) -> None:
    """It looks as if the blob were nowhere: no error, no hint that it exists (R35, trap T31)."""
    pushed = await samples.put_blob(inner.repository(OTHER), b"secret")
    policy = Grants({(Action.PUSH, NAME), (Action.PULL, NAME)})

    assert not await _guarded(inner, policy).mount_blob(pushed.digest, source)


async def test_blob_is_found_among_holders_that_the_caller_may_not_see(
    inner: LocalRegistry,
) -> None:
    """Without a source, one holder that may be pulled from is enough (R35)."""
    for name in ("hidden/1", "hidden/2", OTHER, "zzz/hidden"):
        pushed = await samples.put_blob(inner.repository(RepositoryName(name)), b"shared")
    policy = Grants({(Action.PUSH, NAME), (Action.PULL, OTHER)})

    assert await _guarded(inner, policy).mount_blob(pushed.digest, None)


@pytest.mark.parametrize(("may_pull", "mounted"), [(True, True), (False, False)])
async def test_blob_that_is_here_is_told_only_to_who_may_pull(
    inner: LocalRegistry, may_pull: bool, mounted: bool
) -> None:
    """A mount must not tell what a HEAD would not."""
    pushed = await samples.put_blob(inner.repository(NAME), b"here")
    policy = Grants({(Action.PUSH, NAME)} | ({(Action.PULL, NAME)} if may_pull else set()))

    assert await _guarded(inner, policy).mount_blob(pushed.digest, OTHER) is mounted
    assert await _guarded(inner, policy).mount_blob(pushed.digest, None) is mounted


async def test_mount_is_done_in_the_name_of_the_caller(inner: LocalRegistry) -> None:
    """What is committed carries who asked, since the guard passes the occasion on."""
    faults = Faults()
    guarded = GuardedRegistry(faulty(inner, faults), Grants(), Occasion(ADA))

    guarded.repository(NAME)

    assert faults.calls == ["acting_for"]
    assert isinstance(guarded.acting_for(Occasion()), GuardedRegistry)


@pytest.mark.parametrize(("principal", "error"), [(ADA, Denied), (ANONYMOUS, Unauthorized)])
async def test_registry_as_a_whole_is_guarded(
    inner: LocalRegistry, principal: Principal, error: type[RegistryError]
) -> None:
    """Listing repositories and deleting one each need their permission."""
    registry = GuardedRegistry(inner, Grants({(Action.PULL, NAME)}), Occasion(principal))

    with pytest.raises(error) as listing:
        await registry.repositories()
    with pytest.raises(error) as deleting:
        await registry.delete(NAME)

    assert isinstance(listing.value, Denied | Unauthorized)
    assert listing.value.scope == "registry:catalog:*"
    assert isinstance(deleting.value, Denied | Unauthorized)
    assert deleting.value.scope == f"repository:{NAME}:delete"


@pytest.mark.parametrize(
    "other",
    [
        Principal("bob"),
        Principal("ada", frozenset()),
        Principal("ada", frozenset({Access("repository", OTHER, "pull")})),
        Principal("ada", None, frozenset({("repository", "image")})),
    ],
)
async def test_whoever_reads_is_nobody_else(inner: LocalRegistry, other: Principal) -> None:
    """Rights are part of who they are: two tokens of one user are two readers."""
    policy = Grants()
    admit = guard.guarded(inner, policy)

    for principal in (ADA, other, ADA):
        with pytest.raises(RegistryError):
            await admit(Occasion(principal)).repository(NAME).tags()

    assert [principal for principal, *_ in policy.asked] == [ADA, other, ADA]
    assert admit(Occasion(ADA)) is admit(Occasion(Principal("ada")))


async def test_policy_may_change_its_mind_about_who_reads(inner: LocalRegistry) -> None:
    """It is asked at every step."""
    policy = Grants({(Action.PULL, NAME)})
    await samples.put_image(inner.repository(NAME))
    repository = guard.guarded(inner, policy)(Occasion(ADA)).repository(NAME)
    await repository.tags()

    policy.granted.clear()

    with pytest.raises(Denied):
        await repository.tags()


async def test_whoever_changes_something_is_let_in_anew_each_time(
    inner: LocalRegistry,
) -> None:
    """Facts are kept with it, and those of one request are not those of the next."""
    faults = Faults()
    admit = guard.guarded(faulty(inner, faults), Grants())

    for number in range(2):
        admit(Occasion(ADA, {"request": str(number)}))

    assert faults.calls == ["acting_for", "acting_for"]


async def test_repository_is_deleted_by_who_may(inner: LocalRegistry) -> None:
    """The permission is the one to delete, for that repository."""
    await samples.put_image(inner.repository(NAME))
    registry = GuardedRegistry(inner, Grants({(Action.DELETE, NAME)}), Occasion(ADA))

    await registry.delete(NAME)

    assert list((await inner.repositories()).items) == []


@pytest.mark.parametrize("scanned", [1, 5, 1000])
async def test_repositories_are_listed_as_far_as_the_caller_may_pull(
    inner: LocalRegistry, monkeypatch: pytest.MonkeyPatch, scanned: int
) -> None:
    """Pages are full, and `more` is about what the caller may see, however many steps it takes."""
    monkeypatch.setattr(guard, "_SCANNED", scanned)
    names = [RepositoryName(f"r{number:02}") for number in range(30)]
    for name in names:
        await samples.put_image(inner.repository(name))
    seen = names[3::7]  # 4 of them: r03 r10 r17 r24
    policy = Grants({(Action.PULL, None)} | {(Action.PULL, name) for name in seen})
    registry = GuardedRegistry(inner, policy, Occasion(ADA))

    first = await registry.repositories(limit=3)
    second = await registry.repositories(after=first.items[-1], limit=3)
    whole = await registry.repositories(limit=4)
    none = await registry.repositories(limit=0)

    assert (list(first.items), first.more) == (seen[:3], True)
    assert (list(second.items), second.more) == (seen[3:], False)
    assert (list(whole.items), whole.more) == (seen, False)
    assert (list(none.items), none.more) == ([], False)


async def test_who_may_pull_nothing_sees_an_empty_list(inner: LocalRegistry) -> None:
    """The list of repositories is read in large steps after the first, and tells nothing."""
    for number in range(9):
        await samples.put_image(inner.repository(RepositoryName(f"r{number}")))
    faults = Faults()
    policy = Grants({(Action.PULL, None)})
    registry = GuardedRegistry(inner, policy, Occasion(ADA))
    registry._inner = faulty(registry._inner, faults)

    page = await registry.repositories(limit=1)

    assert (list(page.items), page.more) == ([], False)
    assert faults.calls == ["repositories"] * 2


async def test_holders_are_those_that_the_caller_may_pull_from(inner: LocalRegistry) -> None:
    """Others are left out, as if they did not have the blob."""
    for name in (NAME, OTHER):
        pushed = await samples.put_blob(inner.repository(name), b"shared")
    registry = GuardedRegistry(inner, Grants({(Action.PULL, OTHER)}), Occasion(ADA))

    assert list(await registry.holders(pushed.digest)) == [OTHER]

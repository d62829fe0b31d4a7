"""The promises of a repository, held by layouts, and what each kind of them cannot keep.

Every promise that a format breaks is in a table here, with the error that it is broken by.
"""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from lading.errors import LadingError, Unsupported
from lading.interfaces.repository import Registry
from lading.layout.archive import open_archive
from lading.layout.directory import open_layout
from lading.layout.docker_archive import open_docker_archive
from lading.testing.places import NAME
from lading.testing.repository import RepositoryContract

Suite = TypeVar("Suite", bound=type[RepositoryContract])

ONE_REPOSITORY = {
    # A layout is one repository: there is no second one to put anything into.
    "test_blob_of_another_repository_stays_unknown",
    "test_content_of_another_repository_does_not_count",
    "test_mounted_blob_is_readable_and_stays",
    "test_announced_blob_of_another_repository_is_readable",
    "test_source_without_the_blob_does_not_give_it",
    "test_referrers_are_those_of_this_repository",
    "test_deleted_blob_is_gone_here_only",
    "test_repositories_come_in_byte_order_and_in_pages",
    "test_deleted_repository_takes_everything_in_it",
    "test_holders_of_a_blob_are_found",
}

ONE_PLATFORM = {
    # Docker archives hold whole images of one platform each: no indexes, no artifacts, nothing
    # that is about something else, and no layers that have to be fetched from elsewhere.
    "test_receipt_says_what_became_of_the_push",
    "test_sparse_manifest_is_taken_when_asked_for",
    "test_index_needs_its_manifests",
    "test_index_may_list_blobs",
    "test_layer_that_may_not_be_distributed_need_not_be_here",
    "test_manifest_without_content_is_taken",
    "test_referrers_are_listed_as_the_spec_describes_them",
    "test_referrers_can_be_filtered",
    "test_referrers_may_come_before_their_subject",
    "test_referrers_go_on_after_a_digest",
    "test_deleted_referrer_is_not_listed",
}


def breaks(promises: Iterable[str], error: type[LadingError]) -> Callable[[Suite], Suite]:
    """Let a suite assert that each of *promises* is broken, and by nothing but *error*."""

    def changed(suite: Suite) -> Suite:
        for name in sorted(promises):  # a set is in another order in each process
            setattr(suite, name, _broken(getattr(suite, name), error))
        return suite

    return changed


def _broken(
    promise: Callable[..., Awaitable[None]], error: type[LadingError]
) -> Callable[..., Awaitable[None]]:
    @functools.wraps(promise)
    async def broken(*args: Any, **kwargs: Any) -> None:
        with pytest.raises(error):
            await promise(*args, **kwargs)

    return broken


@breaks(ONE_REPOSITORY, Unsupported)
class TestDirectory(RepositoryContract):
    """An image layout in a directory."""

    @pytest.fixture
    async def registry(self, tmp_path: Path) -> AsyncIterator[Registry]:
        """An empty layout."""
        async with open_layout(tmp_path / "layout", create=True, name=NAME) as registry:
            yield registry


@breaks(ONE_REPOSITORY, Unsupported)
class TestDurableDirectory(RepositoryContract):
    """The same, with everything on disk before it is said to be there."""

    @pytest.fixture
    async def registry(self, tmp_path: Path) -> AsyncIterator[Registry]:
        """An empty layout."""
        layout = tmp_path / "layout"
        async with open_layout(layout, create=True, name=NAME, durable=True) as registry:
            yield registry


@breaks(ONE_REPOSITORY, Unsupported)
class TestArchive(RepositoryContract):
    """An archive of a layout, while it is being written."""

    @pytest.fixture
    async def registry(self, tmp_path: Path) -> AsyncIterator[Registry]:
        """A new archive."""
        async with open_archive(tmp_path / "image.tar", write=True, name=NAME) as registry:
            yield registry


@breaks(ONE_REPOSITORY | ONE_PLATFORM, Unsupported)
class TestDockerArchive(RepositoryContract):
    """An archive for docker, while it is being written."""

    @pytest.fixture
    async def registry(self, tmp_path: Path) -> AsyncIterator[Registry]:
        """A new archive."""
        file = tmp_path / "image.tar"
        async with open_docker_archive(file, write=True, name=NAME, image="app") as registry:
            yield registry

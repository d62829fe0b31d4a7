"""The promises of a repository, held by our client against Distribution 3.1.1.

What that one lacks is listed, with the reason. A test that is listed has to fail, and in the way
that the list says: the day it passes, the list is wrong, and the test fails for that.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

import pytest

from lading.client.connections.transport import open_transport
from lading.errors import DigestInvalid, ManifestBlobUnknown, Unsupported
from lading.interfaces.repository import Registry
from tests.contracts.remotes import RemoteContract, apart, remote
from tests.peers.servers import Server, distribution


@dataclass(frozen=True, slots=True)
class Lack:
    """Why a promise is not kept, and what happens in place of it."""

    reason: str
    raises: type[BaseException] = AssertionError


_ONLY_SHA256 = Lack("manifests are known by their sha256 alone", DigestInvalid)
_NEEDS_URLS = Lack("a layer that may be missing has to say where it is", ManifestBlobUnknown)
_NO_REMOVAL = Lack("a repository cannot be deleted as a whole", Unsupported)

LACKING: Mapping[str, Lack] = {
    "test_manifest_keeps_the_digest_it_was_pushed_by[sha384]": _ONLY_SHA256,
    "test_manifest_keeps_the_digest_it_was_pushed_by[sha512]": _ONLY_SHA256,
    "test_layer_that_may_not_be_distributed_need_not_be_here": _NEEDS_URLS,
    "test_index_may_list_blobs": Lack(
        "everything that an index lists has to be a manifest", ManifestBlobUnknown
    ),
    "test_mounted_blob_is_readable_and_stays[False]": Lack(
        "a blob is mounted only from a repository that is named"
    ),
    "test_blob_in_use_is_not_deleted": Lack(
        "blobs are deleted from under the manifests that name them", pytest.fail.Exception
    ),
    "test_page_that_ends_with_the_list_has_no_more": Lack(
        "a full page promises another one, which may be empty"
    ),
    "test_repositories_come_in_byte_order_and_in_pages": Lack(
        "the catalog is in the order of the directories, a/b before a-b"
    ),
    "test_deleted_repository_takes_everything_in_it": _NO_REMOVAL,
    "test_deleted_repository_can_be_pushed_to_again": _NO_REMOVAL,
}
"""By the name of the test, with its parameters where it is only about some of them."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Distribution, with deletes allowed."""
    with distribution(tmp_path_factory.mktemp("distribution")) as server:
        yield server


class TestDistribution(RemoteContract):
    """Our client, and the server that most registries descend from."""

    @pytest.fixture(autouse=True)
    def lacking(self, request: pytest.FixtureRequest) -> None:
        """A test that is listed has to fail."""
        name = request.node.name
        lack = LACKING.get(name) or LACKING.get(name.partition("[")[0])
        if lack is not None:
            request.applymarker(
                pytest.mark.xfail(reason=lack.reason, raises=lack.raises, strict=True)
            )

    @pytest.fixture
    async def registry(self, server: Server) -> AsyncIterator[Registry]:
        """A part of the server that no other test uses."""
        async with open_transport() as transport:
            yield apart(remote(transport, server.url))


def test_only_tests_of_the_contract_are_listed() -> None:
    """A test that was renamed has to be renamed in the list as well."""
    names = {each.partition("[")[0] for each in LACKING}

    assert names <= set(dir(RemoteContract))

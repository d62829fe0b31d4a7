"""The whole registry, put together, without a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lading.app import wiring
from lading.app.config.content import CollectorConfig, ManifestsConfig, UploadsConfig
from lading.app.config.doors import HttpConfig
from lading.app.config.tree import Config
from lading.app.config.watching import LogConfig
from lading.app.directory import prepare
from lading.app.stores import open_stores
from lading.app.wiring import connections, open_registry, running
from lading.bodies import Bytes, Held
from lading.errors import StorageUnfit, Unsupported, UploadUnknown
from lading.interfaces.blobs import UploadId
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName
from lading.storage.writer import MOST_POURED
from lading.wire.message import Handler, Request, Response

NAME = RepositoryName.parse("team/app")
DATA = b"some content"
DIGEST = Digest.of(DATA)
PUSH = f"digest={DIGEST}"


@asynccontextmanager
async def server(root: Path, **settings: Any) -> AsyncIterator[Handler]:
    """What one worker would run on *root*."""
    prepare(root)
    config = Config(root=root, log=LogConfig(access=False), **settings)
    async with running(config) as handler:
        yield handler


async def test_embedded_registry_in_memory_takes_and_gives() -> None:
    """Without a directory, everything is in memory, and nothing has to be set up."""
    async with open_registry() as registry:
        repository = registry.repository(NAME)
        upload = await repository.start_upload()
        await upload.write(Bytes(DATA))
        await upload.commit(DIGEST)

        assert (await repository.stat_blob(DIGEST)).size == len(DATA)


async def test_embedded_registry_finds_its_content_again(tmp_path: Path) -> None:
    """With a directory, content outlives the program."""
    async with open_registry(tmp_path / "new") as registry:
        upload = await registry.repository(NAME).start_upload()
        await upload.write(Bytes(DATA))
        await upload.commit(DIGEST)

    async with open_registry(tmp_path / "new", read_only=True) as registry:
        content = await registry.repository(NAME).open_blob(DIGEST)
        assert isinstance(content, Held)
        assert content.data == DATA
        with pytest.raises(Unsupported):
            await registry.repository(NAME).start_upload()


async def test_registry_of_a_worker_takes_and_gives(tmp_path: Path) -> None:
    """A blob that is pushed by one request is read by the next."""
    async with server(tmp_path) as handle:
        pushed = await handle(Request("POST", f"/v2/{NAME}/blobs/uploads/", PUSH, body=Bytes(DATA)))
        pulled = await handle(Request("GET", f"/v2/{NAME}/blobs/{DIGEST}"))

        assert (pushed.status, pulled.status) == (201, 200)


async def test_two_workers_share_what_is_pushed(tmp_path: Path) -> None:
    """What one answered with 201, the other has."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(server(tmp_path))
        other = await stack.enter_async_context(server(tmp_path))
        await one(Request("POST", f"/v2/{NAME}/blobs/uploads/", PUSH, body=Bytes(DATA)))

        assert (await other(Request("HEAD", f"/v2/{NAME}/blobs/{DIGEST}"))).status == 200


async def test_every_answer_has_an_id(tmp_path: Path) -> None:
    """Whoever asks for help can say which request it was."""
    async with server(tmp_path) as handle:
        answer = await handle(Request("GET", "/v2/"))

        assert dict(answer.headers)["X-Request-Id"]


async def test_server_is_ready_when_it_reaches_its_stores(tmp_path: Path) -> None:
    """``/readyz`` asks both stores."""
    async with server(tmp_path) as handle:
        assert (await handle(Request("GET", "/readyz"))).status == 200


async def test_read_only_server_refuses_uploads(tmp_path: Path) -> None:
    """The rule holds whatever the policy allows."""
    async with server(tmp_path, read_only=True) as handle:
        answer = await handle(Request("POST", f"/v2/{NAME}/blobs/uploads/"))

        assert answer.status == 405


@pytest.mark.parametrize(("missing", "status"), [("refuse", 400), ("allow", 201)])
async def test_sparse_images_are_taken_where_that_is_configured(
    tmp_path: Path, missing: str, status: int
) -> None:
    """A manifest whose content is missing is refused unless the operator allows it."""
    manifest = (
        '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",'
        ' "config": {"mediaType": "application/vnd.oci.image.config.v1+json",'
        f' "digest": "{DIGEST}", "size": {len(DATA)}}}, "layers": []}}'
    ).encode()
    headers = [(b"content-type", b"application/vnd.oci.image.manifest.v1+json")]

    async with server(tmp_path, manifests=ManifestsConfig(missing=missing)) as handle:
        request = Request("PUT", f"/v2/{NAME}/manifests/v1", body=Bytes(manifest))
        request.headers.raw = headers
        answer = await handle(request)

        assert answer.status == status


async def test_collection_can_be_left_to_the_operator(tmp_path: Path) -> None:
    """Without a period nothing runs in the background, and the server still ends."""
    async with server(tmp_path, collector=CollectorConfig(every=None)) as handle:
        assert (await handle(Request("GET", "/healthz"))).status == 200


async def test_uploads_are_purged_at_their_own_interval(tmp_path: Path) -> None:
    """Also where collection is left to the operator."""
    prepare(tmp_path)
    config = Config(
        root=tmp_path,
        collector=CollectorConfig(every=None),
        uploads=UploadsConfig(expiry=timedelta(0), purge_every=timedelta(milliseconds=20)),
    )
    async with open_stores(tmp_path) as stores:
        await (await stores.blobs.create(UploadId("idle"))).aclose()

        async with asyncio.timeout(10), running(config):
            while await stores.blobs.count_uploads():
                await asyncio.sleep(0.01)

        with pytest.raises(UploadUnknown):
            await stores.blobs.resume(UploadId("idle"))


async def test_stores_are_not_made_of_a_mistyped_path(tmp_path: Path) -> None:
    """A command on a directory that holds no registry says so, and makes none."""
    with pytest.raises(StorageUnfit, match="there is no registry in"):
        async with open_stores(tmp_path / "typo"):
            pass

    assert not (tmp_path / "typo").exists()


async def _nobody(request: Request) -> Response:
    raise AssertionError(request.path)


@pytest.mark.parametrize(
    ("in_memory", "said", "lane_from"),
    [
        (False, 1000, 1000),
        (True, 1000, MOST_POURED + 1),
        (True, 5 << 20, 5 << 20),
        (True, None, None),
    ],
)
async def test_bodies_that_are_poured_take_no_lane(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_memory: bool,
    said: int | None,
    lane_from: int | None,
) -> None:
    """Where a store has no disk; elsewhere the lane begins where the configuration says."""
    monkeypatch.setattr(wiring, "is_diskless", lambda root: in_memory and root == tmp_path)
    config = Config(root=tmp_path, http=HttpConfig(lane_from=said))

    async with connections(config, _nobody) as found:
        assert found.bounds.lane_from == lane_from

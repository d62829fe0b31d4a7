"""What is done to the stores is what the configuration says."""

from datetime import timedelta
from pathlib import Path

import pytest

from lading.app.config.content import UploadsConfig
from lading.app.config.tree import Config
from lading.app.directory import prepare
from lading.app.stores import open_stores, sweep, utc_now
from lading.interfaces.blobs import UploadId

AT_ONCE = timedelta(0)


@pytest.mark.parametrize(
    ("uploads", "expired", "left"),
    [
        (UploadsConfig(expiry=AT_ONCE), 1, 0),
        (UploadsConfig(expiry=AT_ONCE, purge=False), 0, 1),
        (UploadsConfig(expiry=AT_ONCE, purge_dry_run=True), 0, 1),
    ],
    ids=["purge", "keep", "tell"],
)
async def test_idle_uploads_go_as_configured(
    tmp_path: Path, uploads: UploadsConfig, expired: int, left: int
) -> None:
    """They may be purged, kept, or only be told of."""
    prepare(tmp_path)
    config = Config(root=tmp_path, uploads=uploads)
    async with open_stores(tmp_path) as stores:
        await (await stores.blobs.create(UploadId("idle"))).aclose()

        tally = await sweep(config, stores, grace=AT_ONCE, now=utc_now).uploads()

        assert tally.uploads == expired
        assert len(list((tmp_path / "uploads").iterdir())) == left


async def test_uploads_stay_where_they_are_purged_at_an_interval_of_their_own(
    tmp_path: Path,
) -> None:
    """Collection comes more often, and leaves them alone."""
    prepare(tmp_path)
    config = Config(root=tmp_path, uploads=UploadsConfig(expiry=AT_ONCE))
    async with open_stores(tmp_path) as stores:
        await (await stores.blobs.create(UploadId("idle"))).aclose()

        await sweep(config, stores, grace=AT_ONCE, now=utc_now, purging=False).uploads()

        assert await stores.blobs.count_uploads() == 1

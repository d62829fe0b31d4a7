"""A data directory with a past, and a registry with content, for commands that look at them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lading.app.directory import prepare
from lading.app.stand_in import StandIn
from lading.app.stores import Stores, open_stores
from lading.fixtures import new_oci_registry, oci_registry
from lading.interfaces.repository import Repository
from lading.oci.names import RepositoryName
from lading.registry.registry import LocalRegistry
from lading.testing import samples
from tests.unit.cli.shelf import Shelf, filled

__all__ = ["new_oci_registry", "oci_registry"]

Work = Callable[[Stores, Repository], Awaitable[None]]
APP = RepositoryName("team/app")


def within(root: Path, work: Work) -> None:
    """Do *work* to the registry in *root*, as a server does, and close it again."""

    async def run() -> None:
        async with open_stores(root) as stores:
            await work(stores, LocalRegistry(stores.blobs, stores.metadata).repository(APP))

    asyncio.run(run())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data directory with one tagged image, one untagged image and one abandoned blob."""
    path = tmp_path / "data"
    prepare(path)

    async def fill(_: Stores, repository: Repository) -> None:
        await samples.put_image(repository, samples.image("tagged"), tags=["v1"])
        await samples.put_image(repository, samples.image("untagged"))
        await samples.put_blob(repository, samples.blob(seed="abandoned"))

    within(path, fill)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and a home without logins."""
    home, work = tmp_path / "home", tmp_path / "work"
    for folder in (home, work):
        folder.mkdir()
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DOCKER_CONFIG", str(home / ".docker"))
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def shelf(oci_registry: StandIn, here: Path, tmp_path: Path) -> Shelf:
    """A registry that listens and has something of everything."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "notes.txt").write_text("some notes\n")
    (files / "sbom.json").write_text("{}\n")
    return filled(oci_registry, files)

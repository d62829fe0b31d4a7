"""One real server, one real root file system, and each client with folders of its own."""

import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import engine
from tests.interop.commands import Program
from tests.interop.images import Layout, extract, make_layout
from tests.interop.stores import Store
from tests.peers.debian import root_file_system
from tests.peers.programs import program
from tests.peers.servers import Server, distribution, lading


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--server distribution`` shows what a client does with another registry."""
    parser.addoption("--server", choices=["lading", "distribution"], default="lading")


@pytest.fixture(scope="session")
def workspace() -> Iterator[Path]:
    """A folder on disk for everything that the run makes; short, for the sake of sockets."""
    # podman makes a repository name of the path, so it holds nothing but letters and digits.
    folder = Path(tempfile.gettempdir()) / f"lading-interop-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def registry(workspace: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """The running registry."""
    make = {"lading": lading, "distribution": distribution}[request.config.getoption("--server")]
    with make(workspace / "server") as server:
        yield server


@pytest.fixture(scope="session")
def debian() -> Path:
    """A tar archive of a Debian root file system."""
    return root_file_system()


@pytest.fixture(scope="session")
def image(workspace: Path, debian: Path) -> Layout:
    """A Debian image of two layers in an OCI layout."""
    return make_layout(workspace / "image", debian, note="first image")


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    """A repository name that no other test uses."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"{request.module.__name__.rpartition('.')[2].removeprefix('test_')}/{words}"


@pytest.fixture
def target(registry: Server, repository: str) -> str:
    """The full name, without a tag, of a repository that no other test uses."""
    return f"{registry.address}/{repository}"


@pytest.fixture(scope="session")
def home(workspace: Path) -> dict[str, str]:
    """An environment in which no client finds the credentials or settings of a person."""
    folder = workspace / "home"
    folder.mkdir()
    (folder / "auth.json").write_text("{}")
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "DOCKER_CONFIG")
    return {**dict.fromkeys(names, str(folder)), "REGISTRY_AUTH_FILE": str(folder / "auth.json")}


@pytest.fixture(scope="session")
def crane(home: dict[str, str]) -> Program:
    """Crane."""
    return Program(program("crane"), ("--insecure",), home)


@pytest.fixture(scope="session")
def oras(home: dict[str, str]) -> Program:
    """Oras."""
    return Program(program("oras"), (), home)


@pytest.fixture(scope="session")
def regctl(home: dict[str, str], registry: Server) -> Program:
    """Regctl."""
    return Program(program("regctl"), ("--host", f"reg={registry.address},tls=disabled"), home)


@pytest.fixture(scope="session")
def skopeo(home: dict[str, str], workspace: Path) -> Program:
    """skopeo, which trusts every image."""
    policy = workspace / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    return Program(program("skopeo"), ("--policy", str(policy)), home)


@pytest.fixture(scope="session")
def docker(workspace: Path, home: dict[str, str]) -> Iterator[Program]:
    """The command line of a docker engine that nobody else uses."""
    with engine.running(workspace / "docker", home) as client:
        yield client


@pytest.fixture(scope="session")
def ours(home: dict[str, str]) -> Program:
    """Lading's own command line."""
    return Program(Path(sys.executable).parent / "lading", (), home)


@pytest.fixture(scope="session")
def old_registry(workspace: Path) -> Iterator[Server]:
    """Distribution 3.1.1, which has no referrers API."""
    with distribution(workspace / "old") as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def _root_is_needed() -> None:
    if os.geteuid() != 0:
        pytest.exit("container engines are started here: run this as root", returncode=2)


@pytest.fixture
def stores(home: dict[str, str]) -> Iterator[tuple[Store, Store]]:
    """Two stores: one to push from, and one to pull into."""
    # podman refuses a run root of more than fifty characters.
    folder = Path(tempfile.mkdtemp(prefix="lading-"))
    made = (Store(folder / "a", home), Store(folder / "b", home))
    yield made
    for store in made:
        store.remove()
    folder.rmdir()


@pytest.fixture
def unseen(debian: Path, tmp_path: Path) -> Layout:
    """Debian's programs in layers that no client has met: they remember compressed variants."""
    root = tmp_path / "root.tar"
    extract(debian, root, prefixes=("usr/bin/", "usr/sbin/", "etc/"), noise=os.urandom(1 << 16))
    return make_layout(tmp_path / "layout", root, note="unseen")

"""Who may do what where: every way to log in, every role, every client that logs in."""

import io
import itertools
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import bcrypt
import pytest

from tests.interop.commands import CommandFailed, Program
from tests.interop.stores import INSECURE, Store
from tests.peers.issuer import Issuer, issuing
from tests.peers.servers import Server, lading

PASSWORDS = {"owner": "owner's secret", "reader": "reader's secret", "stranger": "a secret"}
ROLES = (*PASSWORDS, "anonymous", "mistaken")
REPOSITORIES = ("team/app", "public/app")
ACTIONS = {
    "docker": ("pull", "push"),
    "podman": ("pull", "push"),
    "crane": ("pull", "push", "delete"),
    "oras": ("pull", "push", "delete"),
}
MATRIX = [
    pytest.param(client, role, repository, action, id=f"{client}-{role}-{repository}-{action}")
    for client, actions in ACTIONS.items()
    for role, repository, action in itertools.product(ROLES, REPOSITORIES, actions)
]
"""``mistaken`` is the owner with another password."""


def granted(user: str, repository: str, action: str) -> bool:
    """What the issuer of tokens allows to whom."""
    match user:
        case "owner":
            return True
        case "reader":
            return action == "pull"
        case _:
            return action == "pull" and repository.startswith("public/")


@dataclass(frozen=True)
class Guarded:
    """A registry that asks who comes in, and what it then allows."""

    method: str
    server: Server

    @property
    def host(self) -> str:
        """Its name: clients go for tokens to this machine only if they asked by that name."""
        return f"localhost:{self.server.port}"

    def allows(self, role: str, repository: str, action: str) -> bool:
        """Whether *role* may do *action* in *repository*."""
        if self.method == "htpasswd":
            return role in PASSWORDS
        return role != "mistaken" and granted(role, repository, action)


@pytest.fixture(scope="session", params=["htpasswd", "token"])
def guarded(request: pytest.FixtureRequest, workspace: Path) -> Iterator[Guarded]:
    """A registry with users in a file, and one with tokens of an issuer."""
    method: str = request.param
    folder = workspace / f"auth-{method}"
    server = lading(folder, workers=2)
    settings = {"LADING__AUTH__METHOD": method}
    with issuing(Issuer(PASSWORDS, granted)) as issuer:
        if method == "htpasswd":
            file = folder / "htpasswd"
            file.write_bytes(b"".join(map(_line, PASSWORDS.items())))
            settings["LADING__AUTH__HTPASSWD__PATH"] = str(file)
        else:
            (folder / "keys.json").write_text(issuer.keys)
            settings["LADING__AUTH__TOKEN__REALM"] = f"{issuer.url}/token"
            settings["LADING__AUTH__TOKEN__SERVICE"] = "lading"
            settings["LADING__AUTH__TOKEN__ISSUER"] = issuer.name
            settings["LADING__AUTH__TOKEN__KEYS"] = str(folder / "keys.json")
        with replace(server, environment=settings) as running:
            yield Guarded(method, running)


def _line(user: tuple[str, str]) -> bytes:
    hashed = bcrypt.hashpw(user[1].encode(), bcrypt.gensalt(5))
    return user[0].encode() + b":" + hashed + b"\n"


@pytest.fixture(scope="session")
def archive(workspace: Path) -> Path:
    """A root file system with one small file."""
    path = workspace / "small.tar"
    with tarfile.open(path, "w") as packed:
        entry = tarfile.TarInfo("note.txt")
        entry.size = 4
        packed.addfile(entry, io.BytesIO(b"note"))
    return path


@pytest.fixture(scope="session")
def small_store(home: dict[str, str]) -> Iterator[Store]:
    """What podman keeps its images in."""
    # podman refuses a run root of more than fifty characters.
    folder = Path(tempfile.mkdtemp(prefix="lading-"))
    store = Store(folder / "a", home)
    yield store
    store.remove()
    folder.rmdir()


class Client:
    """A program that somebody logs in with, and that keeps their login where no other looks."""

    def __init__(self, program: Program, login: Path, host: str) -> None:
        login.mkdir(parents=True, exist_ok=True)
        (login / "auth.json").write_text("{}")
        own = {
            "HOME": str(login),
            "DOCKER_CONFIG": str(login),
            "REGISTRY_AUTH_FILE": str(login / "auth.json"),
        }
        self.program = replace(program, environment={**program.environment, **own})
        self.host = host

    def login(self, user: str, password: str) -> None:
        """Keep the login, after a look whether it is good if the program does that."""
        words = {
            "docker": ("login",),
            "podman": ("login", INSECURE),
            "crane": ("auth", "login"),
            "oras": ("login", "--plain-http"),
        }[self.name]
        self.program.run(*words, "-u", user, "-p", password, self.host)

    def local(self, archive: Path) -> None:
        """Have something that can be pushed."""
        if self.name in {"docker", "podman"}:
            self.program.run("import", archive, "lading-auth-test:v1")

    def pull(self, name: str, folder: Path) -> None:
        """Bring an image here that is not here."""
        match self.name:
            case "docker":
                self.program.run("pull", name)
                self.program.run("image", "rm", name)
            case "podman":
                self.program.run("pull", INSECURE, name)
                self.program.run("rmi", name)
            case "crane":
                self.program.run("pull", name, folder / "image.tar")
            case _:
                self.program.run("manifest", "fetch", "--plain-http", name)

    def push(self, name: str, archive: Path) -> None:
        """Send something small."""
        match self.name:
            case "docker":
                self.program.run("tag", "lading-auth-test:v1", name)
                self.program.run("push", name)
            case "podman":
                self.program.run("push", INSECURE, "lading-auth-test:v1", name)
            case "crane":
                self.program.run("append", "--oci-empty-base", "-f", archive, "-t", name)
            case _:
                options = ("--plain-http", "--disable-path-validation", "--no-tty")
                self.program.run("push", *options, name, archive)

    def delete(self, name: str) -> None:
        """Take it out of the registry."""
        if self.name == "crane":
            self.program.run("delete", name)
        else:
            self.program.run("manifest", "delete", "--plain-http", "--force", name)

    @property
    def name(self) -> str:
        """Which program it is."""
        return self.program.path.name


@pytest.fixture
def client(
    request: pytest.FixtureRequest, small_store: Store, guarded: Guarded, tmp_path: Path
) -> Client:
    """The program that a row of the matrix names."""
    name: str = request.param
    program = small_store.podman if name == "podman" else request.getfixturevalue(name)
    return Client(program, tmp_path / "login", guarded.host)


@pytest.fixture
def keeper(crane: Program, guarded: Guarded, tmp_path: Path) -> Client:
    """The owner, who has put there what others pull or delete."""
    made = Client(crane, tmp_path / "keeper", guarded.host)
    made.login("owner", PASSWORDS["owner"])
    return made


@pytest.mark.parametrize(("client", "role", "repository", "action"), MATRIX, indirect=["client"])
def test_everybody_may_do_what_they_are_granted_and_nothing_else(
    client: Client,
    role: str,
    repository: str,
    action: str,
    guarded: Guarded,
    keeper: Client,
    archive: Path,
    tmp_path: Path,
) -> None:
    """Whoever they are, whatever they do it with, wherever that is."""
    base = f"{guarded.host}/{repository}"
    keeper.push(f"{base}:there", archive)
    digest = keeper.program.text("digest", f"{base}:there")
    client.local(archive)
    if role in PASSWORDS:
        client.login(role, PASSWORDS[role])
    elif role == "mistaken":
        try:
            client.login("owner", "another secret")
        except CommandFailed:
            assert client.name != "crane"

    failed = ""
    try:
        match action:
            case "pull":
                client.pull(f"{base}:there", tmp_path)
            case "push":
                client.push(f"{base}:{client.name}-{role}", archive)
            case _:
                client.delete(f"{base}@{digest}")
    except CommandFailed as error:
        failed = str(error)

    mistaken = role == "mistaken" and client.name != "crane" and guarded.method == "token"
    allowed = (
        granted("", repository, action) if mistaken else guarded.allows(role, repository, action)
    )
    assert bool(failed) is not allowed, failed
    tags = keeper.program.text("ls", base).split()
    if action == "push":
        assert (f"{client.name}-{role}" in tags) is allowed
    assert ("there" in tags) is not (allowed and action == "delete")


@pytest.mark.parametrize("client", ["docker", "podman", "oras"], indirect=True)
def test_wrong_password_is_told_when_logging_in(client: Client) -> None:
    """And not only at the first push."""
    with pytest.raises(CommandFailed, match=r"(?i)unauthorized|invalid|wrong"):
        client.login("owner", "another secret")


def test_catalog_needs_a_right_of_its_own(keeper: Client, guarded: Guarded) -> None:
    """Users in a file have it; the issuer of tokens gives it to nobody."""
    if guarded.method == "htpasswd":
        assert keeper.program.text("catalog", guarded.host) is not None
    else:
        assert "UNAUTHORIZED" in keeper.program.refusal("catalog", guarded.host)

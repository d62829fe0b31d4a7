"""The container image in the place of registry:2 and registry:3, under files that people have."""

import http.client
import json
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import bcrypt
import pytest

from tests.architecture.repository_files import ROOT
from tests.interop.commands import CommandFailed, Program
from tests.interop.engine import forget, inspect
from tests.peers.debian import python_file_system
from tests.peers.programs import program
from tests.peers.servers import free_port

FILES = Path(__file__).parent / "compose"
OURS = ROOT / "deploy/compose/compose.yml"
BUILD_SECONDS = 600.0
READY_WITHIN_SECONDS = 60.0
CONTEXT = ("LICENSE", "README.md", "constraints.txt", "pyproject.toml", ".dockerignore")
CONFIG = """\
version: 0.1
log: {fields: {service: registry}}
storage:
  cache: {blobdescriptor: inmemory}
  filesystem: {rootdirectory: /var/lib/registry}
  delete: {enabled: true}
http: {addr: ":5000", headers: {X-Content-Type-Options: [nosniff]}}
"""


@pytest.fixture(scope="module")
def stand_in(docker: Program, workspace: Path) -> str:
    """The image, built without a network: its base and all packages come from here."""
    context = workspace / "context"
    context.mkdir()
    for name in CONTEXT:
        shutil.copy(ROOT / name, context)
    shutil.copytree(ROOT / "src", context / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "deploy/image", context / "deploy/image")
    with (context / ".dockerignore").open("a") as ignored:
        ignored.write("!wheels\n")
    wheels: list[str | Path] = [
        "wheel",
        "-q",
        "-w",
        context / "wheels",
        "-c",
        context / "constraints.txt",
    ]
    patient = replace(Program(Path(sys.executable), ("-m", "pip")), timeout=BUILD_SECONDS)
    patient.run(*wheels, f"{context}[acme,tracing]", "hatchling")
    docker.run("import", python_file_system(), "python:made-here")
    arguments = {"BASE": "python:made-here", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/src/wheels"}
    replace(docker, timeout=BUILD_SECONDS).run(
        "build", "--network", "none", "--file", context / "deploy/image/Containerfile",
        *(word for pair in arguments.items() for word in ("--build-arg", "=".join(pair))),
        *("--tag", "lading", "--tag", "registry:2", "--tag", "registry:3", context),
    )  # fmt: skip
    return "lading"


@dataclass(frozen=True, slots=True)
class Started:
    """A registry that compose started: where it is, and its container."""

    address: str
    container: str


@contextmanager
def composed(file: Path, folder: Path, docker: Program) -> Iterator[Started]:
    """What *file* describes, in *folder*, on a port that is free."""
    port = free_port()
    text = file.read_text()
    bound = '"127.0.0.1:5000:5000"' if file == OURS else '"5000:5000"'
    assert bound in text
    # Everything else is taken as it is written.
    (folder / "compose.yml").write_text(text.replace(bound, f'"127.0.0.1:{port}:5000"'))
    where = {**docker.environment, "DOCKER_HOST": docker.options[1]}
    project = ("--file", str(folder / "compose.yml"), "--project-name", f"test{port}")
    compose = Program(program("docker-compose"), project, where)
    compose.run("up", "--detach", "--no-build")
    try:
        yield Started(f"127.0.0.1:{port}", compose.text("ps", "--quiet", "registry"))
    finally:
        compose.run("down", "--volumes")


def until(docker: Program, started: Started, words: Sequence[str]) -> None:
    """Wait until the command *words* succeeds in the container."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while True:
        try:
            docker.run("exec", started.container, *words)
        except CommandFailed as failure:
            if time.monotonic() > deadline:
                pytest.fail(f"{failure}\n{docker.text('logs', started.container)}")
            time.sleep(0.2)
        else:
            return


def is_served(docker: Program, started: Started) -> None:
    """Wait until the registry answers in its container; by the tool that health checks use."""
    until(docker, started, ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5000/readyz"])


def deleting(started: Started, repository: str) -> int:
    """What somebody is answered who deletes a manifest that is not there."""
    connection = http.client.HTTPConnection(started.address, timeout=60)
    try:
        connection.request("DELETE", f"/v2/{repository}/manifests/sha256:{'0' * 64}")
        return connection.getresponse().status
    finally:
        connection.close()


def prepare(folder: Path) -> None:
    """Lay down what the files of people mount."""
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(rounds=4)).decode()
    (folder / "auth").mkdir()
    (folder / "auth/registry.password").write_text(f"ann:{hashed}\n")
    (folder / "config.yml").write_text(CONFIG)


@pytest.fixture
def note(docker: Program, tmp_path: Path) -> str:
    """A small image in the engine."""
    (tmp_path / "note.txt").write_text("a note\n")
    archive = tmp_path / "note.tar"
    subprocess.run(["tar", "-C", tmp_path, "-cf", archive, "note.txt"], check=True)
    docker.run("import", archive, "note:made-here")
    return "note:made-here"


@pytest.mark.parametrize(
    "file", [*sorted(FILES.glob("*.yml")), OURS], ids=lambda file: f"{file.parent.name}-{file.stem}"
)
def test_a_compose_file_goes_on_working(
    file: Path, docker: Program, stand_in: str, note: str, tmp_path: Path
) -> None:
    """Nothing in it is changed: an image is pushed, removed, and pulled again."""
    assert stand_in
    prepare(tmp_path)
    made = inspect(docker, note).id
    with composed(file, tmp_path, docker) as started:
        is_served(docker, started)
        name = f"{started.address}/team/note:v1"
        docker.run("tag", note, name)
        if file.stem == "users":
            assert "no basic auth credentials" in docker.refusal("push", name)
            docker.run("login", "-u", "ann", "-p", "secret", started.address)

        docker.run("push", name)
        forget(docker, name, note)
        docker.run("pull", name)

        assert inspect(docker, name).id == made
        # All of them say so, each in its own way, and without that it would be 405.
        assert deleting(started, "team/note") == (401 if file.stem == "users" else 404)


@pytest.mark.parametrize("file", [FILES / "file.yml", FILES / "third.yml", OURS], ids=str)
def test_health_checks_find_it_well(
    file: Path, docker: Program, stand_in: str, tmp_path: Path
) -> None:
    """They are commands that run in the container, with a shell and without one."""
    assert stand_in
    prepare(tmp_path)
    with composed(file, tmp_path, docker) as started:
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        health = "starting"
        while health == "starting" and time.monotonic() < deadline:
            time.sleep(0.2)
            health = docker.text("inspect", "-f", "{{.State.Health.Status}}", started.container)

        assert health == "healthy"


def test_what_is_stored_has_the_modes_that_it_had(
    docker: Program, stand_in: str, note: str, tmp_path: Path
) -> None:
    """Backups and other readers of the volume see directories and files as under Distribution."""
    assert stand_in
    with composed(FILES / "plain.yml", tmp_path, docker) as started:
        is_served(docker, started)
        docker.run("tag", note, f"{started.address}/note")
        docker.run("push", f"{started.address}/note")

    stored = list((tmp_path / "data/docker").rglob("*"))
    assert {stat.S_IMODE(each.stat().st_mode) for each in stored if each.is_file()} == {0o644}
    assert {stat.S_IMODE(each.stat().st_mode) for each in stored if each.is_dir()} == {0o755}


def test_garbage_is_collected_beside_the_server(
    docker: Program, stand_in: str, note: str, tmp_path: Path
) -> None:
    """As people run it: what a tag named before goes, and what it names is served on."""
    assert stand_in
    (tmp_path / "other.txt").write_text("another note\n")
    archive = tmp_path / "other.tar"
    subprocess.run(["tar", "-C", tmp_path, "-cf", archive, "other.txt"], check=True)
    docker.run("import", archive, "other:made-here")
    with composed(FILES / "plain.yml", tmp_path, docker) as started:
        is_served(docker, started)
        name = f"{started.address}/team/note:v1"
        for each in (note, "other:made-here"):
            docker.run("tag", each, name)
            docker.run("push", name)
        blobs = tmp_path / "data/docker/registry/v2/blobs/sha256"
        before = {each.name for each in blobs.glob("*/*")}
        made = inspect(docker, name).id

        told = docker.text(
            *("exec", started.container, "registry", "garbage-collect", "-m"),
            "/etc/distribution/config.yml",
        )
        again = docker.text(
            *("exec", started.container, "bin/registry", "garbage-collect", "-q"),
            *("--delete-untagged=true", "/etc/docker/registry/config.yml"),
        )

        gone = before - {each.name for each in blobs.glob("*/*")}
        assert gone
        assert all(f"blob eligible for deletion: sha256:{each}" in told for each in gone)
        assert "\nteam/note: marking manifest sha256:" in told
        assert "manifest eligible for deletion: {team/note sha256:" in told
        assert again == ""
        forget(docker, name, "other:made-here")
        docker.run("pull", name)
        assert inspect(docker, name).id == made


def test_the_image_says_of_itself_what_the_others_say(docker: Program, stand_in: str) -> None:
    """Tools look at the port and at the volume, and people at the file."""
    (found,) = json.loads(docker.run("image", "inspect", stand_in))

    assert found["Config"]["ExposedPorts"] == {"5000/tcp": {}}
    assert found["Config"]["Volumes"] == {"/var/lib/registry": {}}
    assert found["Config"]["Entrypoint"] == ["/entrypoint.sh"]
    assert found["Config"]["Cmd"] == ["/etc/distribution/config.yml"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--version"], "lading"),
        (["registry", "--version"], "lading"),
        (["/bin/registry", "--version"], "lading"),
        (["help"], "garbage-collect"),
        (["sh", "-c", "cat /etc/docker/registry/config.yml"], "rootdirectory: /var/lib/registry"),
        (["cat", "/etc/distribution/config.yml"], "rootdirectory: /var/lib/registry"),
        (["lading", "--version"], "lading"),
    ],
    ids=str,
)
def test_the_entry_point_takes_commands_too(
    docker: Program, stand_in: str, words: list[str], told: str
) -> None:
    """Of the registry, and any other that is in the image."""
    assert told in docker.text("run", "--rm", "--network", "none", stand_in, *words)


def test_its_own_file_deletes_nothing(docker: Program, stand_in: str) -> None:
    """As that of the others: who wants deletes says so."""
    text = docker.text("run", "--rm", "--network", "none", stand_in, "lading", "config", "show",
                       "/etc/distribution/config.yml")  # fmt: skip

    assert "deletes: false" in text


def test_a_directory_that_is_not_ours_comes_with_the_command_that_helps(
    docker: Program, stand_in: str
) -> None:
    """Word by word, with the numbers of the user in the container."""
    refused = docker.refusal("run", "--rm", "--network", "none", "-u", "1000:1001", stand_in)

    assert "(chown -R 1000:1001 /var/lib/registry)" in refused
    assert "Traceback" not in refused


def test_it_stops_when_it_is_told_to(docker: Program, stand_in: str) -> None:
    """The first process hears the signal, and nobody has to be killed."""
    container = docker.text("run", "--detach", "--network", "none", stand_in)
    try:
        is_served(docker, Started("", container))

        docker.run("stop", "--time", "60", container)

        assert docker.text("inspect", "-f", "{{.State.ExitCode}}", container) == "0"
    finally:
        docker.run("rm", "--force", "--volumes", container)

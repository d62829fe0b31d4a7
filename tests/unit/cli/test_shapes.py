"""What commands print for programs has the shape that the reference shows."""

import json
import shlex
from datetime import UTC, datetime
from pathlib import Path

import jsonschema_rs
import pytest

from lading.app.directory import prepare
from lading.app.stores import Stores
from lading.cli.main import main
from lading.cli.output import shape_of
from lading.interfaces.metadata import Delivery
from lading.interfaces.repository import Repository
from lading.oci.digest import Digest
from lading.testing import samples
from tests.unit.cli.commands import ALL
from tests.unit.cli.conftest import within
from tests.unit.cli.shelf import UNUSED, Shelf, layer_digest

LINES = {
    "api": None,
    "attach": "attach --artifact-type a/b HOST/team/app:v1 notes.txt",
    "backup": "backup --root data copied",
    "blob get": None,
    "blob head": "blob head HOST/team/app@BLOB",
    "blob put": "blob put HOST/team/app notes.txt",
    "blob rm": "blob rm HOST/team/app@UNUSED",
    "check": "check HOST/team/app:v1",
    "completion": None,
    "config check": "config check config.yml",
    "config image": "config HOST/team/app:v1",
    "config schema": "config schema",
    "config show": "config show config.yml",
    "copy": "copy HOST/team/multi:v1 HOST/else/where:v1",
    "digest": "digest HOST/team/app:v1",
    "doctor": "doctor --write HOST/team/app",
    "events retry": "events retry --root data",
    "events skip": "events skip --root data hook",
    "events status": "events status --root data",
    "events tail": "events tail --root data",
    "fsck": "fsck --root data",
    "garbage-collect": None,
    "gc": "gc --root data",
    "index add": "index add HOST/team/multi:v1 HOST/team/app:old",
    "index create": "index create HOST/team/new:v1 HOST/team/app:v1",
    "index rm": "index rm --platform linux/arm64 HOST/team/multi:v1",
    "inspect": "inspect HOST/team/app:v1",
    "load": "load layout HOST/team/app:v3",
    "login": "login -u ann -p secret HOST",
    "logout": "logout HOST",
    "ls": "ls HOST/team/app",
    "manifest get": "manifest get HOST/team/app:v1",
    "manifest put": "manifest put HOST/team/app:v3 manifest.json",
    "manifest rm": "manifest rm --yes HOST/team/app:old",
    "pull": "pull HOST/team/files:v1",
    "push": "push HOST/team/new:v1 notes.txt",
    "readonly": "readonly status --root data",
    "restore": "restore --root restored data",
    "rm": "rm HOST/team/app:v2",
    "save": "save HOST/team/app:v1 app.tar",
    "serve": None,
    "tag": "tag HOST/team/app:v1 v3",
    "token": "token HOST/team/app",
    "tree": "tree HOST/team/app:v1",
    "untag": "untag HOST/team/app:v2",
    "version": "version",
    "whoami": "whoami --username ann --password-stdin HOST",
}
"""A command line for each command; ``None`` for those that print nothing for programs."""


async def _tell_somebody(stores: Stores, repository: Repository) -> None:
    await stores.metadata.settle([Delivery("hook", 0, 1, datetime.now(UTC), "it is down")])
    await samples.put_image(repository, tags=["v1"])


@pytest.fixture
def desk(shelf: Shelf, here: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A working directory with all that the lines name."""
    (here / "notes.txt").write_text("notes\n")
    (here / "config.yml").write_text("version: 0.1\nstorage: inmemory\n")
    prepare(here / "data")
    within(here / "data", _tell_somebody)
    assert main(["save", "--form", "oci", f"{shelf.app}:v1", "layout"]) == 0
    (here / "password.txt").write_text("secret\n")
    return shelf


def test_every_command_is_here() -> None:
    """A new command comes with a line, or says that it prints nothing for programs."""
    assert sorted(LINES) == sorted(ALL)
    assert [name for name, line in LINES.items() if line is None] == [
        name for name in sorted(ALL) if shape_of(ALL[name]) is None
    ]


@pytest.mark.parametrize("name", [name for name, line in LINES.items() if line])
def test_the_document_has_the_shape_that_is_promised(
    name: str,
    desk: Shelf,
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One JSON document on standard output, and nothing else."""
    line = (
        (LINES[name] or "")
        .replace("HOST", desk.host)
        .replace("BLOB", str(layer_digest()))
        .replace("UNUSED", str(Digest.of(UNUSED)))
    )
    if name == "token":
        desk.stand_in.become("docker-hub")
    if name == "manifest put":
        main(["manifest", "get", f"{desk.app}:v1"])
        (here / "manifest.json").write_text(capsys.readouterr().out)
    capsys.readouterr()

    with (here / "password.txt").open() as password:
        monkeypatch.setattr("sys.stdin", password)
        code = main([*shlex.split(line), "-o", "json"])

    printed = capsys.readouterr()
    assert code == 0, printed.err
    jsonschema_rs.validate(shape_of(ALL[name]) or False, json.loads(printed.out))


@pytest.mark.parametrize("name", [name for name in ALL if shape_of(ALL[name])])
def test_every_field_says_what_it_is(name: str) -> None:
    """The reference is made from what stands there."""

    def silent(shape: dict[str, object], path: str) -> list[str]:
        inner = shape.get("properties") or {}
        assert isinstance(inner, dict)
        found = [f"{path}.{key}" for key, each in inner.items() if not each.get("description")]
        for key, each in inner.items():
            found += silent(each, f"{path}.{key}")
        return found

    shape = shape_of(ALL[name])

    assert shape is not None
    assert silent(shape, name) == []

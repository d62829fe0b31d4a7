"""The JSON Schema of configuration files, and the complete example."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from ruamel.yaml import YAML

from lading.app.config.distribution.keys import leaves
from lading.app.config.distribution.outcomes import Honoured
from lading.app.config.schema import schema
from lading.app.config.tree import settings
from lading.cli.main import main
from tests.architecture.repository_files import ROOT

EXAMPLE = ROOT / "docs" / "reference" / "config-example.yml"


def parsed(text: str) -> Any:
    """The YAML *text* as an editor reads it."""
    return YAML(typ="safe", pure=True).load(text)


def names(found: Any, prefix: str = "") -> set[str]:
    """The names of all keys, dotted; those in lists with brackets."""
    if isinstance(found, dict):
        below = [names(inner, f"{prefix}{name}.") for name, inner in found.items()]
        return {prefix + str(name) for name in found} | set().union(*below)
    if isinstance(found, list):
        return set().union(*(names(each, prefix.rstrip(".") + "[].") for each in found))
    return set()


def mistakes(text: str) -> list[str]:
    """What an editor marks in a file of that *text*."""
    return [
        each.message for each in jsonschema_rs.validator_for(schema()).iter_errors(parsed(text))
    ]


def test_the_complete_example_is_right() -> None:
    """What people copy from passes the check of their editor."""
    assert mistakes(EXAMPLE.read_text()) == []


def test_the_complete_example_is_complete() -> None:
    """Every key that means something stands in it, in use or as a comment."""
    text = EXAMPLE.read_text()
    used = names(parsed(text))
    commented = {line.strip("#- ").partition(":")[0] for line in text.splitlines() if "#" in line}

    ours = {f"lading.{setting.key}" for setting in settings()}
    theirs = {key.name for key in leaves() if isinstance(key.outcome, Honoured)}
    missing = (ours | theirs) - used
    assert {name for name in missing if name.rpartition(".")[2] not in commented} == set()


def test_the_complete_example_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """A server would start with it, and only what has to be said is said."""
    code = main(["config", "check", str(EXAMPLE), "-o", "json"])

    said = json.loads(capsys.readouterr().out)
    assert code == 0
    assert said["refused"] == []
    assert said["warnings"] == []


@pytest.mark.parametrize(
    "text",
    [
        "storage: {filesystem: {}}",
        "version: 0.2",
        "version: 0.1\nstorage: {s3: {bucket: b}}",
        "version: 0.1\nstorage: {delete: {enabled: 'true'}}",
        "version: 0.1\nhttp: {adr: x}",
        "version: 0.1\nhttp: {h2c: {enabled: true}}",
        "version: 0.1\nnotifications: {endpoints: [{nam: x}]}",
        "version: 0.1\nlog: {level: chatty}",
        "lading: {htpp: {}}",
        "lading: {workers: many}",
        "lading: {manifests: {missing: maybe}}",
    ],
)
def test_a_wrong_file_is_marked(text: str) -> None:
    """An editor shows what a server would refuse."""
    assert not jsonschema_rs.is_valid(schema(), parsed(text))


@pytest.mark.parametrize(
    "text",
    [
        "version: 0.1\nstorage: inmemory",
        "version: '0.1'\nauth: none\nstorage: {filesystem: }",
        "version: 0.1\nx-common: &c {a: 1}\nhttp: {h2c: {enabled: false}}",
        "lading: {workers: 2, collector: {every: none}}",
        "lading:",
    ],
)
def test_a_right_file_is_not_marked(text: str) -> None:
    """What a server takes is right in an editor, too."""
    assert mistakes(text) == []


def test_secrets_are_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`lading config show` can be pasted into a report."""
    file = tmp_path / "config.yml"
    file.write_text(
        "version: 0.1\nstorage: inmemory\n"
        "notifications: {endpoints: [{name: a, url: 'https://u:geheim@a/?key=geheim', "
        "headers: {Authorization: [geheim]}}]}\n"
        "log: {hooks: [{options: {smtp: {password: geheim}}}]}\n"
        "health: {http: [{uri: 'http://h', headers: {Authorization: [geheim]}}]}\n"
    )

    code = main(["config", "show", str(file)])

    said = capsys.readouterr().out
    assert code == 0
    assert "geheim" not in said
    assert "listen: :0  # default with version: 0.1" in said
    assert "log.hooks: [{" in said
    assert f"# {file}, line 4" in said
    assert "workers: none  # default" in said

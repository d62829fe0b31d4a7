"""``garbage-collect`` frees at once what was deleted, and says so in the words of Distribution."""

from pathlib import Path

import pytest

from lading.app.stores import Stores
from lading.cli.garbage_collect import command
from lading.cli.main import main
from lading.cli.registry import main as registry
from lading.interfaces.repository import Repository
from lading.oci.digest import Digest
from lading.oci.names import Tag
from lading.testing import samples
from tests.unit.cli.commands import into_a_full_disk
from tests.unit.cli.conftest import within

UNTAGGED = samples.image("untagged").manifest.digest
ABANDONED = Digest.of(samples.blob(seed="abandoned"))

Printed = pytest.CaptureFixture[str]


def blobs(root: Path) -> set[str]:
    """The digests of all bytes below *root*, by file name."""
    return {path.parent.name for path in root.glob("docker/registry/v2/blobs/*/*/*/data")}


def values(name: str) -> set[str]:
    """The digests of the blobs of the image *name*, as files are called."""
    return {Digest.of(each).value for each in samples.image(name).blobs}


@pytest.fixture
def config(root: Path, tmp_path: Path) -> str:
    """A file of Distribution's for the registry in *root*, whose tagged image has been deleted."""

    async def delete(_: Stores, repository: Repository) -> None:
        await repository.delete_manifest(samples.image("tagged").manifest.digest)

    within(root, delete)
    file = tmp_path / "config.yml"
    file.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\n")
    return str(file)


def test_what_was_deleted_is_freed_when_the_command_returns(
    root: Path, config: str, capsys: Printed
) -> None:
    """Cron jobs look at the disk afterwards; what may be part of a push stays, and is told of."""
    gone = values("tagged") - values("untagged")

    code = registry(["garbage-collect", config])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert blobs(root).isdisjoint(gone)
    assert blobs(root) == values("untagged") | {ABANDONED.value}
    marked = lines.index("") - 1
    assert (
        f"{marked} blobs marked, {len(gone)} blobs and 0 manifests eligible for deletion" in lines
    )
    assert {f"blob eligible for deletion: sha256:{each}" for each in gone} <= {*lines}
    assert lines[-1].startswith("1 blob without a manifest kept for now: pushed")


def test_what_stays_is_told_first(root: Path, config: str, capsys: Printed) -> None:
    """Each manifest, and once each thing that a manifest names, under its repository."""
    code = registry(["garbage-collect", config])

    lines = capsys.readouterr().out.splitlines()
    image = samples.image("untagged")
    named = sorted({f"team/app: marking blob {Digest.of(each)}" for each in image.blobs})
    assert code == 0
    assert lines[: len(named) + 3] == [
        "team/app",
        f"team/app: marking manifest {image.manifest.digest} ",
        *named,
        "",
    ]


def _leave_without_a_tag(root: Path) -> None:
    """Give the tag of one image to another."""

    async def move(_: Stores, repository: Repository) -> None:
        await repository.put_manifest(samples.image("untagged").manifest, tags=[Tag("v1")])
        await samples.put_image(repository, samples.image("new"), tags=["v1"])

    within(root, move)


def test_manifest_without_a_tag_stays_unless_it_is_asked_for(
    root: Path, config: str, capsys: Printed
) -> None:
    """People deploy by digest; and one that never had a tag may be about to get one."""
    _leave_without_a_tag(root)

    kept = main(["garbage-collect", "-q", config])
    there = blobs(root)
    taken = main(["garbage-collect", "-m", config])

    assert (kept, taken) == (0, 0)
    assert values("untagged") <= there
    assert blobs(root) == values("new") | {ABANDONED.value}
    printed = capsys.readouterr().out
    assert f"manifest eligible for deletion: {{team/app {UNTAGGED} []}}\n" in printed
    assert f"blob eligible for deletion: {UNTAGGED}\n" in printed


def test_a_dry_run_tells_the_same_and_deletes_nothing(
    root: Path, config: str, capsys: Printed
) -> None:
    """What it says is what the next run does."""
    before = blobs(root)

    rehearsed = main(["garbage-collect", "--dry-run", config])
    told = capsys.readouterr().out
    untouched = blobs(root)
    done = main(["garbage-collect", config])

    assert (rehearsed, done) == (0, 0)
    assert untouched == before
    assert capsys.readouterr().out == told


@pytest.mark.parametrize(
    ("options", "freed"),
    [
        (["--dry-run=false"], True),
        (["-d=0", "--quiet=F"], True),
        (["--dry-run=true"], False),
        (["-d", "--dry-run=False"], True),
        (["-d=f", "-d"], False),
        (["-qd=T"], False),
        (["-dq=FALSE"], False),
    ],
    ids=str,
)
def test_flags_may_be_set_as_well(root: Path, config: str, options: list[str], freed: bool) -> None:
    """As in Go, where charts write what people chose behind the flag; the last word counts."""
    before = blobs(root)

    code = registry(["garbage-collect", *options, config])

    assert code == 0
    assert (blobs(root) != before) is freed


def test_manifest_without_a_tag_goes_where_the_flag_is_set_to_true(root: Path, config: str) -> None:
    """The cron job of a chart that many have writes the flag like this."""
    _leave_without_a_tag(root)

    kept = registry(["garbage-collect", "--delete-untagged=false", config])
    there = blobs(root)
    taken = registry(["garbage-collect", "--delete-untagged=true", config])

    assert (kept, taken) == (0, 0)
    assert values("untagged") <= there
    assert blobs(root) == values("new") | {ABANDONED.value}


@pytest.mark.parametrize("option", ["-m=yes", "--delete-untagged=", "--delete-untagged=tRUE"])
def test_flag_that_is_set_to_something_else_is_a_mistake(
    root: Path, config: str, option: str, capsys: Printed
) -> None:
    """Nothing is guessed by a command that deletes; its code is the one that is known there."""
    before = blobs(root)

    code = registry(["garbage-collect", option, config])

    assert code == 1
    assert "is nothing that --delete-untagged can be set to" in capsys.readouterr().err
    assert blobs(root) == before


def test_completing_a_command_makes_no_mistakes() -> None:
    """Shells ask what may come next while a word is only half written."""
    args = ["--delete-untagged=tr"]

    context = command.make_context("garbage-collect", args, resilient_parsing=True)

    assert context.params["delete_untagged"] is False


@pytest.mark.parametrize("option", ["--no=true", "-x=true", "-", "--help=true"])
def test_words_that_are_no_flag_of_its_own_are_left_as_they_are(config: str, option: str) -> None:
    """Whatever is said of them is what is said of them everywhere."""
    code = registry(["garbage-collect", option, config])

    assert code == 1


def test_file_may_be_called_as_a_flag(
    tmp_path: Path, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind two hyphens, as everywhere."""
    monkeypatch.chdir(tmp_path)
    Path(config).rename("-m=false")

    code = registry(["garbage-collect", "-q", "--", "-m=false"])

    assert code == 0


def test_blobs_of_a_push_that_is_under_way_stay(root: Path, config: str, capsys: Printed) -> None:
    """While an upload is open, what no manifest names yet has the grace of the server."""
    file = Path(config)
    file.write_text(file.read_text() + "lading: {collector: {grace: 0s}}\n")

    async def begin(_: Stores, repository: Repository) -> None:
        upload = await repository.start_upload()
        await upload.aclose()

    freed = main(["garbage-collect", "-q", config])
    without = ABANDONED.value in blobs(root)
    within(root, begin)
    again = main(["garbage-collect", config])

    assert (freed, again) == (0, 0)
    assert not without
    assert capsys.readouterr().err == ""


def test_quiet_prints_nothing(config: str, capsys: Printed) -> None:
    """For cron, which mails what is printed."""
    code = main(["garbage-collect", "--quiet", config])

    assert code == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_output_that_nothing_takes_is_no_mistake_of_ours(config: str, options: list[str]) -> None:
    """The disk that a log leads to may be full."""
    code, complaint = into_a_full_disk("garbage-collect", *options, config)

    assert code == 1
    assert "standard output: No space left" in complaint
    assert "mistake" not in complaint


def test_a_failure_is_one_line_and_code_1(tmp_path: Path, capsys: Printed) -> None:
    """As there: on standard error, with what could not be done."""
    file = tmp_path / "config.yml"
    file.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/no}}}}\n")

    code = registry(["garbage-collect", str(file)])

    printed = capsys.readouterr()
    assert code == 1
    assert printed.out == ""
    assert printed.err.startswith("failed to garbage collect: ")
    assert printed.err.count("\n") == 1


def test_nothing_is_collected_where_no_file_is_named(
    root: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As there; it is not guessed which registry was meant, though one is right here."""
    monkeypatch.delenv("REGISTRY_CONFIGURATION_PATH", raising=False)
    root.rename(root.parent / "lading-data")
    monkeypatch.chdir(root.parent)

    code = registry(["garbage-collect"])

    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert said.err.startswith(
        "configuration error: configuration path unspecified\nUsage: registry garbage-collect"
    )

"""Commands that change something: what is there afterwards, and what they print about it."""

import io
import json
import re
import tarfile
from pathlib import Path

import pytest

from lading.cli.main import main
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Tag
from lading.testing.personalities import without
from lading.wire.routes import Route
from tests.unit.cli.commands import unread
from tests.unit.cli.shelf import AMD64, ARM64, MULTI, OLD, SBOM, SIGNATURE, Shelf, layer_digest

Printed = pytest.CaptureFixture[str]


def manifest(shelf: Shelf, name: str, reference: Tag | Digest) -> Manifest:
    """What is in the registry."""
    found: Manifest = shelf.within(name, lambda repository: repository.get_manifest(reference))
    return found


def referrers(shelf: Shelf, name: str, subject: Digest) -> list[Digest]:
    """What refers to *subject* there."""
    page = shelf.within(name, lambda repository: repository.referrers(subject))
    return [each.digest for each in page.items]


@pytest.mark.parametrize(
    "line",
    [
        "copy {app}:v1 {host}/mirror/app:x",
        "tag {app}:v1 x",
        "push {host}/mirror/app:x notes.txt",
        "attach --artifact-type a/b {app}:v1 notes.txt",
        "index create {host}/mirror/app:x {app}:v1",
        "index rm --platform linux/arm64 {multi}:v1",
        "manifest put {app}:x manifest.json",
        "blob put {app} notes.txt",
    ],
)
def test_what_was_made_is_all_that_is_printed(
    line: str, shelf: Shelf, here: Path, capsys: Printed
) -> None:
    """``REPOSITORY@DIGEST`` on standard output, so that commands can be given to each other."""
    (here / "notes.txt").write_text("notes\n")
    (here / "manifest.json").write_bytes(AMD64.manifest.body)

    code = main(line.format(app=shelf.app, multi=shelf.multi, host=shelf.host).split())

    assert code == 0
    assert re.fullmatch(rf"{shelf.host}/[a-z/]+@sha256:[0-9a-f]{{64}}\n", capsys.readouterr().out)


def test_a_copy_takes_along_what_refers_to_the_image(shelf: Shelf, capsys: Printed) -> None:
    """And what refers to that; the summary says how many."""
    code = main(["copy", f"{shelf.app}:v1", f"{shelf.host}/mirror/app"])

    assert code == 0
    assert shelf.tags("mirror/app") == ["v1"]
    assert referrers(shelf, "mirror/app", AMD64.manifest.digest) == [SBOM.digest]
    assert referrers(shelf, "mirror/app", SBOM.digest) == [SIGNATURE.digest]
    assert "2 referring to others" in capsys.readouterr().err


def test_a_second_copy_moves_nothing(shelf: Shelf, capsys: Printed) -> None:
    """The same result, and a summary that says so."""
    line = ["copy", f"{shelf.app}:v1", f"{shelf.host}/mirror/app"]
    main(line)
    first = capsys.readouterr().out

    code = main(line)

    printed = capsys.readouterr()
    assert (code, printed.out) == (0, first)
    assert "nothing copied" in printed.err


def test_a_copy_of_a_platform_says_that_it_makes_a_new_index(shelf: Shelf, capsys: Printed) -> None:
    """Its digest is another one, and is what is printed."""
    code = main(
        ["copy", "--platform", "linux/arm64", f"{shelf.multi}:v1", f"{shelf.host}/mirror/arm"]
    )

    printed = capsys.readouterr()
    made = manifest(shelf, "mirror/arm", Tag("v1"))
    assert code == 0
    assert printed.out == f"{shelf.host}/mirror/arm@{made.digest}\n"
    assert made.digest != MULTI.digest
    assert [each.digest for each in made.manifests] == [ARM64.manifest.digest]
    assert "a new index was made" in printed.err


def test_a_rehearsal_changes_nothing(shelf: Shelf, capsys: Printed) -> None:
    """It says what would be copied."""
    code = main(["copy", "--dry-run", "--all-tags", shelf.app, f"{shelf.host}/mirror/app"])

    assert code == 0
    assert "would be copied" in capsys.readouterr().err
    assert main(["ls", f"{shelf.host}/mirror/app"]) == 3


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])
def test_a_rehearsal_makes_nothing(shelf: Shelf, here: Path, capsys: Printed, kind: str) -> None:
    """Neither a directory nor an archive, and one that is there stays as it is."""
    source = f"{shelf.app}:v1"

    assert main(["copy", "--dry-run", source, f"{kind}:new:v1"]) == 0
    assert "would be copied" in capsys.readouterr().err
    assert list(here.iterdir()) == []

    main(["copy", f"{shelf.app}:old", f"{kind}:old:v1"])
    before = [(path, path.stat().st_ino) for path in sorted(here.rglob("*"))]
    assert main(["copy", "--dry-run", source, f"{kind}:old:v1"]) == 0
    assert [(path, path.stat().st_ino) for path in sorted(here.rglob("*"))] == before


def test_many_tags_are_copied_by_globs(shelf: Shelf, capsys: Printed) -> None:
    """Those that match, without those that are excluded."""
    line = ["copy", "--tag-glob", "v*", "--tag-glob", "old", "--exclude", "*2"]

    code = main([*line, shelf.app, f"{shelf.host}/mirror/app"])

    assert code == 0
    assert shelf.tags("mirror/app") == ["old", "v1"]


def test_a_tag_beside_globs_is_a_mistake(shelf: Shelf, capsys: Printed) -> None:
    """Nobody is left to guess which of the two holds."""
    code = main(["copy", "--all-tags", f"{shelf.app}:v1", f"{shelf.host}/mirror/app"])

    assert code == 2
    assert "a tag cannot be named" in capsys.readouterr().err


def test_a_reader_of_an_archive_that_goes_away_ends_the_command_quietly(
    shelf: Shelf, here: Path
) -> None:
    """As for every other command; no disk is to blame."""
    source, target = f"{shelf.app}:v1", "oci-archive:-:v1"

    ended = unread("copy", "--no-referrers", "--progress", "none", source, target)

    assert ended == (141, b"")


def test_a_tag_that_names_something_else_can_be_left(shelf: Shelf, capsys: Printed) -> None:
    """And the summary tells which."""
    main(["copy", f"{shelf.app}:old", f"{shelf.host}/mirror/app:v1"])
    capsys.readouterr()

    code = main(["copy", "--no-clobber", f"{shelf.app}:v1", f"{shelf.host}/mirror/app:v1"])

    printed = capsys.readouterr()
    assert code == 0
    assert printed.out == ""
    assert "left as they are: v1" in printed.err
    assert manifest(shelf, "mirror/app", Tag("v1")).digest == OLD.manifest.digest


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("copy {app}:none {host}/mirror/app", "source"),
        ("copy oci:nowhere:v1 {host}/mirror/app", "source"),
        ("copy {app}:v1 127.0.0.1:1/mirror/app", "target"),
    ],
)
def test_a_copy_that_fails_says_at_which_end(
    line: str, where: str, shelf: Shelf, capsys: Printed
) -> None:
    """One line, which begins with it."""
    code = main([*line.format(app=shelf.app, host=shelf.host).split(), "--progress", "none"])

    said = capsys.readouterr().err
    assert code in (1, 3)
    assert said.startswith(f"lading: {where}")
    assert said.count("\n") == 1


def test_what_fails_does_not_stop_the_rest_if_that_is_asked_for(
    shelf: Shelf, capsys: Printed
) -> None:
    """Exit code 7, a line about each failure, and the rest is there."""
    bad = OLD.manifest.layers[0].digest
    shelf.stand_in.trouble.fail(404, method="GET", path=f"*/blobs/{bad}", times=99)
    shelf.stand_in.trouble.fail(404, method="HEAD", path=f"*/blobs/{bad}", times=99)

    code = main(["copy", "--keep-going", "--all-tags", shelf.app, "oci:mirror"])

    assert code == 7
    assert str(bad) in capsys.readouterr().err
    assert main(["digest", "oci:mirror:v1"]) == 0


def test_images_go_through_files_of_every_kind(shelf: Shelf, here: Path, capsys: Printed) -> None:
    """What is loaded is what was saved, byte by byte."""
    for form, file in (("oci", "layout"), ("oci-archive", "app.tar")):
        saved = main(["save", "--form", form, f"{shelf.app}:v1", file])
        loaded = main(["load", file, f"{shelf.host}/loaded/{form}:v1"])

        assert (saved, loaded) == (0, 0)
        assert manifest(shelf, f"loaded/{form}", Tag("v1")) == AMD64.manifest


@pytest.mark.parametrize("form", ["oci", "oci-archive"])
def test_all_tags_come_back_from_a_layout(
    form: str, shelf: Shelf, here: Path, capsys: Printed
) -> None:
    """None of them has to be named, and the layout is listed as a repository is."""
    main(["copy", "--all-tags", shelf.app, f"{form}:there"])
    capsys.readouterr()

    listed = main(["ls", f"{form}:there"])
    out = capsys.readouterr().out
    back = main(["copy", "--tag-glob", "v*", f"{form}:there", f"{shelf.host}/back/app"])

    assert (listed, back) == (0, 0)
    assert out.split() == ["old", "v1", "v2"]
    assert shelf.tags("back/app") == ["v1", "v2"]


def test_one_of_several_images_that_docker_saved_is_loaded_by_its_full_name(
    shelf: Shelf, here: Path, capsys: Printed
) -> None:
    """Which there are is said in the words that are taken."""
    names = ["docker.io/library/one:v1", "example.com/two:v2"]
    for image, name in zip((AMD64, ARM64), names, strict=True):
        source = f"{shelf.multi}@{image.manifest.digest}"
        assert main(["copy", source, f"oci:two:{name}"]) == 0
    with tarfile.open("two.tar", "w") as archive:
        archive.add("two", ".")
        listing = tarfile.TarInfo("manifest.json")
        listing.size = 2
        archive.addfile(listing, io.BytesIO(b"[]"))
    capsys.readouterr()

    unclear = main(["load", "two.tar", f"{shelf.host}/loaded/one:v1"])
    told = capsys.readouterr().err
    wrong = main(["load", "two.tar", "--name", "example.com/x", f"{shelf.host}/loaded/one:v1"])
    told_again = capsys.readouterr().err
    loaded = [
        main(["load", "two.tar", "--name", name, f"{shelf.host}/loaded/{position}:v1"])
        for position, name in enumerate(names)
    ]

    assert (unclear, wrong, loaded) == (2, 2, [0, 0])
    for text in (told, told_again):
        assert ", ".join(names) in text
        assert "--name" in text
    assert manifest(shelf, "loaded/0", Tag("v1")) == AMD64.manifest
    assert manifest(shelf, "loaded/1", Tag("v1")) == ARM64.manifest


def test_what_is_there_of_an_index_is_loaded_by_its_platform(
    shelf: Shelf, here: Path, capsys: Printed
) -> None:
    """Docker saves whole indexes with the images that were pulled, and others are missing."""
    main(["copy", "--sparse", "--platform", "linux/amd64", f"{shelf.multi}:v1", "oci:part:v1"])
    capsys.readouterr()

    whole = main(["load", "part", f"{shelf.host}/loaded/part:v1"])
    told = capsys.readouterr().err
    part = main(["load", "part", "--platform", "linux/amd64", f"{shelf.host}/loaded/part:v1"])

    assert (whole, part) == (3, 0)
    assert "--platform" in told
    assert "source" in told


def test_a_file_that_is_no_image_is_not_loaded(shelf: Shelf, here: Path, capsys: Printed) -> None:
    """The line names it."""
    (here / "notes.tar").write_text("notes")

    code = main(["load", "notes.tar", f"{shelf.app}:x"])

    printed = capsys.readouterr().err
    assert code == 1
    assert "notes.tar is no tar archive" in printed
    assert printed.count("\n") == 1


def test_removing_a_tag_leaves_its_siblings_and_the_image(shelf: Shelf, capsys: Printed) -> None:
    """The tag goes, and nothing else."""
    code = main(["rm", f"{shelf.app}:v1"])

    assert code == 0
    assert shelf.tags() == ["old", "v2"]


@pytest.mark.parametrize("verb", ["rm", "untag"])
def test_a_registry_that_cannot_remove_tags_keeps_everything(
    verb: str, shelf: Shelf, capsys: Printed
) -> None:
    """The command fails, and no digest is touched in its place."""
    shelf.stand_in.become(without("DELETE", routes=[Route.MANIFEST]))

    code = main([verb, f"{shelf.app}:v1"])

    assert code == 5
    assert shelf.tags() == ["old", "v1", "v2"]
    assert [each for each in shelf.stand_in.trouble.asked if "sha256" in each.path] == []


def test_a_tag_has_to_be_written_out_to_be_removed(shelf: Shelf, capsys: Printed) -> None:
    """``latest`` is never meant by leaving it out."""
    codes = [main(["rm", shelf.app]), main(["untag", shelf.app])]

    assert codes == [2, 2]


def test_removing_a_manifest_has_to_be_confirmed(
    shelf: Shelf, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that nobody watches has to say so."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    code = main(["rm", f"{shelf.app}@{AMD64.manifest.digest}"])

    assert code == 2
    assert "--yes" in capsys.readouterr().err
    assert shelf.tags() == ["old", "v1", "v2"]


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        """They are at a terminal."""
        return True


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 1, True), ("y", 0, False)])
def test_whoever_removes_a_manifest_sees_what_goes(
    answer: str,
    code: int,
    left: bool,
    shelf: Shelf,
    capsys: Printed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tags that name it, and what refers to it."""
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))

    ended = main(["rm", "--manifest", f"{shelf.app}:v1"])

    said = capsys.readouterr()
    assert ended == code
    assert "2 tags that name it: v1, v2" in said.err
    assert str(SBOM.digest) in said.err
    assert ("v1" in shelf.tags()) is left


def test_standard_input_can_be_pushed(
    shelf: Shelf, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dash stands for it, and its length need not be known."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))

    code = main(["blob", "put", shelf.app, "-"])

    digest = Digest.of(b"from a pipe")
    assert (code, capsys.readouterr().out) == (0, f"{shelf.app}@{digest}\n")
    assert main(["blob", "head", f"{shelf.app}@{digest}"]) == 0


def test_a_blob_that_comes_wrong_leaves_no_file(shelf: Shelf, here: Path, capsys: Printed) -> None:
    """Exit code 6, and nothing that could be taken for it."""
    shelf.stand_in.trouble.flip(at=3, method="GET", path="*/blobs/*", times=99)

    code = main(["blob", "get", f"{shelf.app}@{layer_digest()}", "layer.tar.gz"])

    assert code == 6
    assert list(here.iterdir()) == []


def test_files_come_back_under_their_names(shelf: Shelf, here: Path, capsys: Printed) -> None:
    """Where they are wanted."""
    code = main(["pull", "-C", "out", "--include", "*.txt", f"{shelf.host}/team/files:v1"])

    assert code == 0
    assert capsys.readouterr().out == "out/notes.txt\n"
    assert (here / "out" / "notes.txt").read_text() == "some notes\n"


def test_pull_of_an_image_says_save(shelf: Shelf, here: Path, capsys: Printed) -> None:
    """An image has no files to write."""
    code = main(["pull", f"{shelf.app}:v1"])

    assert code == 5
    assert "lading save" in capsys.readouterr().err


def test_an_index_is_made_with_the_platform_of_each_image(shelf: Shelf, capsys: Printed) -> None:
    """Images of other repositories are copied first."""
    code = main(
        [
            *("index", "create", f"{shelf.host}/team/new:v1", f"{shelf.app}:v1"),
            *(f"{shelf.multi}:v1", "-o", "json", "-a", "a=b"),
        ]
    )

    found = json.loads(capsys.readouterr().out)
    index = manifest(shelf, "team/new", Tag("v1"))
    assert code == 0
    assert index.annotations == {"a": "b"}
    assert [str(each.digest) for each in index.manifests] == [
        each["digest"] for each in found["manifests"]
    ]
    assert str(index.manifests[0].platform) == "linux/amd64"


def test_taking_out_what_is_not_in_an_index_is_an_error(shelf: Shelf, capsys: Printed) -> None:
    """And naming nothing is a mistake."""
    codes = [
        main(["index", "rm", "--platform", "linux/s390x", f"{shelf.multi}:v1"]),
        main(["index", "rm", f"{shelf.multi}:v1"]),
    ]

    assert codes == [3, 2]
    assert manifest(shelf, "team/multi", Tag("v1")).digest == MULTI.digest


def test_a_manifest_has_to_be_what_its_reference_says(
    shelf: Shelf, here: Path, capsys: Printed
) -> None:
    """Exit code 6 for another digest, 3 for content that is missing."""
    (here / "manifest.json").write_bytes(AMD64.manifest.body)

    codes = [
        main(["manifest", "put", f"{shelf.app}@{OLD.manifest.digest}", "manifest.json"]),
        main(["manifest", "put", f"{shelf.host}/empty/app:v1", "manifest.json"]),
    ]

    assert codes == [6, 3]


def test_uploads_can_be_made_in_pieces(shelf: Shelf, here: Path, capsys: Printed) -> None:
    """For a proxy that lets no large request through."""
    (here / "large.bin").write_bytes(bytes(2_500_000))

    code = main(["blob", "put", "--chunk-size", "1MB", shelf.app, "large.bin"])

    asked = [each.method for each in shelf.stand_in.trouble.asked]
    assert code == 0
    assert asked.count("PATCH") >= 2


@pytest.mark.parametrize("size", ["0", "many", "-1", "1 apple"])
def test_a_size_that_is_none_is_a_mistake(size: str, shelf: Shelf, capsys: Printed) -> None:
    """The line says what one looks like."""
    code = main(["blob", "put", f"--chunk-size={size}", shelf.app, "large.bin"])

    assert code == 2
    assert "64MiB" in capsys.readouterr().err


def test_an_archive_takes_the_place_of_the_result(
    shelf: Shelf, here: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """On standard output there is the archive alone, which can be read again as it is."""
    code = main(["copy", f"{shelf.app}:v1", "oci-archive:-:v1"])

    printed = capsysbinary.readouterr()
    (here / "app.tar").write_bytes(printed.out)
    assert code == 0
    assert str(AMD64.manifest.digest).encode() in printed.err
    assert not printed.out.rstrip(b"\0").endswith(b"\n")
    assert main(["digest", "oci-archive:app.tar:v1"]) == 0


def test_a_docker_archive_takes_one_image_of_an_index(
    shelf: Shelf, here: Path, capsys: Printed
) -> None:
    """That of the platform that was named, and no index around it."""
    target = "docker-archive:app.tar:team/multi:v1"

    codes = [
        main(["copy", f"{shelf.multi}:v1", target]),
        main(["copy", "--platform", "linux/arm64", f"{shelf.multi}:v1", target]),
        main(["copy", *("--platform", "a/b") * 2, f"{shelf.multi}:v1", target]),
    ]

    assert codes == [5, 0, 2]
    assert main(["config", "docker-archive:app.tar", "--format", "{architecture}"]) == 0
    assert capsys.readouterr().out.endswith("arm64\n")


def test_standard_input_is_a_file_of_an_artifact(
    shelf: Shelf, here: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a name when it comes back."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))

    codes = [
        main(["push", f"{shelf.host}/team/pipe:v1", "-"]),
        main(["pull", f"{shelf.host}/team/pipe:v1"]),
    ]

    assert codes == [0, 0]
    assert (here / "stdin").read_bytes() == b"from a pipe"

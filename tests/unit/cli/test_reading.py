"""Commands that look: what they print is the result, and what they ask for is no more than that."""

import json
import os
from pathlib import Path

import pytest

from lading.cli.main import main
from lading.interfaces.repository import Repository
from lading.oci import media_types
from lading.oci.digest import Digest
from lading.oci.names import Tag
from lading.testing import samples
from tests.unit.cli.shelf import AMD64, ARM64, MULTI, SBOM, SIGNATURE, Shelf, layer_digest

Printed = pytest.CaptureFixture[str]


def test_a_digest_is_one_line_and_one_request(shelf: Shelf, capsys: Printed) -> None:
    """Nothing is fetched to know it."""
    code = main(["digest", f"{shelf.app}:v1"])

    assert code == 0
    assert capsys.readouterr() == (f"{AMD64.manifest.digest}\n", "")
    assert [each.method for each in shelf.stand_in.trouble.asked] == ["HEAD"]


def test_a_full_reference_can_be_given_to_the_next_command(shelf: Shelf, capsys: Printed) -> None:
    """It names the same content from everywhere."""
    main(["digest", "--full-ref", f"{shelf.app}:v1"])
    reference = capsys.readouterr().out.strip()

    code = main(["digest", reference])

    assert reference == f"{shelf.app}@{AMD64.manifest.digest}"
    assert (code, capsys.readouterr().out) == (0, f"{AMD64.manifest.digest}\n")


@pytest.mark.parametrize("command", [["digest"], ["manifest", "get"], ["inspect"], ["config"]])
def test_every_read_takes_a_platform(command: list[str], shelf: Shelf, capsys: Printed) -> None:
    """Of an index, the image for it."""
    form = "{digest}" if command != ["config"] else "{architecture}"
    told = {"manifest": ARM64.manifest.body.decode(), "config": "arm64\n"}
    extra = [] if command == ["manifest", "get"] else ["--format", form]

    code = main([*command, "--platform", "linux/arm64", f"{shelf.multi}:v1", *extra])

    assert code == 0
    assert capsys.readouterr().out == told.get(command[0], f"{ARM64.manifest.digest}\n")


def test_a_platform_that_is_not_there_is_an_error_that_lists_those_that_are(
    shelf: Shelf, capsys: Printed
) -> None:
    """Exit code 3, as for everything that is not there."""
    code = main(["digest", "--platform", "linux/s390x", f"{shelf.multi}:v1"])

    assert code == 3
    assert "there are linux/amd64, linux/arm64" in capsys.readouterr().err


def test_a_config_that_is_nested_for_ever_is_no_mistake_of_ours(
    shelf: Shelf, capsys: Printed
) -> None:
    """What it says is not shown, and as it is stored it can be had."""
    config = b"[" * 100_000
    image = samples.Image(
        samples.image_manifest(config=samples.described(config, media_types.OCI_CONFIG), layers=[]),
        (config,),
    )

    async def put(repository: Repository) -> None:
        await samples.put_image(repository, image, tags=["nested"])

    shelf.within("team/app", put)

    assert main(["inspect", f"{shelf.app}:nested"]) == 0
    assert main(["config", f"{shelf.app}:nested", "-o", "json"]) == 1
    assert main(["copy", "--platform", "linux/amd64", f"{shelf.app}:nested", "oci:there:v1"]) == 0
    capsys.readouterr()
    assert main(["config", f"{shelf.app}:nested"]) == 0
    assert capsys.readouterr().out == config.decode()


def test_a_config_of_several_images_needs_a_platform(shelf: Shelf, capsys: Printed) -> None:
    """Which one is meant is not guessed from the machine that asks."""
    code = main(["config", f"{shelf.multi}:v1"])

    printed = capsys.readouterr()
    assert (code, printed.out) == (3, "")
    assert "linux/amd64, linux/arm64" in printed.err


def test_a_manifest_is_printed_byte_by_byte(
    shelf: Shelf, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Its digest is of what comes out."""
    main(["manifest", "get", f"{shelf.multi}:v1"])

    assert Digest.of(capsysbinary.readouterr().out) == MULTI.digest


def test_a_blob_is_written_to_a_pipe_that_stays_one(shelf: Shelf, here: Path) -> None:
    """As a device does: a new file in its place would be the end of /dev/null."""
    os.mkfifo("pipe")
    with os.fdopen(os.open("pipe", os.O_RDWR | os.O_NONBLOCK), "rb", buffering=0) as pipe:
        code = main(["blob", "get", f"{shelf.app}@{layer_digest()}", "pipe"])
        found = pipe.read(1 << 16)

    assert code == 0
    assert found == AMD64.blobs[1]
    assert Path("pipe").is_fifo()


def test_a_blob_is_written_to_where_a_link_leads(shelf: Shelf, here: Path) -> None:
    """The link is not what is replaced."""
    Path("file").write_bytes(b"old")
    Path("link").symlink_to("file")

    code = main(["blob", "get", f"{shelf.app}@{layer_digest()}", "link"])

    assert code == 0
    assert Path("file").read_bytes() == AMD64.blobs[1]
    assert Path("link").is_symlink()


def test_a_blob_on_standard_output_is_exactly_the_blob(
    shelf: Shelf, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Nothing before it and nothing behind."""
    code = main(["blob", "get", f"{shelf.app}@{layer_digest()}"])

    assert code == 0
    assert capsysbinary.readouterr().out == AMD64.blobs[1]


def test_inspect_lists_no_tags_and_no_layers(shelf: Shelf, capsys: Printed) -> None:
    """A manifest and a config are all that is asked for, however many tags there are."""
    code = main(["inspect", f"{shelf.app}:v1"])

    printed = capsys.readouterr().out
    assert code == 0
    assert "linux/amd64" in printed
    assert all(str(each.digest) in printed for each in AMD64.manifest.layers)
    assert [each.path.rsplit("/", 2)[1] for each in shelf.stand_in.trouble.asked] == [
        "manifests",
        "blobs",
    ]


def test_inspect_of_an_index_shows_its_platforms(shelf: Shelf, capsys: Printed) -> None:
    """With the digest of each image."""
    main(["inspect", f"{shelf.multi}:v1"])

    lines = capsys.readouterr().out.splitlines()
    assert any("linux/arm64" in line and str(ARM64.manifest.digest) in line for line in lines)


def test_tags_are_listed_by_globs(shelf: Shelf, capsys: Printed) -> None:
    """What is excluded wins."""
    main(["ls", "--include", "v*", "--include", "o*", "--exclude", "*2", shelf.app])

    assert capsys.readouterr().out == "old\nv1\n"


def test_tags_can_be_sorted_as_people_count(shelf: Shelf, capsys: Printed) -> None:
    """Ten comes after nine."""
    main(["tag", f"{shelf.app}:v1", "v10", "v9"])
    capsys.readouterr()

    main(["ls", "--sort", "natural", "--limit", "4", shelf.app])

    assert capsys.readouterr().out == "old\nv1\nv2\nv9\n"


def test_a_listing_can_be_cut_short(shelf: Shelf, capsys: Printed) -> None:
    """What nobody reads is not asked for."""
    main(["ls", "--limit", "1", "--full-ref", shelf.app])

    assert capsys.readouterr().out == f"{shelf.app}:old\n"


def test_a_host_is_listed_as_a_catalog(shelf: Shelf, capsys: Printed) -> None:
    """One line each, or one document each."""
    main(["ls", shelf.host])
    plain = capsys.readouterr().out
    main(["ls", "-o", "jsonl", f"{shelf.host}/"])
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert plain.splitlines() == ["team/app", "team/files", "team/multi"]
    assert [each["reference"] for each in documents] == [
        f"{shelf.host}/{name}" for name in plain.splitlines()
    ]


def test_a_registry_without_a_catalog_says_what_to_do(shelf: Shelf, capsys: Printed) -> None:
    """Tags can be listed there, all the same."""
    shelf.stand_in.trouble.fail(404, path="/v2/_catalog", times=99)

    code = main(["ls", shelf.host])

    assert code == 5
    assert "HOST/NAME" in capsys.readouterr().err


def test_what_refers_to_an_image_is_shown_as_a_tree(shelf: Shelf, capsys: Printed) -> None:
    """What refers to a referrer stands below it."""
    code = main(["tree", f"{shelf.app}:v1"])

    assert code == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{shelf.app}@{AMD64.manifest.digest}",
        f"└── application/spdx+json  {SBOM.digest}",
        f"    └── application/vnd.example.signature  {SIGNATURE.digest}",
    ]


def test_a_template_prints_the_fields_that_are_named(shelf: Shelf, capsys: Printed) -> None:
    """Fields of fields as well, and nothing of the program behind them."""
    codes = [
        main(["inspect", f"{shelf.app}:v1", "--format", template])
        for template in ("{layers[0][size]} {image[platform]}", "{nothing}", "{digest.__class__}")
    ]

    printed = capsys.readouterr()
    assert codes == [0, 2, 2]
    assert printed.out == "100 linux/amd64\n"
    assert "there are reference, repository, digest" in printed.err


def test_check_reads_every_byte(shelf: Shelf, capsys: Printed) -> None:
    """All blobs of an image, and of what refers to it."""
    code = main(["check", f"{shelf.app}:v1", "-o", "json"])

    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (found["manifests"], found["blobs"], found["faults"]) == (3, 4, [])


def test_check_finds_a_blob_that_is_gone(shelf: Shelf, capsys: Printed) -> None:
    """Exit code 3, and a line about each."""
    shelf.stand_in.trouble.fail(404, method="GET", path="*/blobs/*", times=99)

    code = main(["check", "--no-referrers", f"{shelf.app}:v1"])

    assert code == 3
    assert str(layer_digest()) in capsys.readouterr().out


def test_check_finds_a_bit_that_flipped(shelf: Shelf, capsys: Printed) -> None:
    """Exit code 6."""
    path = f"*/blobs/{layer_digest()}"
    shelf.stand_in.trouble.flip(at=7, method="GET", path=path, times=99)

    code = main(["check", "--no-referrers", f"{shelf.app}:v1"])

    printed = capsys.readouterr()
    assert code == 6
    assert printed.out.startswith(f"{layer_digest()}: invalid digest")
    assert "1 fault" in printed.err


def test_what_is_not_there_ends_with_three(shelf: Shelf, capsys: Printed) -> None:
    """And a line that says what to do."""
    blob = Digest.of(samples.blob(seed="nowhere"))
    lines = [
        ["digest", f"{shelf.app}:none"],
        ["blob", "head", f"{shelf.app}@{blob}"],
        ["ls", f"{shelf.host}/team/none"],
    ]

    codes = [main(line) for line in lines]

    assert codes == [3, 3, 3]
    assert capsys.readouterr().err.count("\n") == 3


@pytest.mark.parametrize(
    "config",
    [
        b"no json",
        b"[]",
        b'{"os": ["linux"], "config": {"Labels": [1], "Env": 5, "Cmd": "run", "Entrypoint": {}}}',
        b'{"os": "linux", "os.features": 5, "created": {}, "config": "x"}',
    ],
)
def test_a_config_that_makes_no_sense_is_passed_over(
    config: bytes, shelf: Shelf, capsys: Printed
) -> None:
    """What is known about the image without it is shown all the same."""
    odd = samples.image_manifest(config=samples.described(config, media_types.OCI_CONFIG))

    async def put(repository: Repository) -> None:
        await samples.put_blob(repository, config)
        await repository.put_manifest(odd, tags=[Tag("odd")])

    shelf.within("team/app", put)

    codes = [
        main(["inspect", f"{shelf.app}:odd"]),
        main(["digest", "--platform", "linux/amd64", f"{shelf.app}:odd"]),
        main(["index", "create", f"{shelf.app}:index", f"{shelf.app}:odd"]),
    ]

    assert str(odd.digest) in capsys.readouterr().out
    assert not set(codes) - {0, 1, 3, 6}


@pytest.mark.parametrize(
    "line",
    [
        "ls {app}:v1",
        "tag {app}:v1 -- -bad",
        "index rm {multi}:v1 sha256:00",
        "digest {host}/Team/app:v1",
        "blob get {app}:v1",
        "digest --platform nonsense {multi}:v1",
    ],
)
def test_what_was_mistyped_is_a_mistake_and_not_a_failure(
    line: str, shelf: Shelf, capsys: Printed
) -> None:
    """Exit code 2, so that nobody looks for what is wrong with the registry."""
    code = main(line.format(app=shelf.app, multi=shelf.multi, host=shelf.host).split())

    assert code == 2


@pytest.mark.parametrize("line", ["digest {app}:vv1", "copy {app}:vv1 oci:layout:v1"])
def test_a_tag_that_is_not_there_is_answered_with_those_that_look_like_it(
    line: str, shelf: Shelf, capsys: Printed
) -> None:
    """A slip of the finger is found without listing the tags."""
    code = main([*line.format(app=shelf.app).split()])

    assert code == 3
    assert "Did you mean v1" in capsys.readouterr().err


def test_a_hint_that_cannot_be_had_hides_no_error(shelf: Shelf, capsys: Printed) -> None:
    """What went wrong first is what is told."""
    shelf.stand_in.trouble.fail(403, path="*/tags/list", times=99)

    code = main(["digest", f"{shelf.app}:vv1"])

    assert code == 3
    assert "manifest unknown" in capsys.readouterr().err


def test_a_registry_that_is_asked_again_is_told_of(shelf: Shelf, capsys: Printed) -> None:
    """When it wants to be left alone, so that nobody wonders; the result stays what it is."""
    shelf.stand_in.trouble.slow_down(retry_after=2)
    shelf.stand_in.trouble.fail(502, path="*/manifests/v1", times=1)

    code = main(["digest", f"{shelf.app}:v1"])

    printed = capsys.readouterr()
    assert code == 0
    assert printed.out.strip() == str(AMD64.manifest.digest)
    assert printed.err.count("\n") == 1
    assert printed.err.endswith("trying again in 2 s\n")

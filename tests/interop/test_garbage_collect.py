"""``registry garbage-collect`` of Distribution and of Lading, on the same content."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from lading.oci import media_types
from tests.interop.differential import content, running
from tests.interop.differential.content import described, digest, image
from tests.interop.differential.exchanging import Case, run
from tests.interop.differential.setups import DELETES, Setup
from tests.peers.programs import program
from tests.peers.receiver import Receiver
from tests.peers.servers import free_port

CONFIG = content.CONFIG
LAYERS = {
    name: f"layer of {name} ".encode() * 30 for name in ["kept", "deleted", "old", "new", "child"]
}
IMAGES = {
    name: image(described(layer, media_types.OCI_LAYER_GZIP)) for name, layer in LAYERS.items()
}
INDEX = content.index(described(IMAGES["child"], media_types.OCI_MANIFEST))
ABOUT = image(
    described(LAYERS["kept"], media_types.OCI_LAYER_GZIP),
    subject=described(IMAGES["kept"], media_types.OCI_MANIFEST),
)
BLOBS = {digest(each) for each in (CONFIG, *LAYERS.values())}


class Collected(NamedTuple):
    """What a run printed, and which of `BLOBS` it left."""

    code: int
    lines: Sequence[str]
    left: set[str]

    def told(self, prefix: str) -> set[str]:
        """The rest of all lines that begin so."""
        return {line.removeprefix(prefix) for line in self.lines if line.startswith(prefix)}


class Place(NamedTuple):
    """A data directory with the configuration file of its server, and the program."""

    command: Path
    folder: Path

    def collect(self, *options: str) -> Collected:
        """Run ``garbage-collect``."""
        done = subprocess.run(
            [self.command, "garbage-collect", *options, self.folder / "config.yml"],
            capture_output=True,
            text=True,
            check=False,
        )
        found = (self.folder / "data").glob("docker/registry/v2/blobs/sha256/*/*/data")
        left = {f"sha256:{path.parent.name}" for path in found} & BLOBS
        return Collected(done.returncode, done.stdout.splitlines(), left)


def push(body: bytes, reference: str, kind: str = media_types.OCI_MANIFEST) -> Case:
    """Put a manifest."""
    return Case(
        route="manifest",
        method="PUT",
        condition=reference,
        target=f"/v2/app/manifests/{reference}",
        headers={"Content-Type": kind},
        body=body,
    )


def history() -> list[Case]:
    """What was done: images were pushed, deleted, replaced, indexed and signed."""
    blobs = [
        each
        for number, body in enumerate((CONFIG, *LAYERS.values()))
        for each in (
            Case(
                route="uploads",
                method="POST",
                condition="begin",
                target="/v2/app/blobs/uploads/",
                saves=f"upload{number}",
            ),
            Case(
                route="upload",
                method="PUT",
                condition="end",
                target=f"{{upload{number}}}",
                also=f"digest={digest(body)}",
                headers={"Content-Type": "application/octet-stream"},
                body=body,
            ),
        )
    ]
    return [
        *blobs,
        push(IMAGES["kept"], "v1"),
        push(ABOUT, digest(ABOUT)),
        push(IMAGES["deleted"], "v2"),
        push(IMAGES["old"], "v3"),
        push(IMAGES["new"], "v3"),
        push(IMAGES["child"], digest(IMAGES["child"])),
        push(INDEX, "all", media_types.OCI_INDEX),
        Case(
            route="manifest",
            method="DELETE",
            condition="deleted",
            target=f"/v2/app/manifests/{digest(IMAGES['deleted'])}",
        ),
    ]


def filled(start: running.Start, command: Path, folder: Path) -> Place:
    """A registry with that history, whose server has ended."""
    setup = Setup(name="collected", told="", storage=DELETES)
    with Receiver() as receiver, start(setup, folder, receiver.url, free_port()) as server:
        answers = run(server.address, history(), {"User-Agent": "filling"})
    assert [answer.status for answer in answers if answer.status >= 400] == []
    return Place(command, folder)


@pytest.fixture
def both(tmp_path: Path) -> tuple[Place, Place]:
    """Distribution's and ours, with the same content."""
    ours = Path(sys.executable).with_name("registry")
    return (
        filled(running.distribution, program("registry"), tmp_path / "theirs"),
        filled(running.lading, ours, tmp_path / "ours"),
    )


def test_both_free_the_same_blobs(both: tuple[Place, Place]) -> None:
    """A dry run tells which, and leaves them; a run frees them, and leaves nothing for the next."""
    dry = [each.collect("--dry-run") for each in both]
    wet = [each.collect() for each in both]
    again = both[1].collect("-q")

    freed = {digest(LAYERS["deleted"])}
    for each in (*dry, *wet):
        assert each.code == 0
        assert each.told("blob eligible for deletion: ") & BLOBS == freed
        assert each.told("app: layer link eligible for deletion: ") == freed
        assert each.told("manifest eligible for deletion: ") == set()
    assert [each.left for each in dry] == [BLOBS, BLOBS]
    assert [each.left for each in wet] == [BLOBS - freed] * 2
    assert (again.code, again.lines, again.left) == (0, [], BLOBS - freed)


def summary(run: Collected) -> list[int]:
    """How many blobs were marked, and how many blobs and manifests were eligible."""
    line = next(each for each in run.lines if " blobs marked, " in each)
    return [int(word) for word in line.split() if word.isdigit()]


def marked(run: Collected) -> list[str]:
    """The lines about what stays."""
    return sorted(each for each in run.lines if each == "app" or ": marking " in each)


def test_both_mark_the_same_and_count_alike(both: tuple[Place, Place]) -> None:
    """Line by line, whatever their order.

    The bytes of a manifest that was deleted before are a blob there, which is eligible still.
    """
    for options in [["--dry-run"], []]:
        theirs, ours = (each.collect(*options) for each in both)

        assert marked(ours) == marked(theirs)
        eligible = theirs.told("blob eligible for deletion: ")
        assert digest(IMAGES["deleted"]) in eligible
        assert summary(theirs) == [len(marked(ours)) - 1, len(eligible), 0]
        assert summary(ours) == [len(marked(ours)) - 1, len(eligible) - 1, 0]


def test_both_mark_the_same_content_where_manifests_end(both: tuple[Place, Place]) -> None:
    """Children of indexes are blobs there; and the signature of what is kept stays here."""
    theirs, ours = (each.collect("--delete-untagged", "--dry-run") for each in both)

    def content(run: Collected) -> set[str]:
        return {line.split()[-1] for line in marked(run)}

    assert content(ours) - content(theirs) == {digest(ABOUT)}
    assert content(theirs) <= content(ours)
    assert summary(ours)[0] == summary(theirs)[0] + 1
    assert summary(ours)[2] == summary(theirs)[2] - 1


def test_both_end_the_same_manifests_but_for_what_is_about_an_image(
    both: tuple[Place, Place],
) -> None:
    """Theirs knows nothing of subjects, and ends the signature of an image that it keeps."""
    theirs, ours = (each.collect("--delete-untagged") for each in both)

    def ended(run: Collected) -> set[str]:
        return {line.split()[1] for line in run.told("manifest eligible for deletion: {")}

    assert ended(ours) == {digest(IMAGES["old"])}
    assert ended(theirs) == {digest(IMAGES["old"]), digest(ABOUT)}
    gone = {digest(LAYERS[name]) for name in ("deleted", "old")}
    assert theirs.left == ours.left == BLOBS - gone


def test_both_fail_with_one_where_there_is_nothing(tmp_path: Path) -> None:
    """A cron job notices a mistyped path."""
    (tmp_path / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/data}}}}\n"
    )

    for command in (program("registry"), Path(sys.executable).with_name("registry")):
        done = subprocess.run(
            [command, "garbage-collect", tmp_path / "config.yml"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("failed to garbage collect: ")

"""What ails a server: each trouble is found, named, and comes with what would help."""

import os
import socket
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lading.app.checkup import check_up, lasting, mask, open_files, space
from lading.app.config.tree import Config
from lading.app.directory import held, prepare
from lading.app.findings import Finding, Verdict
from lading.storage import root as root_module
from tests.peers.certificates import Authority

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory of a registry that is well."""
    made = tmp_path / "data"
    prepare(made)
    return made


def written(folder: Path, text: str) -> str:
    """A configuration file."""
    file = folder / "lading.yml"
    file.write_text(text)
    return str(file)


def by_subject(root: Path, file: str | None = None) -> Mapping[str, Finding]:
    """What is found, by subject; the last of each."""
    file = file or written(root.parent, "lading: {listen: '127.0.0.1:0'}")
    return {each.subject: each for each in check_up(file=file, root=str(root))}


def test_a_server_that_is_well_has_nothing_to_be_done(root: Path) -> None:
    """Whether it runs or not; and nothing is left behind."""
    before = sorted(root.rglob("*"))

    resting = by_subject(root)
    with held(Config(root=root)):
        running = by_subject(root)

    for found in (resting, running):
        # How full this machine's disk is, and what it lets us open, is its own affair.
        others = {k: v for k, v in found.items() if k not in {"disk space", "inodes", "open files"}}
        assert {each.verdict for each in others.values()} == {Verdict.GOOD}
        assert {each.advice for each in others.values()} == {""}
    assert str(os.getpid()) in running["address"].detail
    assert {each.name for each in sorted(root.rglob("*"))} - {each.name for each in before} <= {
        "registry.db-wal", "registry.db-shm", "lading.lock",
    }  # fmt: skip


def test_mistakes_in_the_configuration_are_all_told_and_nothing_else(root: Path) -> None:
    """What would be looked at is not known."""
    file = written(root.parent, "lading: {listen: nowhere, workers: -1}")

    found = list(check_up(file=file, root=str(root)))

    assert [(each.subject, each.verdict) for each in found] == [
        ("configuration", Verdict.FAILED)
    ] * 2
    assert all("lading.yml, line 1" in each.detail and each.advice for each in found)


def test_what_a_server_would_warn_of_is_told(root: Path) -> None:
    """A file of Distribution's has settings without effect."""
    text = "version: 0.1\nstorage: {cache: {blobdescriptor: inmemory}}\nhttp: {addr: '127.0.0.1:0'}"

    found = by_subject(root, written(root.parent, text))

    assert found["configuration"].verdict is Verdict.POOR


def test_a_directory_that_is_not_there_is_made_by_the_first_start(tmp_path: Path) -> None:
    """Or its name is wrong; that is for people to say."""
    found = by_subject(tmp_path / "data")

    assert found["data directory"].verdict is Verdict.POOR
    assert "not there" in found["data directory"].detail
    assert found["database"].detail == "none yet"


def test_a_directory_that_each_start_makes_is_not_looked_for(tmp_path: Path) -> None:
    """Another one that happens to be there says nothing."""
    text = "version: 0.1\nstorage: {inmemory: {}}\nhttp: {addr: '127.0.0.1:0'}"

    found = by_subject(tmp_path / "data", written(tmp_path, text))

    assert "data directory" not in found
    assert "database" not in found
    assert found["address"].verdict is Verdict.GOOD


def test_blobs_without_a_database_are_not_served(tmp_path: Path) -> None:
    """They would be swept as waste."""
    blob = tmp_path / "data/docker/registry/v2/blobs/sha256/ab" / ("ab" * 32) / "data"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"content")

    found = by_subject(tmp_path / "data")["data directory"]

    assert found.verdict is Verdict.FAILED
    assert found.advice


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_comes_with_the_command_that_helps(root: Path) -> None:
    """Somebody has collected as root: the server cannot write that file any more."""
    own = root.stat()
    os.chown(root / "metadata" / "write.lock", 12345, 12345)

    found = by_subject(root)["data directory"]

    assert found.verdict is Verdict.POOR
    assert "write.lock" in found.detail
    assert found.advice == f"chown -R {own.st_uid}:{own.st_gid} {root}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_directory_that_cannot_be_written_fails() -> None:
    """Whoever looks at it is the user that the server would be."""
    with tempfile.TemporaryDirectory(prefix="lading-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        file = written(folder, "lading: {listen: '127.0.0.1:0'}")
        prepare(folder / "data")
        os.seteuid(12345)
        try:
            found = by_subject(folder / "data", file)
        finally:
            os.seteuid(0)

    assert found["data directory"].verdict is Verdict.FAILED
    assert f"chown -R 12345:{os.getegid()} {folder / 'data'}" in found["data directory"].advice
    assert found["file system"].verdict is Verdict.GOOD


def test_a_directory_that_everybody_may_write_is_poor(root: Path) -> None:
    """Whoever has an account there can do what no client may."""
    root.chmod(0o777)

    found = by_subject(root)["data directory"]

    assert (found.verdict, found.advice) == (Verdict.POOR, f"chmod o-w {root}")


def test_network_file_systems_fail(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server refuses them."""
    mounts = root.parent / "mountinfo"
    mounts.write_text(f"40 22 0:50 / {root} rw shared:9 - nfs4 server:/x rw\n")
    monkeypatch.setattr(root_module, "_MOUNTS", str(mounts))

    found = by_subject(root)["file system"]

    assert found.verdict is Verdict.FAILED
    assert "nfs4" in found.detail


def test_a_damaged_database_fails(root: Path) -> None:
    """SQLite looks at its pages."""
    database = root / "metadata/registry.db"
    # What is in the log as well would be read from there.
    for name in ("registry.db-wal", "registry.db-shm"):
        (root / "metadata" / name).unlink()
    content = bytearray(database.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 16] = b"\xff" * 16
    database.write_bytes(content)

    found = by_subject(root)["database"]

    assert found.verdict is Verdict.FAILED
    assert found.advice


def test_something_written_in_the_future_means_a_wrong_clock(root: Path) -> None:
    """Grace periods would be wrong by as much."""
    later = datetime.now(UTC).timestamp() + 7200
    os.utime(root / "metadata/registry.db", (later, later))

    found = by_subject(root)["clock"]

    assert found.verdict is Verdict.FAILED
    assert "clock" in found.advice


def test_an_address_that_is_taken_fails(root: Path) -> None:
    """By another program, since no server has the directory."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        text = f"lading: {{listen: '127.0.0.1:{other.getsockname()[1]}'}}"
        found = by_subject(root, written(root.parent, text))["address"]

    assert found.verdict is Verdict.FAILED
    assert "another program" in found.detail


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("listen: ':0'", Verdict.POOR),
        ("listen: ':0', read_only: true", Verdict.GOOD),
        ("listen: 'localhost:0'", Verdict.GOOD),
        ("listen: '[::1]:0'", Verdict.GOOD),
        ("listen: 'unix:{folder}/socket'", Verdict.GOOD),
    ],
)
def test_an_open_door_is_told_of(root: Path, text: str, verdict: Verdict) -> None:
    """Nobody has to log in, and other machines can connect."""
    text = text.replace("{folder}", str(root.parent))

    found = by_subject(root, written(root.parent, f"lading: {{{text}}}"))["access"]

    assert found.verdict is verdict


def test_a_file_of_users_is_looked_at_and_not_made(root: Path, tmp_path: Path) -> None:
    """A server makes one that is missing, and does not start with one that is broken."""
    users = tmp_path / "users"
    text = "lading: {{listen: '127.0.0.1:0', auth: {{method: htpasswd, htpasswd: {{path: {}}}}}}}"
    file = written(tmp_path, text.format(users))

    missing = by_subject(root, file)["access"]
    made = users.exists()
    users.write_text("no user")
    broken = by_subject(root, file)["access"]

    assert (missing.verdict, made) == (Verdict.GOOD, False)
    assert broken.verdict is Verdict.FAILED
    assert "line 1 is not of the form" in broken.detail


@pytest.mark.parametrize(
    ("url", "verdict"), [("https://hooks.example", Verdict.GOOD), ("nowhere", Verdict.FAILED)]
)
def test_who_is_told_is_looked_at(root: Path, url: str, verdict: Verdict) -> None:
    """A server does not start if it could never tell them."""
    text = f"lading: {{notifications: {{endpoints: [{{name: hook, url: '{url}'}}]}}}}"

    found = by_subject(root, written(root.parent, text))["notifications"]

    assert (found.verdict, "hook" in found.detail) == (verdict, True)


def test_certificates_are_looked_at(root: Path, tmp_path: Path) -> None:
    """Whether they can be used, and for how long."""
    pair = Authority(tmp_path).pair("a")
    text = "lading: {{listen: '127.0.0.1:0', tls: {{certificate: {}, key: {}}}}}"

    well = by_subject(root, written(tmp_path, text.format(*pair)))["certificate"]
    pair.key.write_text("no key")
    broken = by_subject(root, written(tmp_path, text.format(*pair)))["certificate"]

    assert "valid from" in well.detail
    assert broken.verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("begins", "ends", "verdict"),
    [(-1, 90, Verdict.GOOD), (-90, 20, Verdict.POOR), (-90, 0, Verdict.FAILED), (1, 90, Verdict.FAILED)],
)  # fmt: skip
def test_certificates_that_end_are_told_of_before(begins: int, ends: int, verdict: Verdict) -> None:
    """Three weeks are enough to do something."""
    answer = lasting(NOW + timedelta(days=begins), NOW + timedelta(days=ends), NOW)

    assert answer[0] is verdict
    assert bool(answer[2]) == (verdict is not Verdict.GOOD)


@pytest.mark.parametrize(
    ("free", "whole", "verdict"),
    [(50, 100, Verdict.GOOD), (4, 100, Verdict.POOR), (0, 100, Verdict.FAILED), (0, 0, Verdict.GOOD)],
)  # fmt: skip
def test_little_space_is_told_of(free: int, whole: int, verdict: Verdict) -> None:
    """Some file systems have as many inodes as they like, and say zero."""
    assert space(free, whole, of="bytes", advice="gc")[0] is verdict


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [("1024", Verdict.POOR), ("65536", Verdict.GOOD), ("unlimited", Verdict.GOOD)],
)
def test_few_open_files_are_told_of(limit: str, verdict: Verdict) -> None:
    """Each client needs one; what counts is the hard limit, to which a server raises the other."""
    text = f"Limit  Soft Limit  Hard Limit  Units\nMax open files  256  {limit}  files\n"

    assert open_files(text)[0] is verdict
    assert open_files("")[0] is Verdict.GOOD


@pytest.mark.parametrize(
    ("value", "verdict"),
    [("0022", Verdict.GOOD), ("0027", Verdict.GOOD), ("0000", Verdict.POOR), ("0777", Verdict.FAILED)],
)  # fmt: skip
def test_a_umask_that_does_harm_is_told_of(value: str, verdict: Verdict) -> None:
    """It decides who may read and write what is stored."""
    assert mask(f"Name:\tlading\nUmask:\t{value}\n")[0] is verdict
    assert mask("Name:\tlading\n")[0] is Verdict.GOOD

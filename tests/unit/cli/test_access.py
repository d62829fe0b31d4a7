"""Logins: tried before they are kept, kept where others look for them, and never shown."""

import io
import json
import stat
from pathlib import Path

import pytest

from lading.cli.main import main
from lading.testing.personalities import basic_login
from tests.unit.cli.shelf import Shelf

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def locked(shelf: Shelf) -> Shelf:
    """A registry that lets only ann in, whose password is secret."""
    shelf.stand_in.become(basic_login("ann", "secret"))
    return shelf


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let standard input say *text*."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_login_is_tried_and_kept_where_docker_looks_for_it(
    locked: Shelf, here: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its owner can read the file, and the command says where it is."""
    typed(monkeypatch, "secret\n")

    code = main(["login", "-u", "ann", "--password-stdin", locked.host])

    said = capsys.readouterr().out
    file = here.parent / "home" / ".docker" / "config.json"
    assert code == 0
    assert str(file) in said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert locked.host in json.loads(file.read_text())["auths"]
    assert main(["digest", f"{locked.app}:v1"]) == 0


def test_a_wrong_login_is_not_kept(
    locked: Shelf, here: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 4, and no file."""
    typed(monkeypatch, "wrong\n")

    code = main(["login", "-u", "ann", "--password-stdin", locked.host])

    assert code == 4
    assert not (here.parent / "home" / ".docker").exists()


def test_a_password_on_the_command_line_is_warned_about(locked: Shelf, capsys: Printed) -> None:
    """Everybody on the machine can see it there."""
    code = main(["login", "-u", "ann", "-p", "secret", locked.host])

    assert code == 0
    assert "--password-stdin" in capsys.readouterr().err


def test_without_a_login_the_line_says_how_to_log_in(locked: Shelf, capsys: Printed) -> None:
    """Exit code 4."""
    code = main(["digest", f"{locked.app}:v1"])

    assert code == 4
    assert f"lading login {locked.host}" in capsys.readouterr().err


def test_a_login_for_one_command_comes_on_standard_input(
    locked: Shelf, here: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is kept nowhere."""
    typed(monkeypatch, "secret\n")

    code = main(["digest", f"{locked.app}:v1", "--username", "ann", "--password-stdin"])

    assert code == 0
    assert not (here.parent / "home" / ".docker").exists()


def test_each_side_can_have_its_own_login(
    locked: Shelf, here: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the source alone has one."""
    typed(monkeypatch, "secret\n")
    options = ["--from-username", "ann", "--from-password-stdin"]

    code = main(["copy", *options, f"{locked.app}:v1", "oci:layout:v1"])

    assert code == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--username", "ann"],
        ["--from-password-stdin", "--to-password-stdin"],
        ["--resolve", "nonsense"],
        ["--ca-file", "absent.pem"],
        ["--to-cert", "absent.pem"],
    ],
)
def test_options_that_cannot_be_honoured_are_a_mistake(
    options: list[str], shelf: Shelf, capsys: Printed
) -> None:
    """Exit code 2, before anything is done."""
    code = main(["copy", *options, f"{shelf.app}:v1", "oci:layout:v1"])

    assert code == 2


def test_whoami_tells_who_and_where_from(
    locked: Shelf, here: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With each step if that is asked for, and never with the password."""
    main(["login", "-u", "ann", "-p", "secret", locked.host])
    capsys.readouterr()

    code = main(["whoami", "--explain", locked.host])

    printed = capsys.readouterr()
    assert code == 0
    assert printed.out.startswith("ann (")
    assert printed.err.count("\n") >= 1
    assert "secret" not in printed.out + printed.err


def test_a_login_can_be_forgotten(locked: Shelf, here: Path, capsys: Printed) -> None:
    """The command says from where."""
    main(["login", "-u", "ann", "-p", "secret", locked.host])

    codes = [main(["logout", locked.host]), main(["whoami", locked.host])]

    assert codes == [0, 4]
    assert "config.json" in capsys.readouterr().out


def test_a_token_can_be_had_for_other_programs(shelf: Shelf, capsys: Printed) -> None:
    """As it is, or as the header that curl wants."""
    shelf.stand_in.become("docker-hub")

    codes = [main(["token", shelf.app]), main(["token", "--header", shelf.app])]

    token, header = capsys.readouterr().out.splitlines()
    assert codes == [0, 0]
    assert header.startswith("Authorization: Bearer ")
    assert token


def test_a_registry_without_tokens_says_so(shelf: Shelf, capsys: Printed) -> None:
    """Exit code 5."""
    assert main(["token", shelf.app]) == 5


def test_a_request_of_ones_own_is_authorised_like_every_other(
    shelf: Shelf, capsys: Printed
) -> None:
    """The scopes follow from the path."""
    shelf.stand_in.become("docker-hub")

    code = main(["api", "-i", "GET", f"{shelf.app.replace('/', '/v2/', 1)}/tags/list?n=1"])

    printed = capsys.readouterr().out
    assert code == 0
    assert printed.startswith("HTTP 200\n")
    assert printed.endswith('"tags":["old"]}\n')


def test_a_request_that_fails_ends_with_one_and_prints_the_answer(
    shelf: Shelf, capsys: Printed
) -> None:
    """What the registry says about it is what one wants to see."""
    codes = [
        main(["api", "GET", f"{shelf.host}/v2/team/app/manifests/none"]),
        main(["api", "GET", f"{shelf.host}/elsewhere"]),
        main(["api", "GET", "-H", "nonsense", f"{shelf.host}/v2/"]),
    ]

    assert codes == [1, 2, 2]
    assert "MANIFEST_UNKNOWN" in capsys.readouterr().out


def test_a_request_can_have_a_body(shelf: Shelf, here: Path, capsys: Printed) -> None:
    """From a file, or from standard input."""
    main(["manifest", "get", f"{shelf.app}:v1"])
    (here / "manifest.json").write_text(capsys.readouterr().out)
    kind = "Content-Type: application/vnd.oci.image.manifest.v1+json"

    code = main(
        ["api", "PUT", f"{shelf.host}/v2/team/app/manifests/x", "-H", kind, "-d", "manifest.json"]
    )

    assert code == 0
    assert "x" in shelf.tags()


@pytest.mark.parametrize("manner", [[], ["old"]])
def test_the_doctor_leaves_nothing_behind(manner: list[str], shelf: Shelf, capsys: Printed) -> None:
    """Whether it wrote or not, and whether the registry lists referrers or not."""
    shelf.stand_in.become(*manner)
    before = shelf.tags()

    codes = [main(["doctor", shelf.host]), main(["doctor", "--write", shelf.app])]

    assert codes == [0, 0]
    assert shelf.tags() == before
    assert "no " not in capsys.readouterr().out.split("push in pieces")[1]


def test_the_doctor_finds_what_is_missing(shelf: Shelf, capsys: Printed) -> None:
    """A registry from before the referrers API, which deletes nothing."""
    shelf.stand_in.become("old", "ghcr")

    code = main(["doctor", "--write", shelf.app, "-o", "json"])

    found = {
        each["subject"]: each["verdict"] for each in json.loads(capsys.readouterr().out)["findings"]
    }
    assert code == 0
    assert found["authentication"] == "yes"
    assert found["referrers API"] == "no"
    assert found["delete a tag"] == "no"


def test_the_doctor_says_when_nobody_is_there(here: Path, capsys: Printed) -> None:
    """Exit code 1, and what to look at."""
    code = main(["doctor", "127.0.0.1:1"])

    assert code == 1
    assert "failed" in capsys.readouterr().out

"""``lading config check``: what a server would not start with."""

from pathlib import Path

import pytest

from lading.cli.main import main


def test_file_in_which_nothing_stands_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A server would refuse it too."""
    file = tmp_path / "config.yml"
    file.write_text("# to be written\n")

    code = main(["config", "check", str(file)])

    told = capfd.readouterr().out
    assert code == 1
    assert told.startswith(f"refused: {file}: nothing stands in it. ")
    assert told.count("\n") == 1


def test_endpoints_that_cannot_be_told_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """All of them with their place, and without what opens them; one that is disabled is not."""
    file = tmp_path / "config.yml"
    file.write_text(
        "lading:\n"
        "  notifications:\n"
        "    endpoints:\n"
        "    - {name: one, url: 'ftp://user:geheim@x/'}\n"
        "    - {name: two, url: 'https://localhost/events'}\n"
        "    - {name: three, url: ''}\n"
        "    - {name: four, url: '', disabled: true}\n"
        "    - {name: two, url: 'http://localhost'}\n"
    )

    code = main(["config", "check", str(file)])

    told = capfd.readouterr().out
    begun = f"refused: {file}, line 3: notifications.endpoints: "
    advice = "Correct the setting that is named."
    none = f"is not a URL that begins with https:// or http://. {advice}"
    unnamed = f"needs a name of its own, by which is remembered what it was told. {advice}"
    assert code == 1
    assert told.splitlines() == [
        f"{begun}two {unnamed}",
        f"{begun}one: 'ftp://x/' {none}",
        f"{begun}three: '' {none}",
    ]


TOKEN = "auth: {token: {realm: 'http://a', service: s, issuer: i, "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http: {tls: {key: /k}}", "http.tls.key: it has no certificate"),
        ("http: {tls: {certificate: /c}}", "http.tls.certificate: it has no key"),
        ("http: {tls: {certificate: /c, key: /k}}", "http.tls.certificate: /c: No such file"),
        (TOKEN + "rootcertbundle: /r}}", "auth.token.rootcertbundle: /r: No such file"),
        (TOKEN + "jwks: /j}}", "auth.token.jwks: /j: No such file"),
        (TOKEN + "jwks: /dev/null}}", "auth.token.jwks: /dev/null: it is no file"),
        (
            "notifications: {endpoints: [{name: a, url: host/x}]}",
            "notifications.endpoints: a: 'host/x' is not a URL",
        ),
        (
            "http: {debug: {prometheus: {enabled: yes, path: metrics}}}",
            "http.debug.prometheus.path: 'metrics' does not begin with /",
        ),
        ("lading: {tls: {key: /k}}", "tls.key: it has no certificate"),
    ],
)
def test_what_a_server_would_not_start_with_is_named_as_in_the_file(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files that are missing or broken, too: each with the key of the file, and its line."""
    file = tmp_path / "config.yml"
    file.write_text(f"version: 0.1\nstorage: inmemory\n{text}\n")

    code = main(["config", "check", str(file)])

    told = [each for each in capsys.readouterr().out.splitlines() if each.startswith("refused")]
    assert code == 1
    assert len(told) == 1
    assert told[0].startswith(f"refused: {file}, line 3: {said}")


def test_path_of_metrics_that_nobody_is_shown_is_not_refused(tmp_path: Path) -> None:
    """Distribution does not look at it either."""
    file = tmp_path / "config.yml"
    file.write_text("version: 0.1\nstorage: inmemory\nhttp: {debug: {prometheus: {path: m}}}\n")

    assert main(["config", "check", str(file)]) == 0


@pytest.mark.parametrize("command", ["check", "show"])
def test_the_file_that_a_server_would_read_is_meant(
    command: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As for the server, a variable may name it."""
    file = tmp_path / "config.yml"
    file.write_text("version: 0.1\nstorage: inmemory\n")
    monkeypatch.setenv("REGISTRY_CONFIGURATION_PATH", str(file))

    code = main(["config", command])

    assert code == 0
    assert str(file) in capsys.readouterr().out

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

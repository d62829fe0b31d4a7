"""What the command line gives to a shell and to the reader of manuals, used by the programs for it."""

from pathlib import Path

import pytest

from tests.interop.commands import Program
from tests.peers.programs import program
from tools.manual import pages


@pytest.mark.parametrize(
    ("words", "expected"),
    [("lading co", {"copy", "config", "completion"}), ("lading blob ", {"get", "put", "head"})],
)
def test_bash_completes_commands(
    ours: Program, words: str, expected: set[str], tmp_path: Path
) -> None:
    """By the script that the command prints, as it stands."""
    script = tmp_path / "script"
    script.write_bytes(ours.run("completion", "bash"))
    last = len(words.split(" ")) - 1
    ask = (
        f'PATH="{ours.path.parent}:$PATH"; source {script}; COMP_WORDS=({words}); '
        f"COMP_CWORD={last}; _lading_completion lading; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )

    completed = Program(program("bash")).text("-c", ask)

    assert expected <= set(completed.split())


def test_powershell_is_told_in_three_lines_each(ours: Program) -> None:
    """What it is, the word, and a line about it; asked as its script asks."""
    asked = "_LADING_COMPLETE=powershell_complete COMP_WORDS='lading co' COMP_CWORD=1"

    told = Program(program("bash")).text("-c", f"{asked} {ours.path}").splitlines()

    assert set(told[::3]) == {"plain"}
    assert {"copy", "config", "completion"} <= set(told[1::3])
    assert all(told[2::3])


@pytest.mark.parametrize("name", ["lading.1", "lading-copy.1"])
def test_groff_understands_the_manual(name: str, tmp_path: Path) -> None:
    """It warns of nothing, and the options are there."""
    page = tmp_path / name
    page.write_text(dict(pages())[name])
    warned = tmp_path / "warned"
    command = f"{program('groff')} -man -ww -Tutf8 {page} 2>{warned}"

    shown = Program(program("bash")).text("-c", command)

    assert warned.read_text() == ""
    assert "--traceback" in shown or "--from-plain-http" in shown

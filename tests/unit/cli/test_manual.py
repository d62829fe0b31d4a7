"""Manual pages say what the help says, in the language of man(7)."""

import re

import pytest

from tests.unit.cli.commands import ALL
from tools.manual import pages

PAGES = dict(pages())
MACROS = {"TH", "SH", "SS", "PP", "TP", "B", "BR", "nf", "fi"}


def test_every_command_has_a_page() -> None:
    """And there is one for all of them together."""
    names = {f"lading-{name.replace(' ', '-')}.1" for name in ALL}

    assert names | {"lading.1"} == set(PAGES)


@pytest.mark.parametrize("name", list(ALL))
def test_a_page_tells_of_every_option(name: str) -> None:
    """Those that say how a registry is reached included."""
    page = PAGES[f"lading-{name.replace(' ', '-')}.1"].replace("\\-", "-")

    options = {option for each in ALL[name].params for option in each.opts if option[0] == "-"}
    assert {option for option in options if option not in page} == set()


@pytest.mark.parametrize("name", list(PAGES))
def test_text_is_never_taken_for_a_command(name: str) -> None:
    """A line that begins with a dot is one of the few commands that are used."""
    used = set(re.findall(r"^[.'](\S*)", PAGES[name], re.MULTILINE))

    assert used <= MACROS

"""Distribution 3.1.1 and Lading, set up by the same file, are asked the same and answer alike.

Every difference there is has a row in ``permitted``, which says why; it is part of the
documentation. What is compared: status, header fields and body of several hundred answers, the
lines that both logs have of them, the events that endpoints are told, and what is counted, in every
way in which registries are set up.
"""

from collections import Counter

import pytest

from tests.interop.differential.comparing import Difference, counts, differences
from tests.interop.differential.permitted import PERMITTED, Permitted, permitted_by
from tests.interop.differential.running import Field
from tests.interop.differential.setups import SETUPS, Setup


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Field:
    """Both registries, filled alike."""
    return Field(tmp_path_factory.mktemp("field"))


@pytest.fixture(scope="module")
def needed() -> Counter[Permitted]:
    """How often each row was needed, in all setups together."""
    return Counter()


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.name)
def test_both_answer_alike_but_for_what_is_permitted(
    setup: Setup, field: Field, needed: Counter[Permitted]
) -> None:
    """A difference that no row permits is a fault of ours, or wants a row with a good reason."""
    unexpected: list[Difference] = []

    answers, counted = field.compare(setup)
    for found in (
        *(each for both in answers for each in differences(setup.name, *both)),
        *counts(setup.name, answers, counted),
    ):
        row = permitted_by(found, PERMITTED)
        if row is None:
            unexpected.append(found)
        else:
            needed[row] += 1

    assert not unexpected, "\n".join(map(str, unexpected))


def test_every_row_is_needed(needed: Counter[Permitted]) -> None:
    """A difference that is gone is not to come back unseen. Runs after all setups."""
    unneeded = [row for row in PERMITTED if row not in needed]

    assert not unneeded, "\n".join(map(str, unneeded))

"""Every error class is complete: a table row, words for people, a place in the drawn tree."""

import re

import pytest

from lading import errors
from lading.errors import LadingError, RegistryError
from lading.wire import problems
from tools.reference import error_classes

each_error = pytest.mark.parametrize("kind", list(error_classes()), ids=lambda kind: kind.__name__)


@each_error
def test_an_error_has_a_row_of_its_own_on_the_wire(kind: type[LadingError]) -> None:
    """How an error is answered is decided for each class, not inherited by oversight."""
    assert kind in problems.TABLE


@each_error
def test_an_error_says_what_happened_and_what_to_do(kind: type[LadingError]) -> None:
    """A summary begins in lower case, to stand after a name; advice is a sentence of its own.

    An error whose advice depends on the case says it in its message.
    """
    assert kind.summary != LadingError.summary
    assert kind.summary[0].islower()
    assert not kind.summary.endswith(".")
    if kind is not errors.StorageUnfit:
        assert kind.advice.endswith((".", "!"))


@each_error
def test_an_error_is_in_the_drawing_of_the_tree(kind: type[LadingError]) -> None:
    """Whoever opens the module sees the whole tree."""
    assert re.search(rf"\b{kind.__name__}\b", errors.__doc__ or "")


def test_every_registry_error_has_a_code() -> None:
    """Codes are the spec's names, in capitals."""
    codes = {kind.code for kind in error_classes() if issubclass(kind, RegistryError)}

    assert all(re.fullmatch(r"[A-Z_]+", code) for code in codes)

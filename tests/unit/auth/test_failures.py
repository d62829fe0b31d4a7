"""Who failed how often, as all workers know it."""

import os

from lading.auth.failures import Failures, Trouble


def test_trouble_is_known_by_its_words() -> None:
    """All of them, in their order."""
    failures = Failures(100)
    failures.put(Trouble(3, 1.5, 2.5), "ada", "192.0.2.1")

    failures.put(Trouble(4, 1.5, 3.5), "ada", "192.0.2.1")

    assert failures.get("ada", "192.0.2.1") == Trouble(4, 1.5, 3.5)
    assert failures.get("192.0.2.1", "ada") is None
    assert failures.get("ada") is None


def test_what_one_process_notes_is_known_to_the_others() -> None:
    """Those that it has come from, and those that come from the same."""
    failures = Failures(100)

    child = os.fork()
    if not child:
        failures.put(Trouble(7, 1.0, 2.0), "ada")
        os._exit(0)
    os.waitpid(child, 0)

    assert failures.get("ada") == Trouble(7, 1.0, 2.0)


def test_what_failed_longest_ago_gives_way() -> None:
    """Strangers can come with any number of names."""
    failures = Failures(8)

    for number in (2, 1, 3, 4, 5, 6, 7, 8, 9):
        failures.put(Trouble(1, float(number)), str(number))

    assert failures.get("1") is None
    assert all(failures.get(str(number)) for number in range(2, 10))


def test_nothing_gives_way_while_there_is_room() -> None:
    """Not even to a failure at 0.0, which is what an empty place says too."""
    failures = Failures(8)

    for number in range(8):
        failures.put(Trouble(1, 0.0), str(number))

    assert all(failures.get(str(number)) for number in range(8))


def test_any_words_can_be_noted() -> None:
    """They come from requests."""
    failures = Failures(100)

    failures.put(Trouble(1, 1.0), "\udcff\0", "")

    assert failures.get("\udcff\0", "") == Trouble(1, 1.0)

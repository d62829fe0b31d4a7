"""What a process remembers of the database stays within bounds, and is never out of date."""

from collections.abc import Iterator, Sequence

import pytest

from lading.metadata.cache import LASTING, AnswerCache, ManifestCache, Remembered
from lading.metadata.connection import Row, Value
from lading.metadata.sqlite_connection import SqliteConnection
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest

ASK = "SELECT digest FROM named WHERE name = ?"


class _Asked(SqliteConnection):
    """A database in memory that knows how often it was asked."""

    def __init__(self) -> None:
        super().__init__(None, writes=True, creates=True)
        self.run("CREATE TABLE named (name TEXT, digest TEXT)")
        self.times = 0
        self.number: int | None = 2

    def row(self, statement: str, values: Sequence[Value] = ()) -> Row | None:
        """As always, and counted."""
        self.times += 1
        return super().row(statement, values)

    def give(self, name: str, digest: str) -> None:
        """Let *name* name *digest*, and say that somebody wrote."""
        self.run("INSERT INTO named VALUES (?, ?)", (name, digest))
        self.number = (self.number or 0) + 2


@pytest.fixture
def asked() -> Iterator[_Asked]:
    """A database in which the name ``a`` is one."""
    found = _Asked()
    found.give("a", "1")
    yield found
    found.close()


def test_question_is_asked_once_while_nobody_writes(asked: _Asked) -> None:
    """The second answer costs no search."""
    answers = AnswerCache(lambda: asked.number)

    found = [answers.row(asked, ASK, ("a",)) for _ in range(3)]

    assert found == [("1",)] * 3
    assert asked.times == 1


def test_question_is_asked_again_once_anybody_wrote(asked: _Asked) -> None:
    """What was remembered is forgotten with the first change, whatever it was about."""
    answers = AnswerCache(lambda: asked.number)
    answers.row(asked, ASK, ("a",))
    asked.run("DELETE FROM named")

    asked.give("a", "2")

    assert answers.row(asked, ASK, ("a",)) == ("2",)


def test_two_questions_about_one_name_have_their_own_answers(asked: _Asked) -> None:
    """What is remembered is the answer to a question, not what is known of a name."""
    answers = AnswerCache(lambda: asked.number)
    answers.row(asked, ASK, ("a",))

    assert answers.row(asked, "SELECT name FROM named WHERE name = ?", ("a",)) == ("a",)


def test_nothing_is_remembered_while_somebody_may_be_writing(asked: _Asked) -> None:
    """Without a number there is no telling whether an answer still holds."""
    answers = AnswerCache(lambda: asked.number)
    answers.row(asked, ASK, ("a",))
    asked.number = None

    for _ in range(3):
        answers.row(asked, ASK, ("a",))

    assert asked.times == 4


def test_answer_is_asked_for_again_after_its_time(asked: _Asked) -> None:
    """What a program wrote that does not count is seen soon as well."""
    now = [100.0]
    answers = AnswerCache(lambda: asked.number, clock=lambda: now[0])
    answers.row(asked, ASK, ("a",))
    asked.run("UPDATE named SET digest = '2'")
    before = answers.row(asked, ASK, ("a",))

    now[0] += LASTING

    assert before == ("1",)
    assert answers.row(asked, ASK, ("a",)) == ("2",)


def test_answers_have_a_bound(asked: _Asked) -> None:
    """Any number of names can be asked for without the memory growing with them."""
    answers = AnswerCache(lambda: asked.number, limit=10)
    for number in range(95):
        asked.give(f"n{number}", "1")

    for number in range(95):
        answers.row(asked, ASK, (f"n{number}",))

    assert len(answers) <= 10


def test_what_is_not_there_is_not_remembered(asked: _Asked) -> None:
    """Names that strangers make up take no room from those that are used."""
    answers = AnswerCache(lambda: asked.number)

    assert answers.row(asked, ASK, ("none",)) is None

    assert len(answers) == 0


def _manifest(size: int) -> Remembered:
    body = b"m" * size
    return Remembered(body, Descriptor("application/json", Digest.of(body), size))


def test_cache_forgets_what_was_not_asked_for_longest() -> None:
    """A manifest that was read lately outlives one that was not."""
    cache = ManifestCache(limit=20_000)
    for row in (1, 2):
        cache.put(row, _manifest(8_000))
    cache.get(1)

    cache.put(3, _manifest(8_000))

    assert cache.get(1) is not None
    assert cache.get(2) is None
    assert cache.get(3) is not None


def test_manifest_larger_than_the_cache_is_not_kept() -> None:
    """One large manifest cannot break the bound."""
    cache = ManifestCache(limit=20_000)

    cache.put(1, _manifest(30_000))

    assert len(cache) == 0


def test_putting_a_manifest_twice_counts_it_once() -> None:
    """Two readers that miss at the same time do not use up the bound."""
    cache = ManifestCache(limit=20_000)
    for _ in range(5):
        cache.put(1, _manifest(8_000))

    cache.put(2, _manifest(8_000))

    assert len(cache) == 2

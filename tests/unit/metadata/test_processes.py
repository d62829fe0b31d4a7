"""Several processes share a database, and one that dies takes nothing with it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path

from lading.metadata.sqlite import open_sqlite
from lading.metadata.sqlite_file import prepare_sqlite
from lading.oci.names import RepositoryName

APP = RepositoryName("team/app")
PROGRAM = Path(__file__).parent / "writing_process.py"


@contextmanager
def writing(root: Path, name: str, how: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that puts tags and prints those that were acknowledged; killed at the end."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(root), name, how], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def acknowledged(process: "subprocess.Popen[str]", number: int) -> list[str]:
    """The next *number* tags that *process* was told are durable."""
    assert process.stdout is not None
    return [line.strip() for line in islice(process.stdout, number)]


async def tags_in(root: Path) -> set[str]:
    """All tags there are, after a check that nothing is wrong."""
    async with open_sqlite(root, grace=timedelta(hours=24)) as store:
        assert [*await store.check()] == []
        return {*(await store.list_tags(APP, after=None, limit=1_000_000)).items}


async def test_two_processes_write_at_once(tmp_path: Path) -> None:
    """Neither loses what it was told is durable, and events are numbered without a gap."""
    prepare_sqlite(tmp_path)
    with writing(tmp_path, "a", "4") as one, writing(tmp_path, "b", "4") as other:
        told = acknowledged(one, 100) + acknowledged(other, 100)

    assert set(told) <= await tags_in(tmp_path)
    async with open_sqlite(tmp_path, grace=timedelta(hours=24)) as store:
        numbers = [event.number for event in await store.events(after=0, limit=1_000_000)]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    """SIGKILL at any moment leaves every acknowledged tag, and the others go on writing."""
    prepare_sqlite(tmp_path)
    told = []
    with ExitStack() as stack:
        survivor = stack.enter_context(writing(tmp_path, "s", "2"))
        for number in range(5):
            with writing(tmp_path, f"k{number}", "4") as victim:
                told += acknowledged(victim, 20 + 7 * number)
                victim.send_signal(signal.SIGKILL)
                assert victim.stdout is not None
                told += [line.strip() for line in victim.stdout if line.endswith("\n")]
            told += acknowledged(survivor, 10)

    assert set(told) <= await tags_in(tmp_path)


async def test_full_disk_is_said_and_passes(tmp_path: Path) -> None:
    """Without room a change fails as such, reads go on, and with room changes do."""
    prepare_sqlite(tmp_path)
    with writing(tmp_path, "f", "full") as process:
        told, _ = process.communicate(timeout=60)

    lines = told.split()
    assert "full" in lines
    assert lines[-1] == "f-after"
    assert {line for line in lines if line != "full"} <= await tags_in(tmp_path)

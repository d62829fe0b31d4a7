"""Lines that somebody reads, or has stopped to read."""

import logging
import os
import threading
from collections.abc import Iterator

import pytest

from lading.app.outlets import Outlet, logging_beside

Pipe = tuple[int, int]
LINE = b"x" * 99 + b"\n"


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe: where it is read, and where it is written."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(writing)
    os.close(reading)


def _read(file: int, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += os.read(file, size - len(found))
    return found


def test_lines_come_out_in_order(pipe: Pipe) -> None:
    """Closing waits for them."""
    reading, writing = pipe
    outlet = Outlet(writing)

    for number in range(100):
        outlet.write(b"%d\n" % number)
    outlet.close()

    assert os.read(reading, 1 << 16).split() == [b"%d" % number for number in range(100)]


def test_reader_that_stands_still_holds_up_nobody(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    """What finds no room is dropped whole, and told once the reader goes on."""
    reading, writing = pipe
    outlet = Outlet(writing, most=500_000)

    for _ in range(10_000):
        outlet.write(LINE)

    assert _read(reading, 400_000) == LINE * 4_000
    # The outlet may have had its first line out while others were still coming, and told twice.
    taken = 10_000 - sum(vars(told)["lines"] for told in caplog.records)
    assert 5_000 <= taken < 6_000
    assert _read(reading, taken * 100 - 400_000) == LINE * (taken - 4_000)
    outlet.close()


def test_pipe_that_never_blocks_is_waited_for(pipe: Pipe) -> None:
    """Whoever shares it may have made it so; no line is torn by that."""
    reading, writing = pipe
    os.set_blocking(writing, False)
    outlet = Outlet(writing)

    for _ in range(5_000):
        outlet.write(LINE)

    assert _read(reading, 500_000) == LINE * 5_000
    outlet.close()


def test_reader_that_is_gone_is_no_failure() -> None:
    """As with ``lading serve | head``."""
    reading, writing = os.pipe()
    os.close(reading)
    outlet = Outlet(writing)

    outlet.write(LINE)
    outlet.write(LINE)
    outlet.close()

    assert not any(each.name == "lading-outlet" for each in threading.enumerate())
    os.close(writing)


def test_logs_go_on_beside_the_program(pipe: Pipe) -> None:
    """And to their own stream again afterwards."""
    reading, writing = pipe
    handler = logging.StreamHandler(os.fdopen(os.dup(writing), "w"))
    root = logging.getLogger()
    root.addHandler(handler)
    before = handler.stream
    try:
        with logging_beside():
            assert handler.stream is not before
            for _ in range(600):
                root.error("x" * 99)
        assert handler.stream is before
        assert _read(reading, 60_000) == LINE * 600
    finally:
        root.removeHandler(handler)
        before.close()

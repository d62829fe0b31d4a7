"""What people do to a server at three in the morning."""

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.running import LADING, PATIENCE, Client, blob_file, digest, eventually


@pytest.fixture
def port() -> int:
    """A port that is free, most likely."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextlib.contextmanager
def serving(root: Path, port: int, redirected: str = "", **how: Any) -> Iterator[Client]:
    """``lading serve`` with its standard files as a shell would give them."""
    line = f'exec "$0" serve --root "$1" --listen 127.0.0.1:{port} --workers 1 {redirected}'
    process = subprocess.Popen(
        ["/bin/sh", "-c", line, LADING, str(root)], start_new_session=True, **how
    )
    try:

        def answers() -> bool:
            with contextlib.suppress(OSError), Client(port) as ask:
                return ask("GET", "/readyz").status == 200
            assert process.poll() is None
            return False

        eventually(answers)
        with Client(port) as ask:
            yield ask
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_that_nobody_reads_any_more_stops_no_answers(
    tmp_path: Path, port: int, stream: str
) -> None:
    """A terminal that was stopped, or a log collector that hangs, leaves a full pipe."""
    reading, writing = os.pipe()
    other = {"stdout": "2>/dev/null", "stderr": ">/dev/null"}[stream]

    with serving(tmp_path / "data", port, other, **{stream: writing}) as ask:
        for _ in range(1_500):
            # Refused, so that both logs have something to say.
            assert ask("GET", "/v2/UPPER/tags/list").status == 400

    os.close(reading)
    os.close(writing)


def test_server_without_standard_files_writes_its_logs_into_no_others(
    tmp_path: Path, port: int
) -> None:
    """Uploads and the database would be opened as number 0, 1 or 2."""
    data = os.urandom(300_000)

    with serving(tmp_path / "data", port, "<&- >&- 2>&-") as ask:
        where = ask.begin("a")
        assert ask("PATCH", where, data[:100_000]).status == 202
        assert ask("GET", "/v2/UPPER/tags/list").status == 400
        assert ask("PATCH", where, data[100_000:]).status == 202
        assert ask("PUT", f"{where}?digest={digest(data)}").status == 201
        assert ask("GET", f"/v2/a/blobs/{digest(data)}").body == data

    assert (tmp_path / "data/lading.lock").read_text().strip().isdigit()


@pytest.mark.parametrize("words", [["serve", "--listen", "127.0.0.1:0"], ["gc"], ["fsck"]])
def test_data_of_another_registry_is_left_alone(tmp_path: Path, words: list[str]) -> None:
    """It lies at the same paths, and nothing of it is known: the first sweep would take it all."""
    data = json.dumps({"pushed": "to Distribution"}).encode()
    file = blob_file(tmp_path, digest(data))
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    os.utime(file, (0, 0))

    done = subprocess.run(
        [LADING, *words, "--root", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert file.read_bytes() == data
    assert [each.name for each in tmp_path.iterdir()] == ["docker"]

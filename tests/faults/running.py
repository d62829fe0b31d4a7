"""A running ``lading serve`` and the commands beside it, as tests see them: from outside."""

import contextlib
import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

PATIENCE = 30.0
"""Seconds after which something that was to happen did not."""

LADING = str(Path(sys.executable).parent / "lading")


class Answer(NamedTuple):
    """What came back: status, headers (names as the library reads them) and the body."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def code(self) -> str:
        """The code of the first error in the body."""
        return str(json.loads(self.body)["errors"][0]["code"])


class Client:
    """One keep-alive connection; it is opened again when the server closed it."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def __call__(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request; an iterable as *body* is sent chunked."""
        self.connection.request(method, path, body, headers or {})
        found = self.connection.getresponse()
        return Answer(found.status, found.headers, found.read())

    def __enter__(self) -> Self:
        """Nothing: the connection is made by the first request."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.connection.close()

    def push(self, repository: str, data: bytes) -> Answer:
        """A blob in one request."""
        return self("POST", f"/v2/{repository}/blobs/uploads/?digest={digest(data)}", data)

    def begin(self, repository: str) -> str:
        """Open an upload; where it is."""
        answer = self("POST", f"/v2/{repository}/blobs/uploads/")
        assert answer.status == 202, answer
        return str(answer.headers["Location"])


class Server:
    """``lading serve`` on a free port, in a process group of its own; its log goes to a file."""

    COMMAND: ClassVar = [LADING, "serve"]

    def __init__(
        self,
        root: Path,
        *options: str,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.root = root
        self.log = root.parent / f"{root.name}.{time.monotonic_ns()}.log"
        variables = {f"LADING__{name}": value for name, value in (settings or {}).items()}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [LADING, "serve", "--root", str(root), "--listen", "127.0.0.1:0", *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **variables},  # noqa: TID251 - what the caller has, and more
            )
        try:
            eventually(lambda: bool(self.said("serving")) or self.process.poll() is not None)
            assert self.said("serving"), self.log.read_text()
        except BaseException:
            self.kill()
            raise
        _, _, port = self.said("serving")[0]["urls"].rpartition(":")
        # A socket in the file system has none.
        self.port = int(port) if port.isdigit() else 0

    def said(self, event: str) -> list[dict[str, Any]]:
        """All whole lines of the log about *event*."""
        lines = self.log.read_bytes().split(b"\n")[:-1]
        told = [json.loads(line) for line in lines if line.startswith(b"{")]
        return [line for line in told if line["event"] == event]

    @property
    def workers(self) -> list[int]:
        """Process ids of the workers."""
        pid = self.process.pid
        try:
            return [int(i) for i in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except FileNotFoundError:
            return []

    def client(self) -> Client:
        """A connection of one's own."""
        return Client(self.port)

    def kill(self) -> None:
        """SIGKILL to all its processes at once, and wait until they are gone."""
        workers = self.workers
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        eventually(lambda: all(gone(pid) for pid in workers))

    def stop(self) -> int:
        """Ask it to stop; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def __enter__(self) -> Self:
        """Nothing: it runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """End what is still there."""
        self.kill()

    def memory(self) -> dict[int, int]:
        """Resident bytes of each worker, files that are mapped left out."""
        return {pid: _anonymous(pid) for pid in self.workers}


def _anonymous(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(pid)


def command(*words: str, settings: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON document of a command that must end by itself, without a traceback."""
    variables = {f"LADING__{name}": value for name, value in (settings or {}).items()}
    done = subprocess.run(
        [LADING, *words, "-o", "json"],
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        check=False,
        env={**os.environ, **variables},  # noqa: TID251 - what the caller has, and more
    )
    assert "Traceback" not in done.stderr, done.stderr
    if not done.stdout:
        return done.returncode, {"error": done.stderr}
    return done.returncode, json.loads(done.stdout)


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    """Whether a process has ended (nobody may be there to collect what is left of it)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def digest(data: bytes) -> str:
    """The name of some content."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def blob_file(root: Path, name: str) -> Path:
    """Where the bytes of a blob lie: Distribution's place."""
    value = name.partition(":")[2]
    return root / f"docker/registry/v2/blobs/sha256/{value[:2]}/{value}/data"

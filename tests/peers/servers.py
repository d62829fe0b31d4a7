"""Registries as child processes: Lading, and Distribution 3.1.1 to compare with.

A `Server` is started, tells its address, and is stopped; it ends only what it started.
"""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.programs import program


class ServerFailed(Exception):
    """A server ended or did not become ready; the text carries the end of its log."""


def free_port() -> int:
    """A loopback TCP port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """One registry process (with its children) that listens on a loopback port."""

    name: str
    command: Sequence[str]
    address: str
    log: Path
    ready_path: str
    environment: Mapping[str, str] = field(default_factory=dict)
    scheme: str = "http"
    start_seconds: float = 0.0
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"{self.scheme}://{self.address}"

    @property
    def host(self) -> str:
        """The host part of the address."""
        return self.address.rpartition(":")[0]

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self.address.rpartition(":")[2])

    def start(self, *, deadline: float = 60.0) -> Self:
        """Start the process and wait until it is ready, at most *deadline* seconds.

        Raises `ServerFailed` with the end of its log.
        """
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        while not self._is_ready():
            if self._process.poll() is not None:
                raise ServerFailed(f"{self.name} ended at its start:\n{self.log_end()}")
            if time.monotonic() - began > deadline:
                self.stop()
                raise ServerFailed(f"{self.name} did not become ready:\n{self.log_end()}")
            time.sleep(0.01)
        self.start_seconds = time.monotonic() - began
        return self

    def _is_ready(self) -> bool:
        try:
            # Whether it is the right one is not asked here, only whether it answers.
            seal = ssl._create_unverified_context() if self.scheme == "https" else None
            url = self.url + self.ready_path
            with urllib.request.urlopen(url, timeout=5, context=seal) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self, *, deadline: float = 30.0) -> int:
        """Ask the process to end by SIGTERM, and return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(deadline)
        except subprocess.TimeoutExpired:
            # The process leads its own session, so its group holds nothing that is not its own.
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()

    def pids(self) -> list[int]:
        """The ids of the process and of all its descendants."""
        if self._process is None:
            return []
        found = [self._process.pid]
        for pid in found:
            found.extend(_children(pid))
        return found

    def log_end(self, *, lines: int = 12) -> str:
        """The last *lines* of what the process wrote, long ones cut."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(line[:400] for line in text.splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found.extend(int(child) for child in (task / "children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        return found
    return found


def lading(
    root: Path,
    *,
    workers: int | None = None,
    allow_missing: bool = False,
    access_log: bool = True,
) -> Server:
    """Lading's own server on the folder *root*, not yet started."""
    root.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [str(Path(sys.executable).parent / "lading"), "serve"]
    command += ["--root", str(root / "data"), "--listen", f"127.0.0.1:{port}"]
    if workers is not None:
        command += ["--workers", str(workers)]
    if allow_missing:
        command.append("--allow-missing")
    if not access_log:
        config = root / "lading.yml"
        config.write_text("lading:\n  log:\n    access: false\n")
        command += ["--config", str(config)]
    return Server("Lading", command, f"127.0.0.1:{port}", root / "server.log", "/readyz")


_DISTRIBUTION_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: {no_access_log}}}}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http: {{addr: "127.0.0.1:{port}", secret: not-a-secret}}
"""


def distribution(root: Path, *, access_log: bool = False) -> Server:
    """Distribution 3.1.1 on the folder *root*, deleting allowed, not yet started."""
    root.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = root / "config.yml"
    config.write_text(
        _DISTRIBUTION_CONFIG.format(
            no_access_log=str(not access_log).lower(), root=root / "data", port=port
        )
    )
    return Server(
        "Distribution",
        [str(program("registry")), "serve", str(config)],
        f"127.0.0.1:{port}",
        root / "server.log",
        "/v2/",
        {"OTEL_TRACES_EXPORTER": "none"},
    )

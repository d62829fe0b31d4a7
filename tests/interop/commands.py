"""Run other people's programs, and show what they said when they fail."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT_SECONDS = 120


class CommandFailed(AssertionError):
    """A program ended with an error; the text carries its command line and its output."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program with the options and the environment that every call of it gets."""

    path: Path
    options: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = TIMEOUT_SECONDS

    def run(self, *arguments: str | Path, cwd: Path | None = None, stdin: bytes = b"") -> bytes:
        """Run the program and return its standard output; raise `CommandFailed` on an error."""
        done = self._call(arguments, cwd, stdin)
        if done.returncode:
            raise CommandFailed(
                f"{' '.join(map(str, done.args))}\nexit code {done.returncode}\n"
                f"{done.stdout.decode(errors='replace')}\n{done.stderr.decode(errors='replace')}"
            )
        return done.stdout

    def text(self, *arguments: str | Path, cwd: Path | None = None, stdin: bytes = b"") -> str:
        """As `run`, decoded and without white space at the ends."""
        return self.run(*arguments, cwd=cwd, stdin=stdin).decode().strip()

    def refusal(self, *arguments: str | Path, cwd: Path | None = None) -> str:
        """Run the program, which has to fail, and return everything that it wrote."""
        done = self._call(arguments, cwd, b"")
        assert done.returncode, f"{' '.join(map(str, done.args))}: was expected to fail"
        return (done.stdout + done.stderr).decode(errors="replace")

    def _call(
        self, arguments: Sequence[str | Path], cwd: Path | None, stdin: bytes
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self.path, *self.options, *arguments],
            input=stdin,
            capture_output=True,
            env={**os.environ, **self.environment},
            cwd=cwd,
            timeout=self.timeout,
            check=False,
        )


def attach_file(oras: Program, subject: str, kind: str, folder: Path, content: str) -> str:
    """Attach a file of *content* to *subject*, and return the digest of the new manifest."""
    (folder / f"{kind}.json").write_text(content)
    said = oras.run(
        "attach", "--plain-http", "--no-tty", "--format", "json",
        "--artifact-type", f"application/x-{kind}", subject, f"{kind}.json:application/json", cwd=folder,
    )  # fmt: skip
    return str(json.loads(said)["digest"])

"""Programs that keep logins: ``docker-credential-NAME``, as docker and podman use them.

A program is started by name from the search path, never by a path that a file says; it gets the
registry on its standard input and answers in JSON. It may ask its user something, so it has
time; it is ended when nobody waits for it any more.
"""

import json
import os
import re
import select
import selectors
import subprocess
import threading
import time
from asyncio import create_task, shield, wait
from collections.abc import Mapping
from typing import Any, Self

from lading.client.logins.credentials import Login
from lading.content.threads import in_thread
from lading.errors import CredentialsFailed

TOKEN_USER = "<token>"  # noqa: S105 - a name
"""The user name that says that the secret is an identity token."""

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_PREFIX = "docker-credential-"
# What programs say instead of a login when they have none (docker-credential-helpers).
_NOTHING = ("credentials not found", "no credentials server url", "no credentials username")
_LONGEST_REASON = 300
_MOST_SAID = 1 << 20
"""The most bytes that a program may say; secrets are short."""

_BLOCK = 1 << 16
_LOOK = 0.1
"""Seconds after which it is looked whether anybody still waits for a program."""


class Programs:
    """The programs on a search path.

    Args:
        search: folders, as ``PATH`` has them.
        environment: what the programs get to see.
        timeout: the seconds that one call may take.
    """

    def __init__(
        self, *, search: str, environment: Mapping[str, str], timeout: float = 60.0
    ) -> None:
        self._search = search
        self._environment = dict(environment)
        self._timeout = timeout

    async def get(self, name: str, key: str) -> Login | None:
        """The login that the program keeps for *key*; ``None`` if it has none.

        Raises:
            CredentialsFailed: there is no such program, or it failed.
        """
        answer = await self._call(name, "get", key)
        if answer is None:
            return None
        found = _object(answer, name)
        username, secret = (str(found.get(each) or "") for each in ("Username", "Secret"))
        if not secret:
            return None
        if username == TOKEN_USER:
            return Login(identity_token=secret, came_from=_PREFIX + name)
        return Login(username=username, password=secret, came_from=_PREFIX + name)

    async def store(self, name: str, key: str, login: Login) -> None:
        """Let the program keep *login* for *key*.

        Raises:
            CredentialsFailed: there is no such program, or it failed.
        """
        token = login.identity_token
        said = {
            "ServerURL": key,
            "Username": TOKEN_USER if token else login.username,
            "Secret": token or login.password,
        }
        await self._call(name, "store", json.dumps(said))

    async def erase(self, name: str, key: str) -> None:
        """Let the program forget what it keeps for *key*.

        Raises:
            CredentialsFailed: there is no such program, or it failed.
        """
        await self._call(name, "erase", key)

    async def _call(self, name: str, verb: str, given: str) -> str | None:
        """What the program says; ``None`` if that is that it has nothing."""
        call = _Call([self._found(name), verb], given, self._environment, self._timeout)
        doing = create_task(in_thread(call.run))
        try:
            status, said, complaint = await shield(doing)
        finally:
            call.end()
            await wait((doing,))
            # After a cancellation nobody else looks at what it came to.
            doing.cancelled() or doing.exception()
        if status == 0:
            return said
        reason = (said.strip() or complaint.strip() or f"it ended with status {status}").strip()
        if any(each in reason.lower() for each in _NOTHING):
            return None
        raise CredentialsFailed(f"{_PREFIX}{name} {verb}: {reason[:_LONGEST_REASON]}")

    def _found(self, name: str) -> str:
        import shutil  # noqa: PLC0415 - few logins are kept by programs

        if _SAFE.fullmatch(name) is None:
            raise CredentialsFailed(f"{name!r} is not the name of a credential helper")
        path = shutil.which(_PREFIX + name, path=self._search)
        if path is None:
            failure = CredentialsFailed(f"{_PREFIX}{name} is not on the search path")
            failure.advice = (
                f"Install {_PREFIX}{name}, or remove it from the file that names it "
                "(credHelpers, credsStore)."
            )
            raise failure
        return path


class _Call:
    """One run of a program, which can be ended from another thread."""

    def __init__(
        self, command: list[str], given: str, environment: Mapping[str, str], timeout: float
    ) -> None:
        self._command = command
        self._given = given
        self._environment = environment
        self._timeout = timeout
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def run(self) -> tuple[int, str, str]:
        """Status, standard output and standard error of the program."""
        with self._lock:
            if self._ended:
                return -1, "", "not wanted any more"
            try:
                process = subprocess.Popen(  # noqa: S603 - found by a safe name on the search path
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=dict(self._environment),
                )
            except OSError as error:
                raise CredentialsFailed(f"{self._command[0]}: {error.strerror}") from error
            self._process = process
        try:
            said, complaint = self._talk(process)
        finally:
            # What it started itself may hold its pipes open; they are not waited for.
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        return process.returncode, said.decode(errors="replace"), complaint.decode(errors="replace")

    def _talk(self, process: "subprocess.Popen[bytes]") -> tuple[bytes, bytes]:
        command = " ".join(self._command)
        deadline = time.monotonic() + self._timeout
        with _Talk(process, self._given.encode()) as talk:
            while not talk.over(max(0.0, min(_LOOK, deadline - time.monotonic()))):
                if self._ended:
                    # It is dead, but what it started itself need not be.
                    return b"", b""
                if time.monotonic() >= deadline:
                    raise CredentialsFailed(f"{command} did not answer within {self._timeout:g} s")
                if max(len(talk.said), len(talk.complaint)) > _MOST_SAID:
                    raise CredentialsFailed(f"{command} said more than {_MOST_SAID} bytes")
            return bytes(talk.said), bytes(talk.complaint)

    def end(self) -> None:
        """End the program, if it runs; it is not started any more."""
        with self._lock:
            self._ended = True
            if self._process is not None and self._process.poll() is None:
                self._process.kill()


class _Talk:
    """What goes into a program and what comes out of it, a little at a time."""

    def __init__(self, process: "subprocess.Popen[bytes]", given: bytes) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.said, self.complaint = bytearray(), bytearray()
        self._process = process
        self._given = given
        self._stdin = process.stdin
        self._pipes = selectors.DefaultSelector()
        self._pipes.register(process.stdin, selectors.EVENT_WRITE)
        self._pipes.register(process.stdout, selectors.EVENT_READ, self.said)
        self._pipes.register(process.stderr, selectors.EVENT_READ, self.complaint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self._pipes.close()

    def over(self, seconds: float) -> bool:
        """Go on for no more than so many *seconds*; whether all is said and the program ended."""
        if not self._pipes.get_map():
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                return False
            return True
        for key, _ in self._pipes.select(seconds):
            if key.data is None:
                self._tell()
                continue
            came = os.read(key.fd, _BLOCK)
            key.data.extend(came)
            if not came:
                self._pipes.unregister(key.fileobj)
        return False

    def _tell(self) -> None:
        try:
            told = os.write(self._stdin.fileno(), self._given[: select.PIPE_BUF])
        except BrokenPipeError:
            told = len(self._given)
        self._given = self._given[told:]
        if not self._given:
            self._pipes.unregister(self._stdin)
            self._stdin.close()


def _object(answer: str, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise CredentialsFailed(f"{_PREFIX}{name} get: the answer is not a JSON object")
    return found

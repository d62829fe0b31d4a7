"""A docker engine that is started for the run, and what is in it."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.commands import CommandFailed, Program
from tests.peers.programs import program

READY_WITHIN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class LocalImage:
    """An image in the engine: its id (the config's digest) and its uncompressed layers."""

    name: str
    id: str
    layers: tuple[str, ...]


def inspect(docker: Program, name: str) -> LocalImage:
    """What the engine says about the image *name*."""
    (found,) = json.loads(docker.run("image", "inspect", name))
    return LocalImage(name, found["Id"], tuple(found["RootFS"]["Layers"]))


def forget(docker: Program, *names: str) -> None:
    """Remove images from the engine, so that a pull has to bring every layer back."""
    docker.run("image", "rm", "--force", *names)


@contextmanager
def running(folder: Path, home: Mapping[str, str]) -> Iterator[Program]:
    """The command line of an engine that keeps everything in *folder*."""
    folder.mkdir()
    socket = f"unix://{folder / 'engine.sock'}"
    command: list[str | Path] = [program("dockerd"), "-H", socket, "--pidfile", folder / "pid"]
    command += ["--data-root", folder / "data", "--exec-root", folder / "exec"]
    command += ["--iptables=false", "--ip6tables=false", "--bridge=none"]
    client = Program(program("docker"), ("-H", socket), home)
    with (folder / "log").open("wb") as log:
        engine = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(client, engine, folder / "log")
        yield client
    finally:
        engine.terminate()
        engine.wait(60)


def _wait_for(client: Program, engine: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while True:
        try:
            client.run("info")
        except CommandFailed:
            if engine.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the docker engine did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.2)
        else:
            return

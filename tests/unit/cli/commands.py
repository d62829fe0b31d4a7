"""The commands, as tests look at them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from lading.cli.main import cli

LADING = Path(sys.executable).with_name("lading")
"""The program."""


def commands(
    group: click.Group, words: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its name as it is typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


ALL = dict(commands(cli))
"""Every command by its name."""


def buffered() -> dict[str, str]:
    """The variables here, but for the one by which nothing would be left to be flushed in the end."""
    return {**os.environ, "PYTHONUNBUFFERED": ""}  # noqa: TID251 - what the caller has


def into_a_full_disk(*arguments: str) -> tuple[int, str]:
    """The exit code of the program and what it complains of, when its output goes to a full disk."""
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run(
            [LADING, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=buffered(),
        )
    return process.returncode, process.stderr


def unread(*arguments: str) -> tuple[int, bytes]:
    """The exit code of the program and what it complains of, when nobody reads what it prints."""
    with subprocess.Popen(
        [LADING, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=buffered()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()
    return process.returncode, complaint

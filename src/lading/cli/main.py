"""``lading``: finds the command, runs it, and turns what goes wrong into one line.

Commands are imported only when they are asked for, since start-up time is a feature. No traceback
is ever shown unless ``--traceback`` asks for it.

Exit codes: those of `LadingError` classes; 2 usage, 70 a mistake of ours, 130 interrupted,
141 nobody reads the output any more.
"""

import importlib
import os
import sys
from collections.abc import Sequence

import click

from lading.errors import LadingError

_COMMANDS = {
    "serve": "Serve a registry.",
    "gc": "Remove unreferenced content and waste.",
    "fsck": "Look for damaged content, and put it right.",
    "version": "Say which versions are at work.",
}
_MISTAKE = 70
_INTERRUPTED = 130
_BROKEN_PIPE = 141


class _Commands(click.Group):
    """Commands by name; each lives in the module of its name and is called ``command`` there."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in the order of a life with a registry."""
        return list(_COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Import the command *cmd_name*."""
        if cmd_name not in _COMMANDS:
            return None
        found = importlib.import_module(f"lading.cli.{cmd_name}").command
        assert isinstance(found, click.Command)
        return found

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _version(
    ctx: click.Context,
    param: click.Parameter,  # noqa: ARG001 - click's signature
    value: bool,
) -> None:
    if value:
        # Imported only now, as commands are.
        found = importlib.import_module("lading.app.versions").versions()
        click.echo(f"lading {found['lading']}")
        ctx.exit()


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--traceback",
    is_flag=True,
    expose_value=False,
    help="Show where in the program a failure came from.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Say which version this is; `lading version` says more.",
)
def cli() -> None:
    """An OCI registry: keeps what docker, podman, crane and oras push, and serves it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that *arguments* (by default those of the process) ask for.

    Returns:
        The exit code.
    """
    _open_standard_files()
    given = sys.argv[1:] if arguments is None else list(arguments)
    # Read by hand as well: a failure may come before click has parsed anything.
    wordy = "--traceback" in given
    try:
        # Not `cli.main`, which has views of its own on broken pipes and interrupts.
        with cli.make_context("lading", given) as context:
            code = cli.invoke(context)
        # What is still in the buffer may be what nobody reads.
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        code = end.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = _INTERRUPTED
    except BrokenPipeError:
        _silence()
        code = _BROKEN_PIPE
    except (Exception, BaseExceptionGroup) as error:
        if wordy:
            raise
        code = _told(_first(error))
    return code if isinstance(code, int) else 0


def _told(error: BaseException) -> int:
    """Say in one line what went wrong, and return the exit code for it."""
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    if isinstance(error, LadingError):
        what, code, advice = str(error), error.exit_code, error.advice
    else:
        what = f"{type(error).__name__}: {error}"
        code, advice = _MISTAKE, "This is a mistake in lading; --traceback shows where."
    line = " ".join(f"lading: {what}{'' if what.endswith('.') else '.'} {advice}".split())
    click.echo(line, err=True)
    return code


def _first(error: BaseException) -> BaseException:
    """The most telling of several failures: ours before others."""
    while isinstance(error, BaseExceptionGroup):
        ours = error.subgroup(LadingError) or error
        error = ours.exceptions[0]
    return error


def _open_standard_files() -> None:
    """Put nothing where whoever started us has closed standard input, output or error.

    A file that is opened later would get that number, and log lines would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w")


def _silence() -> None:
    # The interpreter flushes standard output at exit, and would complain about the pipe again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""``lading``: finds the command, runs it, and turns what goes wrong into one line.

Commands are imported only when they are asked for, since start-up time is a feature. No traceback
is ever shown unless ``--traceback`` asks for it.

Exit codes: those of `LadingError` classes; 2 usage, 70 a mistake of ours, 130 interrupted,
141 nobody reads the output any more, 143 ended by SIGTERM.
"""

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

import click

from lading.cli import USUAL
from lading.cli.escapes import shown
from lading.cli.names import COMMANDS, SECTIONS, native
from lading.errors import FileRefused, LadingError, PartlyDone

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_MISTAKE = 70
_INTERRUPTED = 130
_BROKEN_PIPE = 141


class _Commands(click.Group):
    """Commands by name; each lives in the module of its name and is called ``command`` there."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in the order of the help."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Import the command *cmd_name*."""
        if cmd_name not in COMMANDS:
            return None
        found = importlib.import_module(f"lading.cli.{cmd_name.replace('-', '_')}").command
        assert isinstance(found, click.Command)
        # Garbage is looked for from now on, though not among what was imported.
        gc.freeze()
        gc.set_threshold(*USUAL)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; what other tools call it is understood, and our name for it told."""
        foreign, ours = native(args)
        if foreign:
            args = [*ours, *args[len(foreign) :]]
            if not ctx.resilient_parsing:
                click.echo(f"lading: this is called `lading {' '.join(ours)}` here", err=True)
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """List the commands without importing any."""
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(list(commands.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Names that begin with *incomplete*, also without importing any."""
        # Imported only when a shell asks.
        item = importlib.import_module("click.shell_completion").CompletionItem
        found = [item(n, help=line) for n, line in COMMANDS.items() if n.startswith(incomplete)]
        return found or super().shell_complete(ctx, incomplete)


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
    """A registry of images and artifacts, and what one does with registries.

    Images are named by HOST/NAME:TAG or HOST/NAME@DIGEST, and on either side of every command also
    by oci:DIR:TAG, oci-archive:FILE:TAG or docker-archive:FILE:NAME:TAG. A dash is standard input
    or output.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that *arguments* (by default those of the process) ask for.

    Returns:
        The exit code.
    """
    return ended(cli, "lading", sys.argv[1:] if arguments is None else list(arguments))


def ended(command: click.Command, name: str, given: list[str]) -> int:
    """Run *command*, which is called *name*, with the arguments *given*; return its exit code."""
    _open_standard_files()
    # Read by hand as well: a failure may come before click has parsed anything.
    wordy = "--traceback" in given
    try:
        if not given and _completed(command, name):
            return 0
        # Not `click.Command.main`, which has views of its own on broken pipes and interrupts.
        with command.make_context(name, given) as context:
            code = command.invoke(context)
    except click.exceptions.Exit as end:
        code = end.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = _INTERRUPTED
    except BrokenPipeError:
        code = _BROKEN_PIPE
    except (Exception, BaseExceptionGroup) as error:
        if wordy and not isinstance(error, click.ClickException):
            raise
        code = _told(_first(error))
    return _flushed(code if isinstance(code, int) else 0)


def _completed(command: click.Command, name: str) -> bool:
    """Answer a shell that asks for completions; only its scripts start us without arguments."""
    variable, instruction = importlib.import_module("lading.app.terminal").completion()
    if not instruction:
        return False
    click_completion = importlib.import_module("click.shell_completion")
    click_completion.shell_complete(command, {}, name, variable, instruction)
    return True


def _told(error: BaseException) -> int:
    """Say in one line what went wrong, and return the exit code for it."""
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    if isinstance(error, OSError):
        error = _refusal(sys.stdout, "standard output") or error
    # Where nobody can be told, the exit code still tells.
    with suppress(OSError):
        _complain(error)
    if isinstance(error, LadingError | click.ClickException):
        return error.exit_code
    return _MISTAKE


def _complain(error: BaseException) -> None:
    if isinstance(error, click.ClickException):
        error.show()
        return
    if isinstance(error, PartlyDone):
        for each in error.failures:
            click.echo(shown(_line(each)), err=True)
    click.echo(shown(_line(error)), err=True)


def _flushed(code: int) -> int:
    """Write what is left for standard output and error, and return the exit code, by now *code*."""
    refusal = _refusal(sys.stdout, "standard output")
    if refusal is not None and code == 0:
        code = _BROKEN_PIPE if isinstance(refusal.__cause__, BrokenPipeError) else _told(refusal)
    _refusal(sys.stderr, "standard error")
    return code


def _refusal(file: TextIO, name: str) -> FileRefused | None:
    """Why *file* does not take what is left for it, which then goes nowhere; usually it does."""
    try:
        file.flush()
    except OSError as error:
        # The interpreter tries again when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())
        refusal = FileRefused(f"{name}: {error.strerror or error}")
        refusal.__cause__ = error
        return refusal
    return None


def _line(error: BaseException) -> str:
    if isinstance(error, LadingError):
        where, what, advice = error.where, str(error), error.advice
    else:
        where, what = "", f"{type(error).__name__}: {error}"
        advice = "This is a mistake in lading; --traceback shows where."
    place = f"{where}: " if where else ""
    return " ".join(f"lading: {place}{what}{'' if what.endswith('.') else '.'} {advice}".split())


def _first(error: BaseException) -> BaseException:
    """The most telling of several failures: ours before others."""
    while isinstance(error, BaseExceptionGroup):
        ours = error.subgroup((LadingError, click.ClickException)) or error
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

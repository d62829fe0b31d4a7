"""``registry``: the commands of Distribution's program, under its name and with its exit codes.

Entry points, scripts and cron jobs that were written for that one find what they ask for.
"""

import importlib
import sys
from collections.abc import Sequence

import click

from lading.app.config.sources import load
from lading.app.launch import run
from lading.app.versions import version
from lading.cli.completion import SHELLS, script
from lading.cli.config_file import named_file
from lading.cli.main import ended

_MISTAKEN = 2
_LINES = {
    "completion": "Print the completion script of a shell.",
    "garbage-collect": "Remove content that nothing names.",
    "help": "Show the help of a command.",
    "serve": "Serve as a configuration file says.",
}


class _Commands(click.Group):
    """The commands of that program; the one that collects is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, by the alphabet."""
        return sorted(_LINES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command *cmd_name*."""
        if cmd_name != "garbage-collect":
            return super().get_command(ctx, cmd_name)
        found = importlib.import_module("lading.cli.garbage_collect").command
        assert isinstance(found, click.Command)
        return found

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_LINES.items()))


def _version(
    ctx: click.Context,
    param: click.Parameter,  # noqa: ARG001 - click's signature
    value: bool,
) -> None:
    if value:
        click.echo(f"{sys.argv[0]} lading {version()}")
        ctx.exit()


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "-v",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
@click.pass_context
def registry(context: click.Context) -> None:
    """Serve a registry; this is Lading, in the place of Distribution."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@registry.command("serve")
@click.argument("file", metavar="[CONFIG.yml]", required=False)
@click.pass_context
def serve(context: click.Context, *, file: str | None) -> int:
    """Serve as CONFIG.yml says, or the file that REGISTRY_CONFIGURATION_PATH names."""
    return run(load(file=named_file(context, file)))


@registry.command("help")
@click.argument("name", metavar="[COMMAND]", required=False)
@click.pass_context
def help_command(context: click.Context, *, name: str | None) -> None:
    """Show the help of COMMAND, or of all."""
    parent = context.parent
    assert parent is not None
    found = registry.get_command(parent, name) if name else None
    if found is None:
        click.echo(parent.get_help())
    else:
        click.echo(found.get_help(click.Context(found, info_name=name, parent=parent)))


@registry.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(*, shell: str) -> None:
    """Print the completion script for SHELL."""
    click.echo(script(registry, "registry", shell))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that *arguments* (by default those of the process) ask for.

    Returns:
        The exit code; whatever cannot be understood is 1 here, as it is there.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    code = ended(registry, "registry", given)
    return 1 if code == _MISTAKEN else code

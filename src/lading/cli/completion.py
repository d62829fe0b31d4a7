"""``lading completion``: what a shell reads to complete our commands."""

import click
from click.shell_completion import get_completion_class

from lading.app.terminal import completion
from lading.cli.main import cli
from lading.cli.names import examples

SHELLS = tuple(
    each for each in ("bash", "zsh", "fish", "powershell") if get_completion_class(each) is not None
)
"""The shells that there are scripts for; PowerShell came with click 8.5."""


def script(program: click.Command, name: str, shell: str) -> str:
    """What *shell*, one of `SHELLS`, has to read to complete *program*, which is called *name*."""
    kind = get_completion_class(shell)
    assert kind is not None  # one of those that are offered
    variable, _ = completion()
    return kind(program, {}, name, variable).source()


@click.command(
    "completion",
    epilog=examples(
        "lading completion bash > completion.bash",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
def command(*, shell: str) -> None:
    """Print the completion script for SHELL.

    Have it read when the shell starts: from /etc/bash_completion.d or ~/.bashrc, from a file _lading
    in a folder of zsh's $fpath, from ~/.config/fish/completions/lading.fish, or from PowerShell's
    $PROFILE.
    """
    click.echo(script(cli, "lading", shell))

"""``lading completion``: what a shell reads to complete our commands."""

import click
from click.shell_completion import get_completion_class

from lading.app.terminal import completion
from lading.cli.main import cli
from lading.cli.names import examples


@click.command(
    "completion",
    epilog=examples(
        "lading completion bash > completion.bash",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(*, shell: str) -> None:
    """Print the completion script for SHELL.

    Have it read when the shell starts: from /etc/bash_completion.d or ~/.bashrc, from a file _lading
    in a folder of zsh's $fpath, or from ~/.config/fish/completions/lading.fish.
    """
    kind = get_completion_class(shell)
    assert kind is not None  # one of those that are offered
    variable, _ = completion()
    click.echo(kind(cli, {}, "lading", variable).source())

"""``lading token``: a bearer token, for other programs."""

from collections.abc import Sequence

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import client_for
from lading.cli.running import run
from lading.cli.shapes import many, record, text
from lading.cli.sides import side_options
from lading.errors import Unsupported
from lading.oci.locator import Locator

_ACTIONS = ("pull", "push", "delete")


@click.command(
    "token",
    epilog=examples(
        "lading token localhost:5000/team/app || true",
        "lading token --action pull --action push --header localhost:5000/team/app || true",
    ),
)
@click.argument("repository")
@click.option(
    "--action",
    "actions",
    type=click.Choice(_ACTIONS),
    multiple=True,
    default=("pull",),
    show_default=True,
    help="What the token is to allow. May be repeated.",
)
@click.option("-H", "--header", is_flag=True, help="Print the header for curl.")
@output_option(
    shape=record(
        "A token.",
        repository=text("What it is for."),
        actions=many(text("An action"), "What was asked for; it may allow less."),
        token=text("The token: a secret."),
    )
)
@side_options
def command(
    *,
    repository: str,
    actions: tuple[str, ...],
    header: bool,
    out: Output,
    side: ClientOptions,
) -> None:
    """Print a token that the registry gives out for REPOSITORY.

    A registry that has no tokens is Unsupported; it wants a password with every request, or none.
    """
    locator = Locator.parse(repository)
    token = run(_token(repository, actions, side))
    if token is None:
        error = Unsupported(f"{locator.host} does not give out tokens")
        error.advice = "Send the password with each request, if it wants one."
        raise error
    facts = {
        "repository": f"{locator.host}/{locator.repository}",
        "actions": list(actions),
        "token": token,
    }
    out.end(f"Authorization: Bearer {token}" if header else token, facts)


async def _token(repository: str, actions: Sequence[str], side: ClientOptions) -> str | None:
    async with client_for(side) as client:
        return await client.token(repository, actions)

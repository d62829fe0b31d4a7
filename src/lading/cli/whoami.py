"""``lading whoami``: which login is used, and where it comes from."""

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output, output_option, say
from lading.cli.places import client_for
from lading.cli.running import run
from lading.cli.shapes import choice, many, record, text
from lading.cli.sides import side_options
from lading.errors import Unauthorized
from lading.oci.locator import parse_host, split_host

_SHAPE = record(
    "Who you are to a registry.",
    registry=text("The registry."),
    username=text("The name; empty for a token, and for nobody."),
    kind=choice("What the login is.", "password", "identity token", "bearer token", "none"),
    cameFrom=text("The file, variable or program it came from; empty for nobody."),
    steps=many(
        record(place=text("What was looked at."), outcome=text("What came of it.")),
        "How it was looked for, in order.",
    ),
)


@click.command(
    "whoami",
    epilog=examples(
        "lading whoami localhost:5000 || true",
        "lading whoami --explain localhost:5000/team/app || true",
    ),
)
@click.argument("place", metavar="HOST[/REPOSITORY]")
@click.option("--explain", "wordy", is_flag=True, help="Show each step of the search.")
@output_option(shape=_SHAPE)
@side_options
def command(*, place: str, wordy: bool, out: Output, side: ClientOptions) -> None:
    """Print the name that is used at HOST, and where it comes from.

    Nothing is sent to the registry, and no secret is shown. If there is no login, this ends
    with 4.
    """
    run(_whoami(place, wordy=wordy, out=out, side=side))


async def _whoami(place: str, *, wordy: bool, out: Output, side: ClientOptions) -> None:
    host, repository = split_host(place) if "/" in place else (parse_host(place), "")
    async with client_for(side) as client:
        steps = await client.keyring.explain(host, repository)
    for step in steps if wordy and out.for_people else ():
        say(f"{step.place}: {step.outcome}")
    last = steps[-1]
    if last.failure is not None:
        raise last.failure
    login = last.login
    if login is None:
        kind = "none"
    elif login.username:
        kind = "password"
    else:
        kind = "identity token" if login.identity_token else "bearer token"
    facts = {
        "registry": host,
        "username": login.username if login else "",
        "kind": kind,
        "cameFrom": login.came_from if login else "",
        "steps": [{"place": each.place, "outcome": each.outcome} for each in steps],
    }
    if login is None:
        if not out.for_people:
            out.end("", facts)
        raise Unauthorized(f"there is no login for {place}")
    out.end(f"{login.username or kind} ({login.came_from})", facts)

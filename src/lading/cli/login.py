"""``lading login``: tries a login, and keeps it."""

import sys

import click

from lading.app.clients import ClientOptions, login_of
from lading.cli.names import examples
from lading.cli.output import Output, output_option, say
from lading.cli.places import client_for
from lading.cli.running import run
from lading.cli.shapes import record, text
from lading.cli.sides import connection_options, password_from_stdin
from lading.oci.locator import parse_host


@click.command(
    "login",
    epilog=examples(
        "lading login -u ann --password-stdin localhost:5000 < password.txt",
    ),
)
@click.argument("host")
@click.option("-u", "--username", metavar="NAME", help="Who you are there.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--identity-token-stdin",
    is_flag=True,
    help="Read an identity token (a refresh token) from standard input.",
)
@click.option(
    "-p", "--password", metavar="PASSWORD", help="The password, for everybody on this machine."
)
@output_option(
    shape=record(
        "Where the login is kept.",
        registry=text("The registry."),
        username=text("Who you are there; empty with a token."),
        keptIn=text("The file or program that keeps it."),
    )
)
@connection_options
def command(
    *,
    host: str,
    username: str | None,
    password_stdin: bool,
    identity_token_stdin: bool,
    password: str | None,
    out: Output,
    side: ClientOptions,
) -> None:
    """Log in to the registry HOST: try it, and keep the login if it is right.

    It is kept where docker and podman look for it: by the credential helper that is configured for
    HOST, or in a file that only you can read. This says which.
    """
    if password is not None:
        say("lading: a password on the command line is seen by others; use --password-stdin")
    token = None
    if identity_token_stdin:
        token = password_from_stdin()
    elif password_stdin:
        password = password_from_stdin()
    if token is None:
        username = username or _asked("Username", hidden=False)
        password = password if password is not None else _asked("Password", hidden=True)
    registry = parse_host(host)
    kept = run(_log_in(registry, username or "", password or "", token or "", side))
    facts = {"registry": registry, "username": username or "", "keptIn": kept}
    out.end(f"logged in to {registry}; the login is kept in {kept}", facts)


async def _log_in(host: str, username: str, password: str, token: str, side: ClientOptions) -> str:
    async with client_for(side) as client:
        return await client.log_in(host, login_of(username, password, token))


def _asked(what: str, *, hidden: bool) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError(f"no {what.lower()}: say --username and --password-stdin")
    found: str = click.prompt(what, hide_input=hidden, err=True)
    return found

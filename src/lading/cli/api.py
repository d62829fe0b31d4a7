"""``lading api``: one request, authorised as every other."""

from typing import BinaryIO

import click

from lading.app.asking import ask
from lading.app.clients import ClientOptions
from lading.cli.files import STANDARD, reading, writing
from lading.cli.names import examples
from lading.cli.places import client_for
from lading.cli.running import run
from lading.cli.sides import side_options
from lading.content.blob_files import pour

_FAILED = 1


@click.command(
    "api",
    epilog=examples(
        "lading api GET localhost:5000/v2/_catalog",
        "lading api -i HEAD localhost:5000/v2/team/app/manifests/v1",
        "lading api GET 'localhost:5000/v2/team/app/tags/list?n=2'",
    ),
)
@click.argument(
    "method",
    type=click.Choice(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], case_sensitive=False),
)
@click.argument("path", metavar="HOST/PATH")
@click.option(
    "-H", "--header", "headers", metavar="NAME:VALUE", multiple=True, help="Send this header."
)
@click.option("-d", "--data", metavar="FILE|-", help="Send the content of this file.")
@click.option("-i", "--include", is_flag=True, help="Print status and headers first.")
@side_options
def command(
    *,
    method: str,
    path: str,
    headers: tuple[str, ...],
    data: str | None,
    include: bool,
    side: ClientOptions,
) -> int:
    """Send a request to a registry, logged in as always, and print the body of the answer.

    The scopes of a token follow from the path. The exit code is 1 if the status is 400 or more.
    """
    pairs = []
    for each in headers:
        name, colon, value = each.partition(":")
        if not colon:
            raise click.BadParameter(f"{each!r} is not NAME:VALUE", param_hint="--header")
        pairs.append((name.strip(), value.strip()))
    return run(_ask(method.upper(), path, pairs, data, include=include, side=side))


async def _ask(
    method: str,
    path: str,
    headers: list[tuple[str, str]],
    data: str | None,
    *,
    include: bool,
    side: ClientOptions,
) -> int:
    if data is None:
        return await _answered(method, path, headers, None, include=include, side=side)
    with reading(data) as opened:
        return await _answered(method, path, headers, opened, include=include, side=side)


async def _answered(
    method: str,
    path: str,
    headers: list[tuple[str, str]],
    data: BinaryIO | None,
    *,
    include: bool,
    side: ClientOptions,
) -> int:
    async with (
        client_for(side) as client,
        ask(client, method, path, headers=headers, data=data) as answer,
    ):
        with writing(STANDARD) as opened:
            if include:
                head = [f"HTTP {answer.status}", *(f"{n}: {v}" for n, v in answer.headers), "", ""]
                opened.write("\n".join(head).encode())
            await pour(answer.body, opened)
        return _FAILED if answer.status >= 400 else 0

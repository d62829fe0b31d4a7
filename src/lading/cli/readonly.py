"""``lading readonly``: let a registry be read and not be changed, for as long as it takes."""

import asyncio

import click

from lading.app.maintenance import configured
from lading.app.readonly import switched, turn_off, turn_on
from lading.cli.names import examples
from lading.cli.output import Output, output_option, root_options
from lading.cli.shapes import choice, record, truth

_SHAPE = record(
    "How it is now.",
    readOnly=truth("Whether nothing can be changed."),
    switch=choice("What the switch says.", "on", "off"),
    configured=truth("Whether the configuration says that it is read-only, whatever the switch."),
)


@click.command(
    "readonly",
    epilog=examples("lading readonly on --root data", "lading readonly status --root data"),
)
@click.argument("state", type=click.Choice(["on", "off", "status"]))
@root_options
@output_option(shape=_SHAPE)
def command(*, state: str, root: str | None, config_file: str | None, out: Output) -> int:
    """Switch a registry to read-only, or back, while its server runs.

    Once `on` returns, the server answers whoever wants to change something with 405, and collects
    and records nothing by itself; requests that came before are finished. The switch also holds
    for a server that is started later. It is a file in the data directory, and does not keep
    `lading gc` and the like from doing what they are asked to.
    """
    loaded = configured(file=config_file, root=root)
    directory = loaded.config.root
    if state == "on":
        asyncio.run(turn_on(directory, certificates=loaded.config.tls.acme.folder))
    elif state == "off":
        asyncio.run(turn_off(directory))
    on, always = switched(directory), loaded.config.read_only
    out.end(
        _line(on=on, always=always),
        {"readOnly": on or always, "switch": "on" if on else "off", "configured": always},
    )
    return 0


def _line(*, on: bool, always: bool) -> str:
    if always:
        return f"read-only by its configuration; the switch is {'on' if on else 'off'}"
    return "read-only" if on else "takes writes"

"""``lading config``: the configuration of a server, and of an image."""

import json
from pathlib import Path

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output, counted, output_option
from lading.cli.places import at, platform_option
from lading.cli.running import run
from lading.cli.shapes import anything, many, record, text
from lading.cli.sides import side_options
from lading.content.configs import config_of
from lading.content.images import image_for
from lading.errors import ConfigInvalid, ManifestInvalid
from lading.oci.platform import Platform


class _Usually(click.Group):
    """Commands, of which one is meant when none is named."""

    usual = "image"

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named, or else the usual one."""
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return self.usual, self.commands[self.usual], args


# What is no option of the group is one of the usual command.
@click.group("config", cls=_Usually, context_settings={"ignore_unknown_options": True})
def command() -> None:
    """Check and show the configuration of a server, or show that of an image."""


@command.command(
    "image",
    epilog=examples(
        "lading config localhost:5000/team/app:v1",
        "lading config --platform linux/arm64 localhost:5000/team/multi:v1",
        "lading config --format '{architecture}' localhost:5000/team/app:v1",
    ),
)
@click.argument("reference", metavar="REF")
@platform_option
@output_option("raw", shape=anything("The config of the image (image-spec, Image Configuration)."))
@side_options
def image(*, reference: str, platform: Platform | None, out: Output, side: ClientOptions) -> None:
    """Print the config of the image REF, byte by byte as it is stored.

    The word `image` may be left out. An index with several images needs --platform.
    """
    run(_config(reference, platform, out=out, side=side))


async def _config(
    text: str, platform: Platform | None, *, out: Output, side: ClientOptions
) -> None:
    async with at(text, side) as located:
        manifest = await image_for(located.repository, located.reference, platform)
        found = await config_of(located.repository, manifest)
    out.document(found, ManifestInvalid(f"the config of {manifest.digest} is not a JSON object"))


@command.command("check", epilog=examples("lading config check config.yml"))
@click.argument("file", metavar="[FILE]", required=False)
@output_option(
    shape=record(
        "What there is to say about a configuration.",
        refused=many(
            record(what=text("Where it stands, and what is wrong."), advice=text("What to do.")),
            "What a server would not start with.",
        ),
        warnings=many({"type": "string"}, "What a server would say when it starts."),
    )
)
def check(*, file: str | None, out: Output) -> int:
    """Say what a server would refuse in FILE, or warn about; variables count as well.

    Certificates, keys and users that it names have to be on this machine. Without FILE, the variable
    REGISTRY_CONFIGURATION_PATH names it, as it does for the server. The exit code is 1 if anything is refused.
    """
    # Imported only now: the configuration of images is asked for more often.
    from lading.app.config.sources import examined  # noqa: PLC0415 - as above
    from lading.app.preconditions import unmet  # noqa: PLC0415 - as above

    named = _named(file)
    loaded, mistakes = examined(file=named)
    if not mistakes:
        # What lacks a setting that was mistaken is not worth a second line.
        mistakes = [loaded.placed(each) for each in unmet(loaded.config)]
    refused = [(_without_class(each), each.advice) for each in mistakes]
    lines = [f"refused: {what}. {advice}" for what, advice in refused]
    lines += [f"warning: {each}" for each in loaded.warnings]
    if not refused:
        lines.append(f"{named or 'no file'}: {_passed(len(loaded.warnings))}")
    facts = {
        "refused": [{"what": what, "advice": advice} for what, advice in refused],
        "warnings": list(loaded.warnings),
    }
    out.end("\n".join(lines), facts)
    return 1 if refused else 0


def _without_class(error: ConfigInvalid) -> str:
    return str(error).removeprefix(f"{error.summary}: ")


def _passed(warnings: int) -> str:
    with_warnings = counted(warnings, "warning") if warnings else "no warning"
    return f"all is understood, with {with_warnings}; `lading doctor` looks at the machine"


def _named(file: str | None) -> Path | None:
    """The configuration that is meant, as a server would find it."""
    from lading.app.config.sources import configuration_path  # noqa: PLC0415 - as for `check`

    return configuration_path() if file is None else Path(file)


@command.command(
    "show",
    epilog=examples("lading config show config.yml", "lading config show -o json"),
)
@click.argument("file", metavar="[FILE]", required=False)
@output_option(
    shape=record(
        "Every setting.",
        settings=many(
            record(
                key=text("Its name, with dots."),
                value=text("Its value, as it would be written; secrets are hidden."),
                origin=text("Where that was said."),
            ),
            "One for each setting, in the order of the reference.",
        ),
    ),
    items="settings",
)
def show(*, file: str | None, out: Output) -> None:
    """Show every setting that a server would have with FILE and these variables.

    Without FILE, the variable REGISTRY_CONFIGURATION_PATH names it, as it does for the server.
    Beside each stands where it was said: a line of the file, a variable, or a default. Secrets are
    shown as ***.
    """
    from lading.app.config.shown import shown  # noqa: PLC0415 - as for `check`
    from lading.app.config.sources import load  # noqa: PLC0415 - as for `check`

    loaded = load(file=_named(file))
    for each in shown(loaded):
        facts = {"key": each.key, "value": each.value, "origin": each.origin}
        out.item(f"{each.key}: {each.value}  # {each.origin}", facts)
    out.end("", {})


@command.command("schema", epilog=examples("lading config schema"))
@output_option("raw", shape=anything("The schema (JSON Schema 2020-12)."))
def schema(*, out: Output) -> None:
    """Print the JSON Schema of configuration files, which editors check them by."""
    # As for `check`, and its name would be that of this command.
    from lading.app.config import schema as whole  # noqa: PLC0415 - as the line above says

    document = json.dumps(whole.schema(), indent=2, ensure_ascii=False) + "\n"
    out.document(document.encode(), ConfigInvalid("schema"))

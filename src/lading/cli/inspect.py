"""``lading inspect``: what an image, an index or an artifact is, on one page."""

from collections.abc import Iterator
from typing import Any

import click

from lading.app.clients import ClientOptions
from lading.cli.names import examples
from lading.cli.output import Output, amount, columns, output_option
from lading.cli.places import at, made, platform_option
from lading.cli.running import run
from lading.cli.shapes import descriptor, many, maybe, record, strings, text
from lading.cli.shapes import made as made_shape
from lading.cli.sides import side_options
from lading.content.configs import image_config_of
from lading.content.images import manifest_for
from lading.errors import BlobUnknown, ManifestInvalid, ManifestTooLarge
from lading.interfaces.repository import ContentSource
from lading.oci.manifest import Manifest
from lading.oci.platform import Platform

_SHAPE = made_shape(
    artifactType=maybe(text("What kind of artifact it is.")),
    subject=maybe(text("The digest of the manifest that it is about.")),
    annotations=strings("Its annotations."),
    config=maybe(descriptor("Its config")),
    layers=many(descriptor("A layer, or a file"), "Its layers, the lowest first."),
    manifests=many(descriptor("An entry of the index"), "What an index lists."),
    image=maybe(
        record(
            "What the config of an image says.",
            platform=maybe(text("What it runs on.")),
            created=maybe(text("When it was made.")),
            user=maybe(text("Who it runs as.")),
            entrypoint=many(text("A word"), "What it runs."),
            cmd=many(text("A word"), "The arguments of that."),
            workingDir=maybe(text("Where it runs.")),
            env=many(text("NAME=VALUE"), "Its environment."),
            exposedPorts=many(text("PORT/PROTOCOL"), "Where it may listen."),
            labels=strings("Its labels."),
        )
    ),
)


@click.command(
    "inspect",
    epilog=examples(
        "lading inspect localhost:5000/team/app:v1",
        "lading inspect --platform linux/arm64 localhost:5000/team/multi:v1",
        "lading inspect --format '{mediaType}' oci:layout:v1",
    ),
)
@click.argument("reference", metavar="REF")
@platform_option
@output_option("text", "raw", shape=_SHAPE)
@side_options
def command(*, reference: str, platform: Platform | None, out: Output, side: ClientOptions) -> None:
    """Show what REF is: its parts and their sizes, and what its config says.

    Neither tags nor layers are looked at; `lading ls` and `lading check` do that.
    """
    run(_inspect(reference, platform, out=out, side=side))


async def _inspect(
    text: str, platform: Platform | None, *, out: Output, side: ClientOptions
) -> None:
    async with at(text, side) as located:
        manifest = await manifest_for(located.repository, located.reference, platform)
        if out.form == "raw":
            out.exact(manifest.body)
            return
        image = await _image(located.repository, manifest)
        facts = made(located, manifest.descriptor) | {
            "artifactType": manifest.artifact_type,
            "subject": str(manifest.subject) if manifest.subject else None,
            "annotations": dict(manifest.annotations),
            "config": manifest.config.as_json() if manifest.config else None,
            "layers": [each.as_json() for each in manifest.layers],
            "manifests": [each.as_json() for each in manifest.manifests],
            "image": image,
        }
        out.end("\n".join(_lines(manifest, facts)) if out.for_people else "", facts)


async def _image(source: ContentSource, manifest: Manifest) -> dict[str, Any] | None:
    """What the config says, if it is that of an image, and is there and can be understood."""
    try:
        found = await image_config_of(source, manifest)
    except (BlobUnknown, ManifestInvalid, ManifestTooLarge):
        return None
    if found is None:
        return None
    run = found.get("config")
    run = run if isinstance(run, dict) else {}
    return {
        "platform": str(Platform.from_json(found)) if found.get("os") else None,
        "created": _word(found.get("created")),
        "user": _word(run.get("User")),
        "entrypoint": _words(run.get("Entrypoint")),
        "cmd": _words(run.get("Cmd")),
        "workingDir": _word(run.get("WorkingDir")),
        "env": _words(run.get("Env")),
        "exposedPorts": _words(run.get("ExposedPorts")),
        "labels": _pairs(run.get("Labels")),
    }


def _word(found: object) -> str | None:
    return str(found) if found else None


def _words(found: object) -> list[str]:
    if isinstance(found, str):
        return [found]
    return [str(each) for each in found] if isinstance(found, list | dict) else []


def _pairs(found: object) -> dict[str, str]:
    return {str(key): str(each) for key, each in found.items()} if isinstance(found, dict) else {}


def _lines(manifest: Manifest, facts: dict[str, Any]) -> Iterator[str]:
    pairs = [
        ("Reference", facts["reference"]),
        ("Media type", facts["mediaType"]),
        ("Artifact type", "" if facts["image"] else facts["artifactType"] or ""),
        ("Subject", facts["subject"] or ""),
    ]
    image = facts["image"] or {}
    pairs += [
        ("Platform", image.get("platform") or ""),
        ("Created", image.get("created") or ""),
        ("User", image.get("user") or ""),
        ("Entrypoint", " ".join(image.get("entrypoint") or ())),
        ("Command", " ".join(image.get("cmd") or ())),
        ("Directory", image.get("workingDir") or ""),
        ("Ports", ", ".join(image.get("exposedPorts") or ())),
    ]
    total = sum(each.size for each in manifest.layers)
    if manifest.layers:
        pairs.append(("Size", f"{amount(total)} in {len(manifest.layers)} layers"))
    yield columns([(f"{name}:", told) for name, told in pairs if told])
    for title, found in (("Annotations", facts["annotations"]), ("Labels", image.get("labels"))):
        if found:
            yield f"{title}:"
            yield from (f"  {key}={each}" for key, each in sorted(found.items()))
    if manifest.layers:
        yield "Layers:"
        yield columns([("", *_row(each.as_json())) for each in manifest.layers])
    if manifest.manifests:
        yield "Manifests:"
        rows = [
            ("", str(each.platform or ""), *_row(each.as_json())) for each in manifest.manifests
        ]
        yield columns(rows)


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    title = (found.get("annotations") or {}).get("org.opencontainers.image.title", "")
    return (found["digest"], amount(found["size"]), found["mediaType"], title)

"""``lading tree``: what refers to an image."""

from collections.abc import Iterator
from typing import Any

import click

from lading.app.clients import ClientOptions
from lading.cli.escapes import one_line
from lading.cli.names import examples
from lading.cli.output import Output, output_option
from lading.cli.places import at, made, platform_option
from lading.cli.running import run
from lading.cli.shapes import Shape, many, maybe, number, record, strings, text
from lading.cli.shapes import made as made_shape
from lading.cli.sides import side_options
from lading.content.artifacts import Tree, tree
from lading.content.images import manifest_for
from lading.oci.platform import Platform


def _shape(depth: int = 3) -> Shape:
    """The shape of a referrer; that of its own referrers is spelt out so many times."""
    inner = _shape(depth - 1) if depth else {"type": "object", "description": "And so on."}
    return record(
        "A manifest about another.",
        digest=text("Its digest."),
        mediaType=text("Its media type."),
        size=number("Its length in bytes."),
        artifactType=maybe(text("What kind of artifact it is.")),
        annotations=strings("Its annotations."),
        referrers=many(inner, "What refers to it."),
    )


@click.command(
    "tree",
    epilog=examples(
        "lading tree localhost:5000/team/app:v1",
        "lading tree --artifact-type application/spdx+json -o json localhost:5000/team/app:v1",
    ),
)
@click.argument("reference", metavar="REF")
@click.option("--artifact-type", metavar="TYPE", help="Only artifacts of this type.")
@platform_option
@output_option(
    "tree",
    shape=made_shape(referrers=many(_shape(), "What refers to it.")),
)
@side_options
def command(
    *,
    reference: str,
    artifact_type: str | None,
    platform: Platform | None,
    out: Output,
    side: ClientOptions,
) -> None:
    """Show what refers to REF: signatures, bills of materials and other artifacts about it.

    What refers to those is shown below them.
    """
    run(_tree(reference, artifact_type, platform, out=out, side=side))


async def _tree(
    text: str,
    artifact_type: str | None,
    platform: Platform | None,
    *,
    out: Output,
    side: ClientOptions,
) -> None:
    async with at(text, side) as located:
        reference = located.reference
        if platform is not None:
            reference = (await manifest_for(located.repository, reference, platform)).digest
        found = await tree(located.repository, reference, artifact_type=artifact_type)
        facts = made(located, found.descriptor)
    lines = [facts["reference"], *_lines(found.referrers, "")]
    out.end("\n".join(lines), facts | {"referrers": [_facts(each) for each in found.referrers]})


def _lines(referrers: tuple[Tree, ...], before: str) -> Iterator[str]:
    for position, each in enumerate(referrers):
        last = position == len(referrers) - 1
        kind = one_line(each.descriptor.artifact_type or each.descriptor.media_type)
        yield f"{before}{'└── ' if last else '├── '}{kind}  {each.descriptor.digest}"
        yield from _lines(each.referrers, before + ("    " if last else "│   "))


def _facts(found: Tree) -> dict[str, Any]:
    return {
        "digest": str(found.descriptor.digest),
        "mediaType": found.descriptor.media_type,
        "size": found.descriptor.size,
        "artifactType": found.descriptor.artifact_type,
        "annotations": dict(found.descriptor.annotations or {}),
        "referrers": [_facts(each) for each in found.referrers],
    }

"""What an operator lets in."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from lading.errors import Denied, ManifestBlobUnknown, ManifestInvalid
from lading.interfaces.access import Occasion, Principal
from lading.oci import media_types
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import Tag
from lading.registry.forwarding import ForwardingRegistry
from lading.registry.registry import LocalRegistry
from lading.registry.validation import Rules, Urls, ValidatedRegistry
from lading.testing import samples
from lading.testing.places import NAME

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
HELM = "application/vnd.cncf.helm.config.v1+json"
URL = "https://mirror.example/layers/1"
ABSENT = Digest.of(b"never pushed")

Under = Callable[[Rules], ValidatedRegistry]


@pytest.fixture
def under(inner: LocalRegistry) -> Under:
    """That registry under rules, for somebody."""

    def build(rules: Rules) -> Any:
        return ValidatedRegistry(inner, rules).acting_for(Occasion())

    return build


def document(media_type: str, **fields: Any) -> Manifest:
    """A manifest with those fields."""
    found = {"schemaVersion": 2, "mediaType": media_type, **fields}
    return Manifest.verified(json.dumps(found).encode(), media_type)


def image_with(layer: dict[str, Any]) -> Manifest:
    """The image that is there, with another layer."""
    config = samples.image().manifest.document["config"]
    return document(media_types.OCI_MANIFEST, config=config, layers=[layer])


def kept_at(*urls: str, media_type: str = FOREIGN) -> Manifest:
    """An image with a layer that is kept elsewhere."""
    layer: dict[str, Any] = {"mediaType": media_type, "digest": str(ABSENT), "size": 5}
    return image_with(layer | ({"urls": list(urls)} if urls else {}))


def patterns(*texts: str) -> tuple[re.Pattern[str], ...]:
    """Compiled."""
    return tuple(map(re.compile, texts))


@pytest.mark.parametrize(
    ("allow", "deny", "url", "taken"),
    [
        ((), (), URL, False),
        (("^https://mirror",), (), URL, True),
        (("mirror",), (), URL, True),
        (("^https://other",), (), URL, False),
        ((), ("other",), URL, True),
        ((), ("mirror",), URL, False),
        (("example",), ("mirror",), URL, False),
        (("example",), ("other",), URL, True),
        (("",), (), "ftp://mirror.example/1", False),
        (("",), (), "https:///1", False),
        (("",), (), f"{URL}#part", False),
        (("",), (), "https://mirror example/1", False),
        (("",), (), "http://mirror.example/1", True),
    ],
)
def test_url_is_taken_by_patterns(
    allow: tuple[str, ...], deny: tuple[str, ...], url: str, taken: bool
) -> None:
    """Those that match what is allowed and not what is denied; without any, no URL at all."""
    assert Urls(patterns(*allow), patterns(*deny)).take(url) is taken


async def test_layer_that_is_kept_where_none_may_be_is_refused(under: Under) -> None:
    """The error names the layer and its URL; where it may be kept, it is taken."""
    refusing = under(Rules(urls=Urls(deny=patterns("mirror")))).repository(NAME)
    taking = under(Rules(urls=Urls(allow=patterns("mirror")))).repository(NAME)

    with pytest.raises(ManifestInvalid, match=URL):
        await refusing.put_manifest(kept_at(URL))
    await taking.put_manifest(kept_at(URL), tags=[Tag("v2")])

    assert (await taking.get_manifest(Tag("v2"))) == kept_at(URL)


async def test_layer_that_names_no_url_has_to_be_here(under: Under) -> None:
    """Otherwise nobody could ever pull it."""
    repository = under(Rules(urls=Urls(allow=patterns("mirror")))).repository(NAME)
    (blob, *_) = samples.image().blobs
    here = {"mediaType": FOREIGN, "digest": str(Digest.of(blob)), "size": len(blob)}

    with pytest.raises(ManifestBlobUnknown) as caught:
        await repository.put_manifest(kept_at())
    await repository.put_manifest(image_with(here))

    assert caught.value.missing == (str(ABSENT),)


async def test_urls_are_not_looked_at_without_rules(under: Under) -> None:
    """As the registry does by itself."""
    elsewhere = kept_at("https://anywhere.example")

    receipt = await under(Rules()).repository(NAME).put_manifest(elsewhere)

    assert receipt.descriptor.digest == elsewhere.digest


def index(*platforms: str | None) -> Manifest:
    """An index of a manifest that is not here, for each of the platforms."""
    entries: list[dict[str, Any]] = []
    for each in platforms:
        digest = Digest.of((each or "none").encode())
        entry = {"mediaType": media_types.OCI_MANIFEST, "digest": str(digest), "size": 4}
        if each is not None:
            system, _, architecture = each.partition("/")
            entry["platform"] = {"os": system, "architecture": architecture}
        entries.append(entry)
    return document(media_types.OCI_INDEX, manifests=entries)


async def test_index_needs_the_manifests_of_the_platforms_that_are_listed(under: Under) -> None:
    """Of other platforms, and of none, they may be missing."""
    repository = under(Rules(platforms={("linux", "amd64")})).repository(NAME)

    with pytest.raises(ManifestBlobUnknown) as caught:
        await repository.put_manifest(index("linux/amd64", "linux/arm64", None))
    await repository.put_manifest(index("linux/arm64", None))

    assert caught.value.missing == (str(Digest.of(b"linux/amd64")),)


async def test_index_of_a_manifest_that_is_here_is_taken(under: Under) -> None:
    """It is looked for in the same repository."""
    repository = under(Rules(platforms={("linux", "amd64")})).repository(NAME)
    entry = samples.image().manifest.descriptor.as_json()
    entry["platform"] = {"os": "linux", "architecture": "amd64"}
    found = document(media_types.OCI_INDEX, manifests=[entry])

    receipt = await repository.put_manifest(found)

    assert receipt.descriptor.digest == found.digest


async def test_index_needs_all_its_manifests_without_rules(under: Under) -> None:
    """And an image all its layers, whatever the rules for indexes."""
    usual = under(Rules()).repository(NAME)
    lenient = under(Rules(platforms=())).repository(NAME)

    with pytest.raises(ManifestBlobUnknown):
        await usual.put_manifest(index("linux/arm64"))
    with pytest.raises(ManifestBlobUnknown):
        await lenient.put_manifest(kept_at(media_type=media_types.OCI_LAYER))


@pytest.mark.parametrize(
    ("kind", "config", "classes", "taken"),
    [
        (media_types.OCI_MANIFEST, media_types.OCI_CONFIG, {"image"}, True),
        (media_types.DOCKER_MANIFEST, media_types.DOCKER_CONFIG, {"image"}, True),
        (media_types.DOCKER_MANIFEST, media_types.DOCKER_PLUGIN, {"plugin"}, True),
        (media_types.DOCKER_MANIFEST, media_types.DOCKER_PLUGIN, {"image"}, False),
        (media_types.OCI_MANIFEST, media_types.DOCKER_CONFIG, {"image"}, False),
        (media_types.OCI_MANIFEST, media_types.DOCKER_PLUGIN, {"plugin"}, False),
        (media_types.DOCKER_MANIFEST, media_types.OCI_CONFIG, {"image"}, False),
        (media_types.OCI_MANIFEST, HELM, {"image", "plugin"}, False),
        (media_types.OCI_MANIFEST, HELM, (), True),
    ],
)
async def test_kinds_of_content_can_be_kept_out(
    under: Under, kind: str, config: str, classes: set[str], taken: bool
) -> None:
    """What a manifest is shows in its type and that of its config; indexes are of every kind."""
    repository = under(Rules(classes=classes)).repository(NAME)
    found = samples.image().manifest.document
    manifest = document(
        kind,
        config=found["config"] | {"mediaType": config},
        layers=found["layers"],
    )

    await repository.put_manifest(document(media_types.OCI_INDEX, manifests=[]))
    if taken:
        await repository.put_manifest(manifest)
        return
    with pytest.raises(Denied, match="does not take"):
        await repository.put_manifest(manifest)


@pytest.mark.parametrize(
    ("granted", "taken"),
    [
        (set(), True),
        ({(str(NAME), "image")}, True),
        ({(str(NAME), "plugin")}, False),
        ({(str(NAME), "plugin"), (str(NAME), "image")}, True),
        ({("else/where", "plugin")}, True),
    ],
)
@pytest.mark.parametrize("classes", [{"image"}, set()])
async def test_rights_may_be_for_a_kind_of_content(
    inner: LocalRegistry, granted: set[tuple[str, str]], classes: set[str], taken: bool
) -> None:
    """Which counts where the registry looks at kinds at all, also behind other wrappers."""
    somebody = Occasion(Principal("ada", frozenset(), frozenset(granted)))
    registry = ForwardingRegistry(ValidatedRegistry(inner, Rules(classes=classes)))
    repository = registry.acting_for(somebody).repository(NAME)

    if taken or not classes:
        await samples.put_image(repository, samples.image("another"))
        return
    with pytest.raises(Denied, match="ada may not push images to"):
        await samples.put_image(repository, samples.image("another"))


def test_rules_that_say_nothing_are_none() -> None:
    """Then nothing has to be wrapped."""
    assert not Rules()
    assert Rules(urls=Urls())
    assert Rules(platforms=())
    assert Rules(classes={"image"})

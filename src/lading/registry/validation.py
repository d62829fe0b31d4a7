"""What an operator lets in: which URLs, which platforms, which kinds of content."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Self

from lading.errors import BlobUnknown, Denied, ManifestBlobUnknown, ManifestInvalid, ManifestUnknown
from lading.interfaces.access import ANONYMOUS, Occasion, Principal
from lading.interfaces.repository import Receipt, Registry, Repository
from lading.oci import media_types
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.manifest import Manifest
from lading.oci.names import RepositoryName, Tag
from lading.registry.forwarding import ForwardingRegistry, ForwardingRepository

_CLASSES = {
    (media_types.OCI_MANIFEST, media_types.OCI_CONFIG): "image",
    (media_types.DOCKER_MANIFEST, media_types.DOCKER_CONFIG): "image",
    (media_types.DOCKER_MANIFEST, media_types.DOCKER_PLUGIN): "plugin",
}
"""What is of which kind, by the media types of a manifest and its config, as in Distribution."""
_URL = re.compile(r"https?://[^/?#\s]+[^#\s]*")


@dataclass(frozen=True, slots=True)
class Urls:
    """Which URLs a layer may be kept at: those that match *allow* and do not match *deny*.

    With neither, none is taken; with *deny* alone, all others are.
    """

    allow: Sequence[re.Pattern[str]] = ()
    deny: Sequence[re.Pattern[str]] = ()

    def take(self, url: str) -> bool:
        """Whether a layer may be kept at *url*, which has to be one of HTTP without a fragment."""
        if not _URL.fullmatch(url) or any(each.search(url) for each in self.deny):
            return False
        return any(each.search(url) for each in self.allow) or bool(self.deny and not self.allow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a manifest has to keep to; each part may be missing.

    Args:
        urls: where layers may be kept.
        platforms: systems and architectures whose manifests an index has to find here; ``None``
            if it has to find all of them.
        classes: kinds of content that are taken, ``image`` and ``plugin``; empty if all are.
    """

    urls: Urls | None = None
    platforms: Collection[tuple[str, str]] | None = None
    classes: Collection[str] = field(default=())

    def __bool__(self) -> bool:
        return self.urls is not None or self.platforms is not None or bool(self.classes)


class ValidatedRegistry(ForwardingRegistry):
    """A registry that takes the manifests that *rules* let *principal* put, and no others."""

    __slots__ = ("_principal", "_rules")

    def __init__(self, inner: Registry, rules: Rules, principal: Principal = ANONYMOUS) -> None:
        super().__init__(inner)
        self._rules = rules
        self._principal = principal

    def around(self, inner: Registry) -> Self:
        """The same rules around another registry."""
        return type(self)(inner, self._rules, self._principal)

    def acting_for(self, occasion: Occasion) -> Self:
        """The same rules for somebody else."""
        return type(self)(self._inner.acting_for(occasion), self._rules, occasion.principal)

    def repository(self, name: RepositoryName) -> "ValidatedRepository":
        """The repository *name*, under the rules."""
        return ValidatedRepository(self._inner.repository(name), self._rules, self._principal)


class ValidatedRepository(ForwardingRepository):
    """A repository that takes the manifests that *rules* let *principal* put."""

    __slots__ = ("_principal", "_rules")

    def __init__(self, inner: Repository, rules: Rules, principal: Principal = ANONYMOUS) -> None:
        super().__init__(inner)
        self._rules = rules
        self._principal = principal

    async def put_manifest(
        self, manifest: Manifest, *, tags: Sequence[Tag] = (), sparse: bool = False
    ) -> Receipt:
        """See `ContentTarget.put_manifest`.

        Raises:
            Denied: content of its kind is not taken, or not from whoever puts it.
            ManifestInvalid: a layer is kept where none may be.
            ManifestBlobUnknown: also when a layer that names no URL is not here.
        """
        rules = self._rules
        if rules.classes:
            self._check_class(manifest, rules.classes)
        if not sparse and rules.urls is not None:
            await self._check_urls(manifest, rules.urls)
        if not sparse and rules.platforms is not None and manifest.is_index:
            await self._check_platforms(manifest, rules.platforms)
            sparse = True
        return await self._inner.put_manifest(manifest, tags=tags, sparse=sparse)

    def _check_class(self, manifest: Manifest, classes: Collection[str]) -> None:
        if manifest.is_index:
            return
        config = manifest.config.media_type if manifest.config is not None else "no config"
        found = _CLASSES.get((manifest.media_type, config))
        if found is None or found not in classes:
            what = (
                f"{found}s"
                if found
                else f"content of the kind {config[:200]} in {manifest.media_type}"
            )
            raise Denied(f"this registry does not take {what}")
        granted = {each for name, each in self._principal.classes if name == str(self.name)}
        if granted and found not in granted:
            raise Denied(f"{self._principal} may not push {found}s to {self.name}")

    async def _check_urls(self, manifest: Manifest, urls: Urls) -> None:
        missing: list[Digest] = []
        for layer in manifest.layers:
            for url in layer.urls:
                if not urls.take(url):
                    raise ManifestInvalid(f"{layer.digest} may not be kept at {url[:200]}")
            elsewhere = layer.media_type in media_types.NON_DISTRIBUTABLE
            if elsewhere and not layer.urls and not await self._has_blob(layer):
                missing.append(layer.digest)
        if missing:
            raise ManifestBlobUnknown(missing)

    async def _check_platforms(
        self, manifest: Manifest, platforms: Collection[tuple[str, str]]
    ) -> None:
        missing = [
            each.digest
            for each in manifest.manifests
            if each.platform is not None
            and (each.platform.os, each.platform.architecture) in platforms
            and not await self._has_manifest(each)
        ]
        if missing:
            raise ManifestBlobUnknown(missing)

    async def _has_blob(self, wanted: Descriptor) -> bool:
        try:
            await self._inner.stat_blob(wanted.digest)
        except BlobUnknown:
            return False
        return True

    async def _has_manifest(self, wanted: Descriptor) -> bool:
        try:
            await self._inner.resolve(wanted.digest)
        except ManifestUnknown:
            return False
        return True

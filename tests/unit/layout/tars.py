"""Archives to be read, good and bad."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lading.oci import media_types
from lading.oci.digest import Digest

MARK = b'{"imageLayoutVersion": "1.0.0"}'


def member(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A member of an archive, with whatever *fields* of its header."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def archive(
    members: Iterable[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.GNU_FORMAT
) -> bytes:
    """A tar archive of *members*."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as opened:
        for info, content in members:
            opened.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def plain(files: Mapping[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar archive of *files*."""
    return archive([member(name, content) for name, content in files.items()], form)


def layout_files(*entries: dict[str, Any], blobs: Iterable[bytes] = ()) -> dict[str, bytes]:
    """The files of an image layout."""
    index = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
    named = {f"blobs/sha256/{Digest.of(each).value}": each for each in blobs}
    return {"oci-layout": MARK, "index.json": index, **named}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """The same files in a directory."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


class Saved:
    """An image as it is in docker archives: layers that are tars, and a config that counts them."""

    def __init__(self, seed: str = "one", layers: int = 2, *, packed: bool = False) -> None:
        self.tars = [plain({f"{seed}-{number}.txt": seed.encode()}) for number in range(layers)]
        diff_ids = [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in self.tars]
        self.layers = [gzip.compress(each, mtime=0) if packed else each for each in self.tars]
        self.config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "author": seed,
                "rootfs": {"type": "layers", "diff_ids": diff_ids},
            }
        ).encode()

    @property
    def names(self) -> list[str]:
        """Where old dockers keep its layers."""
        return [f"{hashlib.sha256(each).hexdigest()}/layer.tar" for each in self.layers]

    def listed(self, *tags: str) -> dict[str, Any]:
        """How ``manifest.json`` lists it."""
        return {"Config": "config.json", "RepoTags": list(tags) or None, "Layers": self.names}

    def files(self, *tags: str) -> dict[str, bytes]:
        """The files of an archive that holds nothing else."""
        return {
            **dict(zip(self.names, self.layers, strict=True)),
            "config.json": self.config,
            "manifest.json": json.dumps([self.listed(*tags)]).encode(),
        }

    @property
    def digest(self) -> Digest:
        """The digest of the manifest that has to be made of it."""
        kind = media_types.OCI_LAYER_GZIP if self.layers != self.tars else media_types.OCI_LAYER
        document = {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": _descriptor(media_types.OCI_CONFIG, self.config),
            "layers": [_descriptor(kind, each) for each in self.layers],
        }
        return Digest.of(json.dumps(document, separators=(",", ":")).encode())


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}

"""Images to push: an OCI layout made from a real root file system, and views of archives."""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TAG = "made"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """An OCI layout folder that holds one image under the tag ``made``."""

    folder: Path
    manifest_digest: str
    config_digest: str
    layer_digests: tuple[str, ...]

    @property
    def digests(self) -> tuple[str, ...]:
        """Everything the image consists of: manifest, config, layers."""
        return (self.manifest_digest, self.config_digest, *self.layer_digests)

    @property
    def manifest(self) -> bytes:
        """The exact bytes of the manifest."""
        return blob_path(self.folder, self.manifest_digest).read_bytes()


def blob_path(layout: Path, digest: str) -> Path:
    """Where the OCI layout in *layout* keeps *digest*."""
    algorithm, _, value = digest.partition(":")
    return layout / "blobs" / algorithm / value


def file_digest(path: Path) -> str:
    """The sha256 digest of a file's content."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def assert_layout_holds(layout: Path, image: Layout) -> None:
    """Every part of *image* is in the OCI layout *layout*, byte by byte."""
    for digest in image.digests:
        assert file_digest(blob_path(layout, digest)) == digest


def make_layout(folder: Path, root: Path, *, note: str, architecture: str = "amd64") -> Layout:
    """Make an image of two layers: the archive *root*, and one with random bytes and *note*."""
    (folder / "blobs" / "sha256").mkdir(parents=True)
    base = folder / "base.tar.gz"
    with root.open("rb") as plain, gzip.GzipFile(base, "wb", compresslevel=1, mtime=0) as packed:
        shutil.copyfileobj(plain, packed, _BLOCK)
    second = make_archive({"note.txt": note.encode(), "random.bin": os.urandom(8 << 20)})
    top = folder / "top.tar.gz"
    top.write_bytes(gzip.compress(second, compresslevel=1, mtime=0))
    diff_ids = [file_digest(root), f"sha256:{hashlib.sha256(second).hexdigest()}"]
    layers = [_add(folder, base, _LAYER), _add(folder, top, _LAYER)]
    document = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created_by": "root"}, {"created_by": "top"}],
    }
    config = _add_document(folder, document, _CONFIG)
    manifest = _add_document(
        folder,
        {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": layers},
        _MANIFEST,
    )
    named = {**manifest, "annotations": {"org.opencontainers.image.ref.name": TAG}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return Layout(
        folder, manifest["digest"], config["digest"], tuple(layer["digest"] for layer in layers)
    )


def make_archive(files: dict[str, bytes]) -> bytes:
    """A tar archive of *files*, by their names."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _add(folder: Path, file: Path, media_type: str) -> dict[str, Any]:
    digest = file_digest(file)
    stored = blob_path(folder, digest)
    file.replace(stored)
    return {"mediaType": media_type, "digest": digest, "size": stored.stat().st_size}


def _add_document(folder: Path, document: dict[str, Any], media_type: str) -> dict[str, Any]:
    file = folder / "document.json"
    file.write_text(json.dumps(document))
    return _add(folder, file, media_type)


def extract(archive: Path, part: Path, *, prefixes: tuple[str, ...], noise: bytes) -> None:
    """Write to *part* what *archive* has below *prefixes*, and a file of *noise*."""
    with tarfile.open(archive) as source, tarfile.open(part, "w") as target:
        for entry in source:
            if entry.name.removeprefix("./").startswith(prefixes) and not entry.islnk():
                target.addfile(entry, source.extractfile(entry) if entry.isreg() else None)
        added = tarfile.TarInfo("noise.bin")
        added.size = len(noise)
        target.addfile(added, io.BytesIO(noise))


def file_sums(archive: Path, prefix: str) -> dict[str, str]:
    """The sha256 of every regular file below *prefix* in a tar archive, hard links included."""
    sums: dict[str, str] = {}
    with tarfile.open(archive) as opened:
        for entry in opened:
            name = entry.name.removeprefix("./")
            if not name.startswith(prefix):
                continue
            if entry.islnk():
                sums[name] = sums[entry.linkname.removeprefix("./")]
            elif entry.isreg():
                content = opened.extractfile(entry)
                assert content is not None
                sums[name] = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]  # readable
    return sums

"""Folders of certificates, one for each registry: ``certs.d/HOST:PORT`` of docker and podman.

``*.crt`` are authorities to trust, ``NAME.cert`` and ``NAME.key`` a client's certificate and key.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from lading.client.connections.transport import Connection
from lading.errors import ConfigInvalid


def find_folder(folders: Sequence[Path], host: str) -> Path | None:
    """The first of *folders* that has one for *host* (with its port, as people write it)."""
    for each in folders:
        folder = each / host
        if folder.is_dir():
            return folder
    return None


def read_folder(folder: Path) -> Connection | None:
    """What the certificates in *folder* say about a connection; ``None`` if there are none.

    Raises:
        ConfigInvalid: it cannot be read, or a certificate has no key, or a key no certificate.
    """
    try:
        names = sorted(folder.iterdir())
    except OSError as error:
        raise ConfigInvalid(f"{folder}: {error.strerror}") from error
    authorities = tuple(str(each) for each in names if each.suffix == ".crt")
    pairs = list(_pairs(names))
    if not authorities and not pairs:
        return None
    cert, key = pairs[0] if pairs else (None, None)
    return Connection(ca_files=authorities, client_cert=cert, client_key=key)


def _pairs(names: Sequence[Path]) -> Iterator[tuple[str, str]]:
    present = set(names)
    for each in names:
        other = {".cert": ".key", ".key": ".cert"}.get(each.suffix)
        if other is None:
            continue
        if each.with_suffix(other) not in present:
            raise ConfigInvalid(f"{each} needs {each.with_suffix(other).name} beside it")
        if each.suffix == ".cert":
            yield str(each), str(each.with_suffix(other))

"""``hosts.toml``: what containerd, and docker on its store, know of one registry.

Each ``[host."URL"]`` is asked in the order of the file, and ``server`` last. ``dial_timeout`` is
passed over: every connection has a limit.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lading.client.connections.origin import Origin
from lading.client.connections.transport import Connection
from lading.client.hosts.host import EVERYTHING, Capability, Endpoint
from lading.client.hosts.registries_conf import read_toml, typed
from lading.errors import ConfigInvalid, ReferenceInvalid

_WORDS = {each.value: each for each in Capability}


def find_hosts(folders: Sequence[Path], host: str) -> Path | None:
    """The ``hosts.toml`` for *host*: its own in the first folder that has one, else a default."""
    name, colon, port = host.rpartition(":")
    spelled = [f"{name}_{port}_", host] if colon and port.isdigit() else [host]
    for each in (*spelled, "_default"):
        for folder in folders:
            path = folder / each / "hosts.toml"
            if path.is_file():
                return path
    return None


def read_hosts(path: Path, host: str, own: Origin) -> tuple[Endpoint, ...]:
    """The endpoints of *host*, whose own API is at *own*, as the file *path* has them.

    Raises:
        ConfigInvalid: it cannot be read.
    """
    document = read_toml(path) or {}
    tables = typed(document, "host", dict, str(path)) or {}
    found = []
    for url, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigInvalid(f"{path}: host {url} is not a table")
        found.append(_endpoint(url, table, host, own, path))
    server = typed(document, "server", str, str(path)) or str(own)
    last = {key: value for key, value in document.items() if key not in {"host", "server"}}
    return (*found, _endpoint(server, last, host, own, path))


def _endpoint(url: str, table: Mapping[str, Any], host: str, own: Origin, path: Path) -> Endpoint:
    file = str(path)
    whole = url if "://" in url else f"https://{url}"
    try:
        origin = Origin.parse(whole)
    except ReferenceInvalid as error:
        raise ConfigInvalid(f"{path}: {error}") from None
    below = whole.partition("://")[2].partition("/")[2].strip("/")
    prefix = f"/{below}" if below else ""
    if not typed(table, "override_path", bool, file) and not prefix.endswith("/v2"):
        prefix += "/v2"
    return Endpoint(
        origin=origin,
        prefix=prefix,
        capabilities=_capabilities(table, file),
        connection=_connection(table, path),
        headers=_headers(table, file),
        known_as=host if origin == own else origin.netloc,
        namespace="" if origin == own else host,
    )


def _capabilities(table: Mapping[str, Any], file: str) -> frozenset[Capability]:
    words = typed(table, "capabilities", list, file)
    if words is None:
        return EVERYTHING
    unknown = [each for each in words if each not in _WORDS]
    if unknown:
        raise ConfigInvalid(f"{file}: capability {unknown[0]!r} is none of {', '.join(_WORDS)}")
    return frozenset(_WORDS[each] for each in words)


def _connection(table: Mapping[str, Any], path: Path) -> Connection:
    authorities = _listed(table.get("ca"), path, "ca")
    pairs = table.get("client")
    # One file with both, several of them, or pairs of a certificate and its key: one is shown.
    first = pairs[0] if isinstance(pairs, list) and pairs else pairs
    client = _listed(first, path, "client")[:2]
    return Connection(
        ca_files=tuple(_beside(path, each) for each in authorities),
        client_cert=_beside(path, client[0]) if client else None,
        client_key=_beside(path, client[1]) if len(client) > 1 else None,
        verify=not typed(table, "skip_verify", bool, str(path)),
    )


def _headers(table: Mapping[str, Any], file: str) -> tuple[tuple[str, str], ...]:
    found = typed(table, "header", dict, file) or {}
    return tuple(
        (name, value)
        for name, values in found.items()
        for value in _listed(values, Path(file), f"header {name}")
    )


def _listed(value: object, path: Path, what: str) -> list[str]:
    """One string or several."""
    values: list[Any] = value if isinstance(value, list) else [value] if value else []
    if not all(isinstance(each, str) for each in values):
        raise ConfigInvalid(f"{path}: {what} is not a string or a list of strings")
    return values


def _beside(path: Path, name: str) -> str:
    return str(path.parent / name)

"""Settings of the doors: where the server listens, and how it is spoken to."""

# ruff: noqa: RUF009 - `option` and `section` make fields, as `dataclasses.field` does

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from lading.app.config.options import option, section
from lading.app.config.structures import listed, mapped
from lading.app.config.values import (
    address,
    choice,
    duration,
    field_name,
    field_value,
    file,
    flag,
    folder,
    optional,
    path_prefix,
    root_url,
    size,
    words,
)

KIB = 1 << 10
MIB = 1 << 20

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeConfig:
    """Certificates that the server gets for itself (RFC 8555)."""

    hosts: tuple[str, ...] = option(
        (), "For which names; unset: certificates come from files.", listed(words)
    )
    email: str = option("", "Whom the authority may write to.", words)
    directory: str = option(LETS_ENCRYPT, "The URL of the authority's directory.", words)
    authority: Path | None = option(
        None, "Certificates (PEM) to trust the authority by; unset: the system's.", optional(file)
    )
    challenge: str = option(
        "tls-alpn-01",
        "How the names are proven: tls-alpn-01 on the port that serves (the authority asks 443), "
        "http-01 on the address below (the authority asks 80).",
        choice("tls-alpn-01", "http-01"),
    )
    http_listen: str = option(":80", "Where http-01 is answered.", address)
    folder: Path | None = option(
        None,
        "Where certificates and the account are kept; unset: below the root.",
        optional(folder),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """Whether and how connections are encrypted. They are once there is a certificate."""

    certificate: Path | None = option(
        None, "A file (PEM) of the certificate and those that vouch for it.", optional(file)
    )
    key: Path | None = option(None, "A file (PEM) of its private key.", optional(file))
    client_cas: tuple[Path, ...] = option(
        (), "Files (PEM) of those who vouch for certificates of clients.", listed(file)
    )
    client_auth: str = option(
        "require",
        "Whether clients must show a certificate (require) or need not (if-given); without "
        "client_cas they are not asked for one.",
        choice("require", "if-given"),
    )
    minimum: str = option(
        "tls1.2", "The oldest version that is spoken.", choice("tls1.2", "tls1.3")
    )
    ciphers: tuple[str, ...] = option(
        (), "Suites of TLS 1.2, by their names in OpenSSL; unset: good ones.", listed(words)
    )
    acme: AcmeConfig = section(AcmeConfig, "Certificates that the server gets for itself.")

    @property
    def wanted(self) -> bool:
        """Whether connections are encrypted."""
        return bool(self.certificate or self.key or self.acme.hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """What a connection may do, and for how long."""

    head_limit: int = option(64 * KIB, "The longest head of a request, in bytes.", size)
    head_timeout: timedelta = option(
        timedelta(seconds=30), "How long a request's head may take to arrive.", duration
    )
    keep_alive: timedelta = option(
        timedelta(seconds=120),
        "How long an idle connection stays open. Clients keep theirs for 90 s and stumble over "
        "one that is closed earlier.",
        duration,
    )
    body_timeout: timedelta = option(
        timedelta(seconds=60), "How long a body may stand still before it is given up.", duration
    )
    lane_from: int | None = option(
        64 * KIB,
        "From which size on, in bytes, bodies bypass the event loop; unset: none do. In a root that "
        "lies in memory (tmpfs), none does that says that it has at most 2 MiB.",
        optional(size),
    )
    discard_limit: int = option(
        64 * MIB,
        "How much of a body that was refused is read and thrown away, in bytes, so that its "
        "sender sees the answer.",
        size,
    )
    drain: timedelta = option(
        timedelta(seconds=30),
        "How long requests in flight may go on when the server is asked to stop.",
        duration,
    )
    prefix: str = option("", "A path that all paths of the API begin with.", path_prefix)
    host: str = option(
        "",
        "The URL that locations begin with, with a path up to its last slash; unset: what the "
        "request came to. The prefix is not added to it.",
        root_url,
    )
    relative_urls: bool = option(
        True, "Answer locations without a host, which is right behind any proxy.", flag
    )
    headers: Mapping[str, tuple[str, ...]] = option(
        {},
        "What is added to every answer of the API.",
        mapped(listed(field_value), names=field_name),
    )

"""Which encryption a configuration asks for, and what has to run for it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.app.config.doors import TlsConfig
from lading.app.config.options import unusable
from lading.app.readonly import is_on
from lading.app.sealing import ByGreeting, OneForAll
from lading.app.serving import Seal
from lading.wire.message import Handler

# Only who encrypts waits for the libraries that do: they are imported where that is known.
# ruff: noqa: PLC0415 - as the line above says


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """What seals the connections of every worker; made before the first of them.

    Without a ``seal``, nothing is encrypted. ``renew`` runs beside each worker, and ``proofs``
    answers at the address ``proofs_at``, if they are given.
    """

    seal: Seal | None = None
    renew: Callable[[], Coroutine[Any, Any, None]] | None = None
    proofs: Handler | None = None
    proofs_at: str = ""


def encryption(config: TlsConfig, root: Path, *, read_only: bool = False) -> Encryption:
    """The encryption of a server whose data is in *root*, and may be *read_only*.

    Raises:
        ConfigInvalid: something is missing, or cannot be used.
    """
    if not config.wanted:
        return Encryption()
    if config.acme.hosts:
        return _by_authority(config, root, read_only=read_only)
    if config.key is None:
        raise unusable("tls.certificate", "it has no key; name the file of that, too")
    if config.certificate is None:
        raise unusable("tls.key", "it has no certificate; name the file of that, too")
    from lading.app.tls import KeyPair, Terms

    pair = KeyPair(config.certificate, config.key, Terms.of(config))
    return Encryption(seal=OneForAll(pair.current))


def _by_authority(config: TlsConfig, root: Path, *, read_only: bool) -> Encryption:
    acme = config.acme
    if config.certificate is not None or config.key is not None:
        given = "tls.certificate" if config.certificate is not None else "tls.key"
        raise unusable(given, "certificates are obtained already; remove one of both")
    try:
        from lading.app.acme.authority import Authority, NotIssued
    except ImportError:
        why = "it needs more libraries: install lading with its extra acme"
        raise unusable("tls.acme.hosts", why) from None
    from lading.app.acme.certificates import Certificates
    from lading.app.acme.folder import USUAL, Folder
    from lading.app.acme.proofs import Tokens
    from lading.app.acme.renewal import Renewal
    from lading.app.tls import Terms

    hosts = [_host(each) for each in acme.hosts]
    folder = Folder(acme.folder or root / USUAL)
    within = folder.is_within(root)

    def may_write() -> bool:
        return not within or not (read_only or is_on(root))

    authority = Authority(
        folder=folder,
        directory=acme.directory,
        email=acme.email,
        trust=acme.authority,
        challenge=acme.challenge,
    )
    by_http = acme.challenge == "http-01"
    return Encryption(
        seal=ByGreeting(Certificates(folder, hosts, Terms.of(config)).choose),
        renew=Renewal(folder, hosts, authority.obtain, refusal=NotIssued, may_write=may_write).run,
        proofs=Tokens(folder) if by_http else None,
        proofs_at=acme.http_listen if by_http else "",
    )


def _host(text: str) -> str:
    host = text.lower().rstrip(".")
    if not host or not all(
        label and label.replace("-", "a").isalnum() and label.isascii() for label in host.split(".")
    ):
        raise unusable("tls.acme.hosts", f"{text} is no name that can be proven")
    return host

"""How connections are encrypted: certificates from files, taken up again when they change.

A context is made before workers are forked and kept as long as it can be: the keys of its session
tickets come with it, so that every worker resumes the sessions of every other. Which context a
connection gets is decided before its handshake, by what it says first (``sealing.py``).
"""

import logging
import os
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from lading.app.config.doors import TlsConfig
from lading.app.config.options import unusable
from lading.errors import ConfigInvalid

log = logging.getLogger(__name__)

_LOOK = 1.0
"""Seconds between two looks at the files."""
_VERSIONS = {"tls1.2": ssl.TLSVersion.TLSv1_2, "tls1.3": ssl.TLSVersion.TLSv1_3}
_DEMANDS = {"require": ssl.CERT_REQUIRED, "if-given": ssl.CERT_OPTIONAL}
_CAUSES = {
    "KEY_VALUES_MISMATCH": "the key does not belong to the certificate",
    # OpenSSL has no word of its own for a file in which it found nothing.
    None: "there is no certificate, or no key, in PEM form",
}


def validity(certificate: Path) -> tuple[datetime, datetime]:
    """When the first certificate of a file (PEM) begins to be valid, and when it ends."""
    shown = x509.load_pem_x509_certificate(certificate.read_bytes())
    return shown.not_valid_before_utc, shown.not_valid_after_utc


def openssl_name(go_name: str) -> str | None:
    """OpenSSL's name of a cipher suite that Go calls *go_name*.

    ``None``: a suite of TLS 1.3, all of which are always spoken.

    Raises:
        KeyError: there is no such suite, or none that can still be spoken.
    """
    return _SUITES[go_name]


_SUITES: dict[str, str | None] = {
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_AES_128_GCM_SHA256": None,
    "TLS_AES_256_GCM_SHA384": None,
    "TLS_CHACHA20_POLY1305_SHA256": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for every connection, whichever certificate it is shown."""

    minimum: str = "tls1.2"
    ciphers: Sequence[str] = ()
    client_cas: Sequence[Path] = ()
    client_auth: str = "require"

    @classmethod
    def of(cls, config: TlsConfig) -> "Terms":
        """Those that *config* names."""
        return cls(
            minimum=config.minimum,
            ciphers=config.ciphers,
            client_cas=config.client_cas,
            client_auth=config.client_auth,
        )

    def context(self) -> ssl.SSLContext:
        """A context that shows no certificate yet.

        Raises:
            ConfigInvalid: a suite is unknown here, or a file of authorities cannot be used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[self.minimum]
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        # All that are spoken are good; a client knows best which of them costs it least.
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        context.set_alpn_protocols(["http/1.1"])
        if self.ciphers:
            _choose_ciphers(context, self.ciphers)
        for file in self.client_cas:
            try:
                context.load_verify_locations(file)
            except ssl.SSLError:
                why = f"{file} holds no certificates (PEM)"
                raise unusable("tls.client_cas", why) from None
            except OSError as error:
                raise unusable("tls.client_cas", f"{file}: {error.strerror}") from None
        if self.client_cas:
            context.verify_mode = _DEMANDS[self.client_auth]
        return context


def _choose_ciphers(context: ssl.SSLContext, names: Sequence[str]) -> None:
    for name in names:
        # OpenSSL passes over names that it does not know, as long as it knows another.
        with suppress(ssl.SSLError):
            context.set_ciphers(name)
            if any(each["name"] == name for each in context.get_ciphers()):
                continue
        raise unusable("tls.ciphers", f"{name} is no cipher suite that can be spoken here")
    context.set_ciphers(":".join(names))


class KeyPair:
    """A certificate and its key, in files, and the context that shows them.

    A pair that cannot be used leaves the one before it in place. With *awaited*, there need not be
    one yet.

    Raises:
        ConfigInvalid: the files, or what *terms* name, cannot be used.
    """

    def __init__(
        self,
        certificate: Path,
        key: Path,
        terms: Terms,
        *,
        awaited: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = (certificate, key, *terms.client_cas)
        self._terms = terms
        self._clock = clock
        self._state = self._stamps()
        self._refused: object = None
        self._told: object = None
        self._waiting = awaited and not certificate.exists()
        if self._waiting:
            self._context, self._kind = terms.context(), None
        else:
            self._context, self._kind = self._fresh(self._read())
        self._looked = clock()

    def current(self) -> ssl.SSLContext | None:
        """The context for the next connection, with what the files hold now, or did a second ago.

        ``None``: the certificate that is awaited is not there; it is looked for every time, so that
        all workers have it at once.
        """
        now = self._clock()
        if self._waiting or now - self._looked >= _LOOK:
            self._looked = now
            self._look()
        return None if self._waiting else self._context

    def _look(self) -> None:
        state = self._stamps()
        if state == self._state:
            return
        try:
            self._take_up(state)
        except ConfigInvalid as error:
            # Two files are not replaced at once: only what is still wrong the next time is.
            if state == self._refused != self._told:
                log.error("certificate not taken up, the one before it stays: %s", error)  # noqa: TRY400 - a fact
                self._told = state
            self._refused = state
        else:
            self._state = state
            log.info("certificate taken up", extra={"file": str(self._files[0])})

    def _take_up(self, state: Sequence[object]) -> None:
        files = self._read()
        context, kind = self._fresh(files)
        # A certificate of another kind would stand beside the old one, and whom it was made for
        # might still be shown that; authorities cannot be taken out.
        same = kind is not None and kind == self._kind and state[2:] == self._state[2:]
        if same or self._waiting:
            _load(self._context, *files)
        else:
            self._context = context
        self._kind, self._waiting = kind, False

    def _fresh(self, files: tuple[bytes, bytes]) -> tuple[ssl.SSLContext, type | None]:
        context = self._terms.context()
        try:
            _load(context, *files)
        except ssl.SSLError as error:
            why = _CAUSES.get(error.reason, f"OpenSSL says {error.reason}")
            certificate, key, *_ = self._files
            what = f"{certificate} and its key {key}: {why}"
            raise unusable("tls.certificate", what) from None
        except _Locked:
            raise unusable(
                "tls.key",
                f"{self._files[1]} is encrypted, and nobody is there to type the password: "
                "decrypt it (openssl pkey -in OLD -out NEW)",
            ) from None
        return context, _kind(files[0])

    def _read(self) -> tuple[bytes, bytes]:
        found = []
        for name, path in zip(("certificate", "key"), self._files, strict=False):
            try:
                found.append(path.read_bytes())
            except OSError as error:
                raise unusable(f"tls.{name}", f"{path}: {error.strerror}") from None
        return found[0], found[1]

    def _stamps(self) -> tuple[object, ...]:
        return tuple(_stamp(each) for each in self._files)


def _kind(pem: bytes) -> type | None:
    """What kind of key a certificate is for, if that can be told."""
    try:
        return type(x509.load_pem_x509_certificate(pem).public_key())
    except ValueError:
        # OpenSSL takes some that are not quite as the standards want them.
        return None


class _Locked(Exception):
    """Not an error: a key wants a password."""


def _locked() -> bytes:
    raise _Locked


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # OpenSSL takes files only, and between two looks at them they may change.
    with _in_memory(certificate) as first, _in_memory(key) as second:
        context.load_cert_chain(first, second, password=_locked)


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    file = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(file, content)
        yield f"/proc/self/fd/{file}"
    finally:
        os.close(file)


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

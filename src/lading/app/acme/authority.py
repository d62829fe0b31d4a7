"""The authority that gives certificates, as RFC 8555 has it. The only module that asks it."""

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

from acme import challenges, client, crypto_util, errors, messages
from cryptography.hazmat.primitives import serialization
from josepy.errors import Error as JoseError
from josepy.jwa import ES256
from josepy.jwk import JWK, JWKEC

from lading.app.acme.folder import Folder
from lading.app.acme.proofs import certificate, private_key
from lading.app.versions import version

_PATIENCE = timedelta(minutes=3)
# Every request and answer, and each of them with a signature.
logging.getLogger("acme").setLevel(logging.WARNING)


class NotIssued(Exception):
    """The authority gave no certificate; the message says why."""


@challenges.ChallengeResponse.register
class _TlsAlpnResponse(challenges.KeyAuthorizationChallengeResponse):
    """That a proof is ready; nothing more is said."""

    typ: ClassVar[str] = "tls-alpn-01"


@challenges.Challenge.register
class _TlsAlpn(challenges.KeyAuthorizationChallenge):
    """Prove it by a certificate (RFC 8737)."""

    response_cls = _TlsAlpnResponse
    typ = _TlsAlpnResponse.typ

    def validation(self, account_key: JWK, **_: Any) -> str:
        """What the certificate has to hold the hash of."""
        return self.key_authorization(account_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Asks for certificates and keeps them in *folder*; everything blocks.

    *trust* are certificates (PEM) to know the authority by, and *challenge* is how names are
    proven to it.
    """

    folder: Folder
    directory: str
    email: str
    trust: Path | None
    challenge: str

    def obtain(self, host: str) -> None:
        """Get a certificate for *host* and keep it.

        Raises:
            NotIssued: it was not to be had.
        """
        try:
            self._obtain(host)
        except (errors.Error, JoseError, OSError) as error:
            raise NotIssued(_reason(error)) from error

    def _obtain(self, host: str) -> None:
        account, asking = self._account()
        _, key = private_key()
        order = asking.new_order(crypto_util.make_csr(key, [host]))
        with _Proofs(self.folder, self.challenge, account) as proofs:
            for each in order.authorizations:
                if each.body.status != messages.STATUS_VALID:
                    found = proofs.ready(each.body.challenges, host)
                    asking.answer_challenge(found, found.response(account))
            # The library compares it with times of its own, which know no zone.
            deadline = datetime.now() + _PATIENCE  # noqa: DTZ005 - as the line above says
            done = asking.poll_and_finalize(order, deadline)
        self.folder.keep(self.folder.certificate(host), key + done.fullchain_pem.encode())

    def _account(self) -> tuple[JWK, client.ClientV2]:
        path = self.folder.account
        if not path.exists():
            self.folder.keep(path, private_key()[1])
        loaded = serialization.load_pem_private_key(path.read_bytes(), password=None)
        key = JWKEC(key=loaded)
        network = client.ClientNetwork(
            key,
            alg=ES256,
            user_agent=f"lading/{version()}",
        )
        if self.trust is not None:
            # Given to requests as it is, which takes a path too.
            network.verify_ssl = str(self.trust)  # type: ignore[assignment]  # a path is fine too
        asking = client.ClientV2(client.ClientV2.get_directory(self.directory, network), network)
        wish = messages.NewRegistration.from_data(
            email=self.email or None, terms_of_service_agreed=True
        )
        try:
            asking.new_account(wish)
        except errors.ConflictError as known:
            asking.query_registration(messages.RegistrationResource(uri=known.location, body=wish))
        return key, asking


class _Proofs:
    """Proofs that can be looked at until this is left."""

    def __init__(self, folder: Folder, challenge: str, account: JWK) -> None:
        self._folder = folder
        self._challenge = challenge
        self._account = account
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._made:
            with suppress(OSError):
                each.unlink()

    def ready(self, offered: Any, host: str) -> Any:
        """Make the proof for one of those *offered*, and return that one."""
        for each in offered:
            if each.chall.typ == self._challenge:
                self._make(each.chall, host)
                return each
        raise NotIssued(f"the authority does not offer {self._challenge} for {host}")

    def _make(self, wanted: Any, host: str) -> None:
        authorization = wanted.key_authorization(self._account)
        if self._challenge == _TlsAlpn.typ:
            path = self._folder.proof(host)
            content = certificate(host, authorization, now=datetime.now(UTC))
        else:
            named = self._folder.token(wanted.encode("token"))
            if named is None:
                raise NotIssued("the authority sent a token that is none")
            path, content = named, authorization.encode()
        self._folder.keep(path, content)
        self._made.append(path)


def _reason(error: Exception) -> str:
    if isinstance(error, errors.ValidationError):
        found = [
            each.error.detail or each.error.typ
            for failed in error.failed_authzrs
            for each in failed.body.challenges
            if each.error is not None
        ]
        return "; ".join(found)
    if isinstance(error, messages.Error):
        return f"{error.detail or error.title} ({error.typ})"
    if isinstance(error, errors.TimeoutError):
        return "the authority took too long"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError):
        return f"the authority cannot be reached: {_innermost(error)}"
    return str(error) or type(error).__name__


def _innermost(error: BaseException) -> BaseException:
    """What the layers above it were about."""
    while error.__context__ is not None:
        error = error.__context__
    return error

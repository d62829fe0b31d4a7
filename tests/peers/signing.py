"""Keys of the tests' own, and tokens signed with them."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from lading.auth.keys import PublicKey

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

NOW = 1_800_000_000.0
"""The time that it is in the tests, in seconds of the epoch."""

ISSUER, SERVICE = "the issuer", "the registry"

RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
P521 = ec.generate_private_key(ec.SECP521R1())
ED = ed25519.Ed25519PrivateKey.generate()
FOREIGN = ec.generate_private_key(ec.SECP256R1())
SECRET = b"a secret of sixty-four bytes or more, which HS512 demands of keys"

KEY_OF: Mapping[str, PrivateKey | bytes] = {
    "EdDSA": ED,
    **dict.fromkeys(("HS256", "HS384", "HS512"), SECRET),
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), RSA),
    "ES256": P256,
    "ES384": P384,
    "ES512": P521,
}
"""A key for each kind of signature."""


def claims(**changed: Any) -> dict[str, Any]:
    """What a good token says; ``None`` leaves a claim out."""
    said: dict[str, Any] = {
        "iss": ISSUER,
        "aud": SERVICE,
        "sub": "ada",
        "exp": NOW + 300,
        "nbf": NOW - 10,
        "access": [{"type": "repository", "name": "team/app", "actions": ["pull", "push"]}],
        **changed,
    }
    return {name: value for name, value in said.items() if value is not None}


def token(
    key: PrivateKey | bytes = P256,
    algorithm: str = "ES256",
    said: Mapping[str, Any] | None = None,
    **header: Any,
) -> str:
    """A token that says *said*, signed with *key*."""
    content = json.dumps(claims() if said is None else said).encode()
    return jwt.api_jws.PyJWS().encode(content, key, algorithm, header)


def forged(header: Mapping[str, Any], said: Any, signature: bytes = b"") -> str:
    """A token put together by hand."""
    return ".".join(encoded(each) for each in (_json(header), _json(said), signature))


def encoded(content: bytes) -> str:
    """Base64 as tokens have it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def jwks(keys: Mapping[str, PrivateKey | bytes], **more: Any) -> bytes:
    """A set of public keys by their ids."""
    return _json({"keys": [{**_jwk(key), "kid": key_id, **more} for key_id, key in keys.items()]})


def public(key: PrivateKey) -> PublicKey:
    """The other half of *key*."""
    return key.public_key()


def _jwk(key: PrivateKey | bytes) -> dict[str, Any]:
    if isinstance(key, bytes):
        return {"kty": "oct", "k": encoded(key)}
    algorithms = jwt.algorithms
    match public(key):
        case rsa.RSAPublicKey() as found:
            return dict(algorithms.RSAAlgorithm.to_jwk(found, as_dict=True))
        case ec.EllipticCurvePublicKey() as curve:
            return dict(algorithms.ECAlgorithm.to_jwk(curve, as_dict=True))
        case other:
            return dict(algorithms.OKPAlgorithm.to_jwk(other, as_dict=True))


def certificate(
    key: PrivateKey,
    *,
    name: str = "signer",
    issuer: tuple[str, PrivateKey] | None = None,
    authority: bool = False,
    path_length: int | None = None,
    begins: timedelta = timedelta(days=-1),
    ends: timedelta = timedelta(days=1),
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> x509.Certificate:
    """A certificate for *key*, made by *issuer* or by itself."""
    by, signer = issuer or (name, key)
    now = datetime.fromtimestamp(NOW, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(by))
        .public_key(public(key))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(authority, path_length), critical=True)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(
        signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    )


def pem(*certificates: x509.Certificate) -> bytes:
    """A file of certificates."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def x5c(*certificates: x509.Certificate) -> list[str]:
    """Certificates as a token brings them along."""
    return [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in certificates]


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()

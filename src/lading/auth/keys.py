"""Keys that sign tokens: certificates (PEM), sets of keys (JWKS), and the ids they go by."""

import base64
import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm

from lading.auth.watched import Unreadable

log = logging.getLogger(__name__)

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
Material = PublicKey | bytes
"""What checks a signature; bytes are a secret that makes it as well."""

_CURVES: Mapping[str, type[EllipticCurve]] = {
    "ES256": SECP256R1,
    "ES384": SECP384R1,
    "ES512": SECP521R1,
}
_SHORTEST_RSA = 1024
_SHORTEST_SECRET = {"HS256": 32, "HS384": 48, "HS512": 64}


@dataclass(frozen=True, slots=True)
class Key:
    """One key, and the only algorithm it is for if it says so."""

    material: Material = field(repr=False)
    algorithm: str = ""

    def fits(self, algorithm: str) -> bool:
        """Whether a signature by *algorithm* can be checked with this.

        To take a public key for a secret would let everybody sign.
        """
        if self.algorithm and self.algorithm != algorithm:
            return False
        match self.material:
            case bytes() as secret:
                return len(secret) >= _SHORTEST_SECRET.get(algorithm, len(secret) + 1)
            case RSAPublicKey() as key:
                return algorithm[:2] in {"RS", "PS"} and key.key_size >= _SHORTEST_RSA
            case EllipticCurvePublicKey() as key:
                curve = _CURVES.get(algorithm)
                return curve is not None and isinstance(key.curve, curve)
            case _:
                return algorithm == "EdDSA"


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys by their ids, and the certificates that others may be signed with."""

    keys: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)
    roots: tuple[x509.Certificate, ...] = ()

    def find(self, key_id: str, algorithm: str) -> Key | None:
        """The trusted key of that id, if there is one for that algorithm."""
        for key in self.keys.get(key_id, ()):
            if key.fits(algorithm):
                return key
        return None


NO_KEYS = Keyring()
"""Nothing is trusted."""


def joined(rings: Iterable[Keyring]) -> Keyring:
    """All that is trusted by any of *rings*."""
    keys: dict[str, tuple[Key, ...]] = {}
    roots: tuple[x509.Certificate, ...] = ()
    for ring in rings:
        roots += ring.roots
        for key_id, found in ring.keys.items():
            keys[key_id] = keys.get(key_id, ()) + found
    return Keyring(keys, roots)


def read_certificates(content: bytes) -> Keyring:
    """The keyring of a file of certificates; each key goes by all the ids it may have.

    Raises:
        Unreadable: there is none, or one is broken.
    """
    try:
        found = tuple(x509.load_pem_x509_certificates(content))
    except (ValueError, x509.InvalidVersion):
        raise Unreadable("it holds no certificates (PEM), or one is broken") from None
    return joined(
        Keyring({each: (Key(material),) for each in ids(material)} if material else {}, (one,))
        for one in found
        for material in [public_key(one)]
    )


def read_keys(content: bytes) -> Keyring:
    """The keyring of a set of keys (RFC 7517, 5). Keys that sign nothing here are left out.

    Raises:
        Unreadable: it is no such set.
    """
    try:
        listed = json.loads(content)["keys"]
        entries = [each for each in listed if isinstance(each, dict)]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unreadable("it is no set of keys (JWKS)") from None
    keys: dict[str, tuple[Key, ...]] = {}
    for number, entry in enumerate(entries):
        key = _key(entry)
        if key is None:
            log.warning(
                "key is of no use here",
                extra={"key": str(entry.get("kid", number)), "kind": str(entry.get("kty"))},
            )
            continue
        named = entry.get("kid")
        for key_id in (named,) if isinstance(named, str) and named else ids(key.material):
            keys[key_id] = (*keys.get(key_id, ()), key)
    return Keyring(keys)


def public_key(certificate: x509.Certificate) -> PublicKey | None:
    """The key of *certificate*, if it is of a kind that signs tokens."""
    try:
        found = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    known = isinstance(found, RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey)
    return found if known else None  # type: ignore[return-value]  # as the line above says


def ids(material: Material) -> tuple[str, ...]:
    """What *material* may be called where nobody gave it a name.

    It is the thumbprint of RFC 7638, which some make of coordinates without their leading zeros,
    and the id that libtrust made.
    """
    if isinstance(material, bytes):
        return (_thumbprint({"k": _base64(material), "kty": "oct"}),)
    told: dict[str, Any] = _told(material)
    found = [_thumbprint(told)]
    if isinstance(material, EllipticCurvePublicKey):
        numbers = material.public_numbers()
        found.append(_thumbprint({**told, "x": _number(numbers.x), "y": _number(numbers.y)}))
    der = material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
    found.append(":".join(text[place : place + 4] for place in range(0, len(text), 4)))
    return tuple(dict.fromkeys(found))


def _told(material: PublicKey) -> dict[str, Any]:
    """The members of a key that its thumbprint is made of (RFC 7638, 3.2)."""
    match material:
        case RSAPublicKey():
            numbers = material.public_numbers()
            return {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
        case EllipticCurvePublicKey():
            told = ECAlgorithm.to_jwk(material, as_dict=True)
            return {name: told[name] for name in ("crv", "kty", "x", "y")}
        case _:
            return {"crv": "Ed25519", "kty": "OKP", "x": _base64(material.public_bytes_raw())}


def _key(entry: Mapping[str, Any]) -> Key | None:
    if entry.get("use", "sig") != "sig":
        return None
    readers: dict[str, Any] = {
        "RSA": RSAAlgorithm,
        "EC": ECAlgorithm,
        "OKP": OKPAlgorithm,
        "oct": HMACAlgorithm,
    }
    reader = readers.get(str(entry.get("kty")))
    named = entry.get("alg")
    algorithm = named if isinstance(named, str) else ""
    if reader is None:
        return None
    try:
        found: Any = reader.from_jwk(dict(entry))
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(found, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey):
        # Somebody gave away more than was needed.
        found = found.public_key()
    known = isinstance(found, RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | bytes)
    return Key(found, algorithm) if known else None


def _thumbprint(told: Mapping[str, Any]) -> str:
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return _base64(hashlib.sha256(text.encode()).digest())


def _number(value: int) -> str:
    return _base64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

"""How a server proves that it has a name: a certificate of its own making, or an answer by HTTP."""

import hashlib
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lading.app.acme.folder import Folder
from lading.wire.message import Request, Response

PROTOCOL = b"acme-tls/1"
"""What the authority speaks when it looks for a proof (RFC 8737)."""

_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
_OCTETS = b"\x04\x20"
_LIFE = timedelta(days=7)
_PATH = "/.well-known/acme-challenge/"


def private_key() -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    """A new key, and the same as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key, key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def certificate(host: str, authorization: str, *, now: datetime) -> bytes:
    """The certificate and key (PEM) that prove *authorization* for *host* (RFC 8737, 3)."""
    key, pem = private_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ACME")])
    proof = _OCTETS + hashlib.sha256(authorization.encode()).digest()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.UnrecognizedExtension(_IDENTIFIER, proof), critical=True)
        .sign(key, hashes.SHA256())
    )
    return pem + made.public_bytes(serialization.Encoding.PEM)


class Tokens:
    """Answers http-01 (a `Handler`), and nothing else."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    async def __call__(self, request: Request) -> Response:
        """What is to be proven, or 404."""
        token = request.path.removeprefix(_PATH)
        path = self._folder.token(token) if token != request.path else None
        try:
            content = path.read_bytes() if path and request.method in {"GET", "HEAD"} else None
        except OSError:
            content = None
        if content is None:
            return Response(404, [("Content-Length", "0")])
        fields = [
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(len(content))),
        ]
        return Response(200, fields, b"" if request.method == "HEAD" else content)

"""A service that gives out tokens, as registries are told to send their clients to one."""

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.peers.threads import at_work

Allows = Callable[[str, str, str], bool]
"""Whether a user may do an action in a repository."""


@dataclass
class Issuer:
    """Users by their passwords, what they may do, and the key that says so.

    Whoever shows nothing gets a token without a name.
    """

    users: Mapping[str, str]
    allows: Allows
    name: str = "the tests"
    life: int = 300
    url: str = ""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    kid: str = "tests"
    refreshing: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> str:
        """The public half of the key, as a set of keys."""
        told = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return json.dumps({"keys": [{**told, "kid": self.kid, "use": "sig"}]})

    def token(self, user: str, service: str, scopes: Sequence[str]) -> str:
        """A token with all of *scopes* that the user may have."""
        access = [self._granted(user, scope) for scope in scopes]
        now = time.time()
        claims = {
            "iss": self.name,
            "sub": user,
            "aud": service,
            "exp": int(now) + self.life,
            "nbf": int(now) - 10,
            "iat": int(now),
            "jti": secrets.token_hex(8),
            "access": access,
        }
        return jwt.encode(claims, self.key, "ES256", {"kid": self.kid})

    def answer(self, user: str, service: str, scopes: Sequence[str], *, lasting: bool) -> Any:
        """What a client gets: the token under both its names, perhaps one to come back with."""
        token = self.token(user, service, scopes)
        told = {"token": token, "access_token": token, "expires_in": self.life}
        if lasting and user:
            refresh = secrets.token_urlsafe()
            self.refreshing[refresh] = user
            told["refresh_token"] = refresh
        return told

    def _granted(self, user: str, scope: str) -> dict[str, Any]:
        what, _, rest = scope.partition(":")
        kind, _, named = what.partition("(")
        name, _, actions = rest.rpartition(":")
        allowed = [
            each
            for each in actions.split(",")
            if (kind == "repository" and self.allows(user, name, each))
        ]
        # A kind of content stands in brackets: repository(plugin):team/app:pull.
        return {"type": kind, "class": named.rstrip(")"), "name": name, "actions": allowed}


class _Handler(BaseHTTPRequestHandler):
    issuer: ClassVar[Issuer]

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path == "/keys":
            self._say(200, self.issuer.keys.encode())
            return
        query = parse_qs(asked.query)
        user = self._shown()
        scopes = [one for each in query.get("scope", []) for one in each.split()]
        lasting = query.get("offline_token") == ["true"]
        self._answer(user, query.get("service", [""])[0], scopes, lasting=lasting)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        user: str | None
        if form.get("grant_type") == "refresh_token":
            user = self.issuer.refreshing.get(form.get("refresh_token", ""))
        else:
            user = form.get("username", "")
            if self.issuer.users.get(user) != form.get("password"):
                user = None
        lasting = form.get("access_type") == "offline"
        scopes = form.get("scope", "").split()
        self._answer(user, form.get("service", ""), scopes, lasting=lasting)

    def _shown(self) -> str | None:
        """Who asks: empty for nobody, ``None`` for somebody with a wrong password."""
        scheme, _, value = (self.headers["Authorization"] or "").partition(" ")
        if scheme.lower() != "basic":
            return ""
        name, _, password = base64.b64decode(value).decode().partition(":")
        if not name and not password:
            return ""
        return name if self.issuer.users.get(name) == password else None

    def _answer(
        self, user: str | None, service: str, scopes: Sequence[str], *, lasting: bool
    ) -> None:
        if user is None:
            self._say(401, b'{"details": "wrong user or password"}')
            return
        told = self.issuer.answer(user, service, scopes, lasting=lasting)
        self._say(200, json.dumps(told).encode())

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def issuing(issuer: Issuer) -> Iterator[Issuer]:
    """Let *issuer* answer on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"issuer": issuer}))
    # Clients refuse to be sent to an address of this machine, but not to its name (trap T38).
    issuer.url = f"http://localhost:{server.server_port}"
    with at_work(server):
        yield issuer

"""Clients: registries at the other end, as this machine and its user are set up to reach them."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """What somebody says about one side of a command, in place of what is configured.

    Attributes:
        plain_http: speak plain HTTP to the registry; to this machine that is done anyway.
        insecure: take any certificate of the registry.
        ca_file: certificate authorities (PEM) to trust beside those of the system.
        cert: a client certificate (PEM) for the registry.
        key: its key, if that is in a file of its own.
        authfile: logins are looked for here and nowhere else.
        username: with ``password``, a login in place of all that are kept; ``<token>`` makes the
            password an identity token.
        password: see ``username``; without one, a bearer token.
        resolve: ``HOST:PORT:ADDRESS`` each: where to connect to in place of that host and port.
    """

    plain_http: bool = False
    insecure: bool = False
    ca_file: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    authfile: Path | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    resolve: tuple[str, ...] = ()

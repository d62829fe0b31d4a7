"""How both servers are set up: the same file for the one and for the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt

from tests.peers.issuer import Issuer

_BASE = """\
version: 0.1
log: {{level: info, formatter: json}}
storage:
  filesystem: {{rootdirectory: {root}}}
  maintenance: {{uploadpurging: {{enabled: false}}{readonly}}}
{storage}
http:
  addr: 127.0.0.1:{port}
  secret: not-a-secret
  debug: {{addr: "127.0.0.1:{watched}", prometheus: {{enabled: true}}}}
{http}
notifications:
  events: {{includereferences: true}}
  endpoints: [{{name: a, url: "{events}", timeout: 5s}}]
lading: {{workers: 1}}
{more}
"""
PASSWORDS = {"owner": "opensesame"}
BASIC = "Basic b3duZXI6b3BlbnNlc2FtZQ=="
SERVICE = "registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One way to set up a registry.

    Args:
        storage: lines below ``storage``.
        http: lines below ``http``.
        more: lines of the top level; ``{folder}`` stands for the folder of *files*.
        readonly: only reading is allowed.
        prefix: what the paths of the API begin with.
        files: makes files that *more* names.
        headers: what every request has.
        front: what a proxy would take away from the paths of locations.
    """

    name: str
    told: str
    storage: str = ""
    http: str = ""
    more: str = ""
    readonly: bool = False
    prefix: str = ""
    files: Callable[[Path], None] = lambda _folder: None
    headers: Mapping[str, str] = field(default_factory=dict)
    front: str = ""

    def config(self, *, root: Path, port: int, watched: int, folder: Path, events: str) -> str:
        """The text of the file; *watched* is the port of figures, *events* where those are told."""
        return _BASE.format(
            root=root,
            port=port,
            watched=watched,
            events=events,
            readonly=", readonly: {enabled: true}" if self.readonly else "",
            storage=self.storage,
            http=self.http,
            more=self.more.format(folder=folder),
        )


ISSUER = Issuer(PASSWORDS, lambda _user, repository, _action: repository != "team/secret")
"""Who vouches for tokens; it is not asked, since tests take them from it themselves."""

_SCOPES = [f"repository:{name}:pull,push,delete" for name in ("team/app", "team/other", "a/b")]


def _table(folder: Path) -> None:
    lines = [
        f"{name}:{bcrypt.hashpw(word.encode(), bcrypt.gensalt(5)).decode()}\n"
        for name, word in PASSWORDS.items()
    ]
    (folder / "htpasswd").write_text("".join(lines))


def _keys(folder: Path) -> None:
    (folder / "keys.json").write_text(ISSUER.keys)


DELETES = "  delete: {enabled: true}"

SETUPS = (
    Setup(name="default", told="A file with nothing but what is needed."),
    Setup(name="deletes", told="Deleting is allowed.", storage=DELETES),
    Setup(name="readonly", told="Only reading is allowed.", readonly=True, storage=DELETES),
    Setup(
        name="prefix",
        told="The API is under a prefix.",
        storage=DELETES,
        http="  prefix: /reg/",
        prefix="/reg",
    ),
    Setup(
        name="host",
        told="Locations begin with a URL of the operator's.",
        http="  host: https://registry.example/base/",
        front="/base",
    ),
    Setup(name="relativeurls", told="Locations are paths.", http="  relativeurls: true"),
    Setup(
        name="limits",
        told="Lists are short, and answers have fields of the operator's.",
        http="  headers: {X-Content-Type-Options: [nosniff], X-Two: [a, b]}",
        more="catalog: {{maxentries: 3}}\ntags: {{maxtags: 2}}",
    ),
    Setup(
        name="htpasswd",
        told="Users are in a file.",
        more="auth: {{htpasswd: {{realm: the realm, path: {folder}/htpasswd}}}}",
        files=_table,
        headers={"Authorization": BASIC},
    ),
    Setup(
        name="token",
        told="Users have tokens.",
        more=(
            "auth: {{token: {{realm: 'https://auth.example/token', service: registry, "
            "issuer: the tests, jwks: {folder}/keys.json}}}}"
        ),
        files=_keys,
        headers={
            "Authorization": "Bearer "
            + ISSUER.token("owner", SERVICE, [*_SCOPES, "registry:catalog:*"])
        },
    ),
    Setup(
        name="silly",
        told="Whoever shows anything comes in.",
        more="auth: {{silly: {{realm: a realm, service: registry}}}}",
        headers={"Authorization": "Anything at all"},
    ),
)
"""Every way in which both are compared."""

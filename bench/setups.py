"""Servers that are set up in other ways: both by the same file, on content that is there already."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import bcrypt

from bench import seeds
from bench.servers import Contestant
from tests.peers.certificates import Authority
from tests.peers.issuer import Issuer
from tests.peers.servers import Server, distribution, free_port, lading

_USER, _PASSWORD = "ann", "correct horse"
_FILE = """\
version: 0.1
log: {log}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http:
  addr: 127.0.0.1:{port}
  secret: not-a-secret
  {http}
{more}
lading: {{workers: 2{own}}}
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What goes into the file, and what clients have to send."""

    log: str = "{level: error, accesslog: {disabled: true}}"
    http: str = "relativeurls: false"
    more: str = ""
    own: str = ""
    scheme: str = "http"
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """A way to set both servers up; *make* writes beside them what their file names."""

    key: str
    make: Callable[[Path], Told]

    def pair(self, folder: Path, *, big: bool) -> list[Contestant]:
        """Both servers, filled and started; with *big*, there is a blob of 256 MiB too."""
        place = folder / self.key
        place.mkdir(exist_ok=True)
        told = self.make(place)
        plain = [
            lading(place / "lading", workers=2, access_log=False),
            distribution(place / "distribution"),
        ]
        return [self._filled(server, told, place, big=big) for server in plain]

    def _filled(self, plain: Server, told: Told, place: Path, *, big: bool) -> Contestant:
        contestant = Contestant(plain.start())
        try:
            seeds.application(contestant)
            if big:
                seeds.big_blob(contestant)
        finally:
            plain.stop()
        port = free_port()
        file = place / f"{plain.name.lower()}.yml"
        root = place / plain.name.lower() / "data"
        file.write_text(
            _FILE.format(
                root=root,
                port=port,
                log=told.log,
                http=told.http.replace("{second}", str(free_port())),
                more=told.more,
                own=told.own,
            )
        )
        contestant.server = replace(
            plain,
            command=[plain.command[0], "serve", str(file)],
            address=f"127.0.0.1:{port}",
            ready_path="/",
            scheme=told.scheme,
        ).start()
        contestant.headers = dict(told.headers or {})
        return contestant


def _observed(own: str) -> Callable[[Path], Told]:
    def make(_place: Path) -> Told:
        return Told(
            log="{level: info, formatter: json}",
            http='debug: {addr: "127.0.0.1:{second}", prometheus: {enabled: true, path: /metrics}}',
            own=own,
        )

    return make


def _tls(place: Path) -> Told:
    pair = Authority(place).pair("server")
    return Told(http=f"tls: {{certificate: {pair.certificate}, key: {pair.key}}}", scheme="https")


def _token(place: Path) -> Told:
    issuer = Issuer({_USER: _PASSWORD}, lambda *_: True, life=86_400)
    (place / "keys.json").write_text(issuer.keys)
    token = issuer.token(_USER, "bench", [f"repository:{seeds.APP}:pull"])
    return Told(
        more=(
            "auth:\n  token:\n    realm: http://127.0.0.1:1/token\n    service: bench\n"
            f"    issuer: {issuer.name}\n    jwks: {place / 'keys.json'}\n"
        ),
        headers={"Authorization": f"Bearer {token}"},
    )


def _htpasswd(place: Path) -> Told:
    hashed = bcrypt.hashpw(_PASSWORD.encode(), bcrypt.gensalt(5)).decode()
    (place / "htpasswd").write_text(f"{_USER}:{hashed}\n")
    shown = b64encode(f"{_USER}:{_PASSWORD}".encode()).decode()
    return Told(
        more=f"auth:\n  htpasswd: {{realm: bench, path: {place / 'htpasswd'}}}\n",
        headers={"Authorization": f"Basic {shown}"},
    )


OBSERVED = Setup("observed", _observed(", log: {access_format: json, requests: false}"))
TOLD_ALL = Setup("told", _observed(""))
TLS = Setup("tls", _tls)
TOKEN = Setup("token", _token)
HTPASSWD = Setup("htpasswd", _htpasswd)

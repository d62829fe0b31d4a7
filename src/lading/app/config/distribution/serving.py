"""Distribution's keys under ``http`` and ``auth``: who is let in, and by which door."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from lading.app.config.access import TokenConfig
from lading.app.config.distribution.kinds import (
    choice,
    duration,
    flag,
    headers,
    section,
    text,
    texts,
)
from lading.app.config.distribution.outcomes import (
    Given,
    Key,
    Rule,
    honoured,
    refused,
    without_effect,
)
from lading.app.tls import openssl_name

METHODS = ("htpasswd", "token", "silly")
"""What can stand under ``auth``."""

_CLIENTS = {
    "": "require",
    "require-and-verify-client-cert": "require",
    "verify-client-cert-if-given": "if-given",
    # Nobody looks at what such a client shows: it need not be asked.
    "request-client-cert": "",
}
_REQUIRED = {
    "htpasswd": ("realm", "path"),
    "token": ("realm", "service", "issuer"),
    "silly": ("realm", "service"),
}
_PROMETHEUS = "http.debug.prometheus"
_TLS = ("certificate", "key", "clientcas", "clientauth", "minimumtls", "ciphersuites")
_IN_PATHS = "/$&+,:;=@"
"""What stands in the path of a URL as it is."""
_ACME = ("cachefile", "email", "directoryurl", "hosts")


def _listen(given: Given) -> dict[str, Any]:
    address = given.get("http.addr", "")
    if given.get("http.net") == "unix":
        return {"listen": f"unix:{address}"}
    return {"listen": _as_in_go(address) or ":0"}


def _as_in_go(address: str) -> str:
    """*address*, which is every address there is if it is every one of IPv4."""
    host, colon, port = address.rpartition(":")
    return f"{colon}{port}" if host == "0.0.0.0" else address  # noqa: S104 - it is read here


def _redirect_path(path: str) -> str:
    """*path* as it stands in a URL, with the slash that may be left out there."""
    if not path:
        return TokenConfig().auto_redirect_path
    return quote(path if path.startswith("/") else f"/{path}", safe=_IN_PATHS)


def _relative(given: Given) -> dict[str, Any]:
    return dict.fromkeys(
        ("http.relative_urls", "notifications.relative_urls"), given["http.relativeurls"]
    )


def _tls(given: Given) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if path := given.get("http.tls.certificate"):
        found["tls.certificate"] = Path(path)
    if path := given.get("http.tls.key"):
        found["tls.key"] = Path(path)
    if oldest := given.get("http.tls.minimumtls"):
        found["tls.minimum"] = oldest
    authorities = given.get("http.tls.clientcas")
    if authorities and (demand := _client_auth(given.get("http.tls.clientauth", ""))):
        found["tls.client_cas"] = tuple(map(Path, authorities))
        found["tls.client_auth"] = demand
    # As there: TLS 1.3 has no suites to choose from.
    if oldest != "tls1.3" and (suites := given.get("http.tls.ciphersuites")):
        found["tls.ciphers"] = tuple(name for each in suites if (name := _suite(each)))
    return found


def _client_auth(name: str) -> str:
    if name == "require-any-client-cert":
        raise ValueError(
            "a certificate that nobody vouches for cannot be required; "
            "write require-and-verify-client-cert"
        )
    return _CLIENTS[name]


def _suite(name: str) -> str | None:
    try:
        return openssl_name(name)
    except KeyError:
        raise ValueError(f"{name!r} is no cipher suite that can be chosen") from None


def _acme(given: Given) -> dict[str, Any]:
    if not given.get("http.tls.letsencrypt.cachefile"):
        return {}
    if given.get("http.tls.certificate"):
        raise ValueError("certificates come from files or from Let's Encrypt, and not from both")
    hosts = given.get("http.tls.letsencrypt.hosts", ())
    if not hosts:
        raise ValueError("http.tls.letsencrypt.hosts has to name the hosts to get certificates for")
    found: dict[str, Any] = {"tls.acme.hosts": tuple(hosts)}
    if email := given.get("http.tls.letsencrypt.email"):
        found["tls.acme.email"] = email
    if url := given.get("http.tls.letsencrypt.directoryurl"):
        found["tls.acme.directory"] = url
    return found


def _metrics(given: Given) -> dict[str, Any]:
    if not given.get(f"{_PROMETHEUS}.enabled"):
        return {"debug.metrics": False}
    path = given.get(f"{_PROMETHEUS}.path") or "/metrics"
    if not path.startswith("/"):
        raise ValueError(f"{path!r} does not begin with /")
    return {"debug.metrics": True, "debug.metrics_path": path}


def _method(given: Given) -> dict[str, Any]:
    for method, required in _REQUIRED.items():
        if f"auth.{method}" not in given:
            continue
        for name in required:
            if not given.get(f"auth.{method}.{name}"):
                raise ValueError(f"auth.{method}.{name} has to be given")
        keys = ("auth.token.rootcertbundle", "auth.token.jwks")
        if method == "token" and not any(map(given.get, keys)):
            raise ValueError(f"{' or '.join(keys)} has to name a file of keys")
        return {"auth.method": method}
    return {}


KEYS: tuple[Key, ...] = (
    Key("auth.htpasswd", section, honoured("auth.method")),
    Key("auth.htpasswd.realm", text, honoured("auth.htpasswd.realm")),
    Key("auth.htpasswd.path", text, honoured("auth.htpasswd.path")),
    Key("auth.token", section, honoured("auth.method")),
    Key("auth.token.realm", text, honoured("auth.token.realm")),
    Key("auth.token.service", text, honoured("auth.token.service")),
    Key("auth.token.issuer", text, honoured("auth.token.issuer")),
    Key("auth.token.rootcertbundle", text, honoured("auth.token.certificates")),
    Key("auth.token.jwks", text, honoured("auth.token.keys")),
    Key("auth.token.autoredirect", flag, honoured("auth.token.auto_redirect")),
    Key(
        "auth.token.autoredirectpath",
        text,
        honoured("auth.token.auto_redirect_path", by=_redirect_path),
    ),
    Key("auth.token.signingalgorithms", texts, honoured("auth.token.algorithms")),
    Key("auth.silly", section, honoured("auth.method")),
    Key("auth.silly.realm", text, honoured("auth.silly.realm")),
    Key("auth.silly.service", text, honoured("auth.silly.service")),
    Key("http.addr", text, honoured("listen")),
    Key("http.net", choice("tcp", "unix", ""), honoured("listen")),
    Key("http.prefix", text, honoured("http.prefix")),
    Key("http.host", text, honoured("http.host")),
    Key(
        "http.secret",
        text,
        without_effect("where an upload stands is known to the server, and not to the client"),
        secret=True,
    ),
    Key(
        "http.relativeurls",
        flag,
        honoured("http.relative_urls", "notifications.relative_urls"),
    ),
    Key("http.draintimeout", duration, honoured("http.drain")),
    Key("http.tls.certificate", text, honoured("tls.certificate")),
    Key("http.tls.key", text, honoured("tls.key")),
    Key("http.tls.clientcas", texts, honoured("tls.client_cas", "tls.client_auth")),
    Key(
        "http.tls.clientauth",
        choice(*_CLIENTS, "require-any-client-cert"),
        honoured("tls.client_auth"),
    ),
    Key("http.tls.minimumtls", choice("tls1.2", "tls1.3", ""), honoured("tls.minimum")),
    Key("http.tls.ciphersuites", texts, honoured("tls.ciphers")),
    Key("http.tls.letsencrypt.cachefile", text, honoured("tls.acme.hosts")),
    Key("http.tls.letsencrypt.email", text, honoured("tls.acme.email")),
    Key("http.tls.letsencrypt.hosts", texts, honoured("tls.acme.hosts")),
    Key("http.tls.letsencrypt.directoryurl", text, honoured("tls.acme.directory")),
    Key("http.headers", headers, honoured("http.headers")),
    Key(
        "http.http2.disabled",
        flag,
        without_effect("HTTP/1.1 is spoken; a proxy in front can speak HTTP/2 to clients"),
    ),
    Key(
        "http.h2c.enabled",
        flag,
        refused(
            "HTTP/2 without TLS is not spoken",
            "Remove http.h2c; a proxy in front can speak HTTP/2 to clients.",
        ),
    ),
    Key("http.debug.addr", text, honoured("debug.listen", by=_as_in_go)),
    Key(f"{_PROMETHEUS}.enabled", flag, honoured("debug.metrics")),
    Key(f"{_PROMETHEUS}.path", text, honoured("debug.metrics_path")),
)
"""The keys, in the order of a file."""

RULES = (
    Rule(tuple(f"auth.{each}" for each in METHODS), _method),
    Rule(("http.net", "http.addr"), _listen),
    Rule(("http.relativeurls",), _relative),
    Rule(tuple(f"http.tls.{each}" for each in _TLS), _tls),
    Rule(
        (*(f"http.tls.letsencrypt.{each}" for each in _ACME), "http.tls.certificate"),
        _acme,
    ),
    Rule((f"{_PROMETHEUS}.enabled", f"{_PROMETHEUS}.path"), _metrics),
)
"""What several of them say together."""

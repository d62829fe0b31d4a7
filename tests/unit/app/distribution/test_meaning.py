"""What Distribution's keys set, and what is said about those that set nothing."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lading.app.config.content import PlatformConfig
from lading.app.config.distribution.keys import KEYS
from lading.app.config.distribution.outcomes import Honoured
from lading.app.config.notices import EndpointConfig
from lading.app.config.sources import load
from lading.app.config.watching import (
    FileCheckConfig,
    HookConfig,
    HttpCheckConfig,
    TcpCheckConfig,
)
from lading.app.config.yaml import plain
from lading.errors import ConfigInvalid
from tests.unit.app.distribution.files import LEAST, read, value

SECOND = timedelta(seconds=1)
TOKEN = "auth: {token: {realm: 'https://auth/', service: us, issuer: them, %s}}"
ACME = "http: {tls: {letsencrypt: {cachefile: /c, hosts: [a.example], %s}}}"

CASES: list[tuple[str, dict[str, Any]]] = [
    ("storage: {filesystem: {rootdirectory: /srv}}", {"root": Path("/srv")}),
    ("storage: filesystem", {"root": Path("/var/lib/registry")}),
    ("storage: inmemory", {"temporary": True}),
    ("storage: {inmemory: {}}", {"temporary": True}),
    ("storage: {filesystem: , delete: {enabled: yes}}", {"deletes": True}),
    (
        (
            "storage: {filesystem: , maintenance: {uploadpurging: "
            "{enabled: false, age: 24h, interval: 30m, dryrun: true}, readonly: {enabled: on}}}"
        ),
        {
            "uploads.purge": False,
            "uploads.expiry": timedelta(hours=24),
            "uploads.purge_dry_run": True,
            "uploads.purge_every": timedelta(minutes=30),
            "read_only": True,
        },
    ),
    ("auth: none", {"auth.method": "none"}),
    ("auth: {None: {}}", {"auth.method": "none"}),
    (
        "auth: {htpasswd: {realm: here, path: /users}}",
        {
            "auth.method": "htpasswd",
            "auth.htpasswd.realm": "here",
            "auth.htpasswd.path": Path("/users"),
        },
    ),
    (
        TOKEN % "rootcertbundle: /r.pem, jwks: /k.json, autoredirect: true, "
        "autoredirectpath: /token, signingalgorithms: [RS256, EdDSA]",
        {
            "auth.method": "token",
            "auth.token.realm": "https://auth/",
            "auth.token.service": "us",
            "auth.token.issuer": "them",
            "auth.token.certificates": Path("/r.pem"),
            "auth.token.keys": Path("/k.json"),
            "auth.token.auto_redirect": True,
            "auth.token.auto_redirect_path": "/token",
            "auth.token.algorithms": ("RS256", "EdDSA"),
        },
    ),
    *(
        (
            TOKEN % f"jwks: /k.json, autoredirectpath: {written}",
            {"auth.token.auto_redirect_path": path},
        )
        for written, path in [
            ("auth", "/auth"),
            ("/auth/", "/auth/"),
            ("//auth", "//auth"),
            ("'/a b/é'", "/a%20b/%C3%A9"),
            ("''", "/auth/token"),
        ]
    ),
    (
        "auth: {silly: {realm: r, service: s}}",
        {"auth.method": "silly", "auth.silly.realm": "r", "auth.silly.service": "s"},
    ),
    (
        (
            "log: {fields: {a: 0x10, b: yes, c: [1.5, x], d: {e: 'no', f: 2}, g: .inf, h: 1:30, "
            "i: , j: 2001-01-01}}"
        ),
        {
            "log.fields": {
                "a": 16,
                "b": True,
                "c": [1.5, "x"],
                "d": {"e": "no", "f": 2},
                "g": ".inf",
                "h": "1:30",
                "j": "2001-01-01",
            }
        },
    ),
    ("http: {}", {"listen": ":0"}),
    ("http: {addr: '0.0.0.0:5000', net: tcp}", {"listen": ":5000"}),
    ("http: {addr: /run/r.sock, net: unix}", {"listen": "unix:/run/r.sock"}),
    (
        "http: {prefix: /api, host: 'https://r.example', relativeurls: true, draintimeout: 60s}",
        {
            "http.prefix": "/api",
            "http.host": "https://r.example",
            "http.relative_urls": True,
            "notifications.relative_urls": True,
            "http.drain": timedelta(minutes=1),
        },
    ),
    ("http: {draintimeout: 1500000000}", {"http.drain": timedelta(seconds=1.5)}),
    ("http: {headers: {X-A: [b, c]}}", {"http.headers": {"X-A": ("b", "c")}}),
    (
        'http: {headers: {X-A: ["caf\u00e9", " a\\nb\\tc\\n"]}}',
        {"http.headers": {"X-A": ("caf\u00e9", "a b\tc")}},
    ),
    (
        (
            "http: {tls: {certificate: /c, key: /k, clientcas: [/a, /b], minimumtls: tls1.2, "
            "clientauth: verify-client-cert-if-given, "
            "ciphersuites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}}"
        ),
        {
            "tls.certificate": Path("/c"),
            "tls.key": Path("/k"),
            "tls.client_cas": (Path("/a"), Path("/b")),
            "tls.client_auth": "if-given",
            "tls.minimum": "tls1.2",
            "tls.ciphers": ("ECDHE-RSA-AES128-GCM-SHA256",),
        },
    ),
    (
        "http: {tls: {certificate: /c, minimumtls: tls1.3, ciphersuites: [NONSENSE]}}",
        {"tls.minimum": "tls1.3", "tls.ciphers": ()},
    ),
    (
        "http: {tls: {clientcas: [/a], clientauth: request-client-cert}}",
        {"tls.client_cas": (), "tls.client_auth": "require"},
    ),
    (
        ACME % "email: me@a.example, directoryurl: 'https://acme/'",
        {
            "tls.acme.hosts": ("a.example",),
            "tls.acme.email": "me@a.example",
            "tls.acme.directory": "https://acme/",
        },
    ),
    (
        "http: {debug: {addr: ':5001', prometheus: {enabled: true, path: /m}}}",
        {"debug.listen": ":5001", "debug.metrics": True, "debug.metrics_path": "/m"},
    ),
    ("http: {debug: {addr: '0.0.0.0:5001'}}", {"debug.listen": ":5001"}),
    (
        (
            "log: {level: WARN, formatter: json, fields: {a: 1}, accesslog: {disabled: true}, "
            "reportcaller: true}"
        ),
        {
            "log.level": "warning",
            "log.format": "logrus",
            "log.fields": {"a": 1},
            "log.access": False,
            "log.caller": True,
        },
    ),
    ("log: {formatter: logstash}", {"log.format": "logrus"}),
    ("loglevel: debug", {"log.level": "debug"}),
    ("log: {level: error, formatter: text}\nloglevel: debug", {"log.level": "error"}),
    (
        (
            "log: {hooks: [{disabled: true}, {type: mail, levels: [panic], options: "
            "{smtp: {addr: 'm:25', username: u, password: p}, from: f, to: [t]}}]}"
        ),
        {
            "log.hooks": (
                HookConfig(
                    levels=("panic",),
                    smtp="m:25",
                    username="u",
                    password="p",
                    sender="f",
                    recipients=("t",),
                ),
            )
        },
    ),
    (
        (
            "notifications: {events: {includereferences: true}, endpoints: [{name: a, url: 'http://a', "
            "disabled: true, headers: {H: [v]}, timeout: 2s, threshold: 3, backoff: 0, "
            "ignoredmediatypes: [x], ignore: {mediatypes: [y], actions: [pull]}}]}"
        ),
        {
            "notifications.include_references": True,
            "notifications.endpoints": (
                EndpointConfig(
                    name="a",
                    url="http://a",
                    disabled=True,
                    headers={"H": ("v",)},
                    timeout=2 * SECOND,
                    threshold=3,
                    ignore_media_types=("x", "y"),
                    ignore_actions=("pull",),
                ),
            ),
        },
    ),
    (
        (
            "health: {storagedriver: {enabled: true, interval: 5s, threshold: 3}, "
            "file: [{file: /f, interval: 1s}], "
            "http: [{uri: 'http://h', headers: {H: [v]}, statuscode: 204, timeout: 1s, interval: 2s, "
            "threshold: 4}], tcp: [{addr: 'h:1', timeout: 1s, interval: 2s, threshold: 5}]}"
        ),
        {
            "health.storage.enabled": True,
            "health.storage.interval": 5 * SECOND,
            "health.storage.threshold": 3,
            "health.files": (FileCheckConfig(file="/f", interval=SECOND),),
            "health.http": (
                HttpCheckConfig(
                    uri="http://h",
                    headers={"H": ("v",)},
                    status=204,
                    timeout=SECOND,
                    interval=2 * SECOND,
                    threshold=4,
                ),
            ),
            "health.tcp": (
                TcpCheckConfig(address="h:1", timeout=SECOND, interval=2 * SECOND, threshold=5),
            ),
        },
    ),
    ("catalog: {maxentries: 5}\ntags: {maxtags: 6}", {"lists.catalog": 5, "lists.tags": 6}),
    ("catalog: {maxentries: -1}\ntags: {maxtags: 0}", {"lists.catalog": 1000, "lists.tags": 1000}),
    (
        "policy: {repository: {classes: [image]}}",
        {"manifests.validation.classes": ("image",)},
    ),
    (
        "policy: {repository: {classes: [chart, plugin, image]}}",
        {"manifests.validation.classes": ("plugin", "image")},
    ),
    (
        "validation: {disabled: true}",
        {"manifests.validation.urls": False, "manifests.validation.platforms": "none"},
    ),
    (
        (
            "validation: {enabled: true, disabled: true, manifests: {urls: {allow: [a], deny: [b]}, "
            "indexes: {platforms: list, platformlist: [{architecture: amd64, os: linux}]}}}"
        ),
        {
            "manifests.validation.urls": True,
            "manifests.validation.urls_allow": ("a",),
            "manifests.validation.urls_deny": ("b",),
            "manifests.validation.platforms": "list",
            "manifests.validation.platform_list": (
                PlatformConfig(architecture="amd64", os="linux"),
            ),
        },
    ),
    *(
        (
            f"validation: {{manifests: {{indexes: {{platforms: {word}, platformlist: {listed}}}}}}}",
            {"manifests.validation.platforms": platforms},
        )
        for word, listed, platforms in (
            ("List", "[{os: linux}]", "list"),
            ("NONE", "[]", "none"),
            ("All", "[{os: linux}]", "all"),
            ("list", "[]", "all"),
            ("List", "", "all"),
        )
    ),
]


def whole(text: str) -> str:
    """A file that says *text*, and what it cannot do without."""
    return f"version: 0.1\n{text}\n" if text.startswith("storage") else LEAST + text + "\n"


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text[:60] for text, _ in CASES])
def test_a_key_sets_what_it_says(text: str, expected: dict[str, Any], tmp_path: Path) -> None:
    """Each key that is honoured arrives at the settings that stand for it."""
    loaded, mistakes = read(tmp_path, whole(text))

    assert mistakes == []
    assert {key: value(loaded, key) for key in expected} == expected


def names(found: Any, prefix: str = "") -> Iterator[str]:
    """The names of all keys in what a file says."""
    if isinstance(found, dict):
        for name, below in found.items():
            yield prefix + name
            yield from names(below, f"{prefix}{name}.")
    elif isinstance(found, list):
        for each in found:
            yield from names(each, prefix.rstrip(".") + "[].")


def test_every_honoured_key_is_among_the_cases() -> None:
    """A key cannot be promised without being tried."""
    tried = {name for text, _ in CASES for name in names(plain(whole(text)))}

    promised = {key.name for key in KEYS if isinstance(key.outcome, Honoured)}
    assert promised - tried == set()


def test_distributions_defaults_come_with_its_file(tmp_path: Path) -> None:
    """What the file leaves out is as it is there, where somebody could notice."""
    loaded, mistakes = read(tmp_path, LEAST)

    config = loaded.config
    assert mistakes == []
    assert config.root == Path("/var/lib/registry")
    assert (config.listen, config.deletes, config.read_only) == (":0", False, False)
    assert config.trusted_proxies == ("any",)
    assert (config.log.access_format, config.log.format) == ("combined", "logfmt")
    assert config.log.requests
    assert not config.http.relative_urls
    assert config.http.drain == timedelta(0)
    assert config.lists.strict
    assert config.auth.token.strict
    assert config.manifests.validation.urls
    assert config.uploads.expiry == timedelta(hours=168)
    assert loaded.given == {"root"}


def test_an_action_that_nobody_knows_ignores_nothing(tmp_path: Path) -> None:
    """As in Distribution, which compares words as they are written; the others count."""
    text = (
        "notifications: {endpoints: [{name: a, url: 'http://a', ignore: {actions: "
        "[Pull, mount, foo]}}]}\n"
    )

    loaded, mistakes = read(tmp_path, LEAST + text)

    (endpoint,) = loaded.config.notifications.endpoints
    assert mistakes == []
    assert endpoint.ignore_actions == ("mount",)


def test_settings_of_ours_lie_over_the_file(tmp_path: Path) -> None:
    """What stands under `lading` is said for this server alone, and counts."""
    text = LEAST + "http: {addr: ':1'}\nlading: {listen: ':2', trusted_proxies: [10.0.0.0/8]}\n"

    loaded, mistakes = read(tmp_path, text, {"LADING__DELETES": "true"})

    assert mistakes == []
    assert loaded.config.listen == ":2"
    assert loaded.config.deletes
    assert loaded.warnings == ()
    assert loaded.origins["listen"].endswith("config.yml, line 4")
    assert loaded.origins["deletes"] == "environment variable LADING__DELETES"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("storage: {filesystem: {maxthreads: 50}}", "line 2: storage.filesystem.maxthreads has no"),
        ("http: {secret: geheim}", "line 3: http.secret has no effect"),
        ("redis: {addr: 'r:1'}", "line 3: redis.addr has no effect: Distribution 3.0 has dropped"),
        ("reporting: {bugsnag: {apikey: x}}", "line 3: reporting has no effect"),
        ("compatibility: {schema1: {enabled: true}}", "line 3: compatibility has no effect"),
        ("htpp: {addr: ':1'}", "line 3: htpp: no such key; it is ignored (did you mean http?)"),
        ("http: {adr: ':1'}", "line 3: http.adr: no such key; it is ignored (did you mean addr?)"),
        (
            "log: {level: info}\nlog: {level: warn}",
            "line 4: log: stands in line 3 already; the last",
        ),
        (
            "http: {addr: ':1', addr: ':2'}",
            "line 3: addr: stands in line 3 already; the last counts",
        ),
        ("health: {file: [{file: /f, threshold: 3}]}", "health.file[].threshold has no effect"),
        (
            "notifications: {endpoints: [{name: a, url: 'http://a', ignore: {actions: [\nPull]}}]}",
            "line 4: notifications.endpoints[0].ignore.actions: 'Pull' has no effect",
        ),
        ("---\nfoo: bar", "line 4: another document begins, which is not read"),
        ("---\nfoo: {bar: [}", "another document begins, which is not read"),
        ("", "anybody may say where a request comes from"),
    ],
)
def test_what_has_no_effect_is_told(text: str, said: str, tmp_path: Path) -> None:
    """A line for each at the start, and nothing worse."""
    loaded, mistakes = read(tmp_path, whole(text))

    assert mistakes == []
    assert [warning for warning in loaded.warnings if said in warning]
    assert "geheim" not in str(loaded.warnings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("storage: {filesystem: , delete: {enabled: 'true'}}", "write it without quotes"),
        ("storage: {s3: {bucket: b}}", "line 2: storage.s3: content is kept on a local disk only"),
        ("storage: {swift: {}}", "storage.swift: Distribution 3.0 has dropped it"),
        ("storage: {filesystm: {}}", "no driver called 'filesystm' (did you mean filesystem?)"),
        ("storage: {filesystem: , inmemory: }", "one of filesystem, inmemory has to be chosen"),
        ("storage: {delete: {enabled: true}}", "no place for content is named"),
        ("storage: {filesystem: , maintenance: {uploadpurging: {age: 168}}}", "write 168h"),
        ("storage: {filesystem: , maintenance: {uploadpurging: {age: 7d}}}", "hours: 168h"),
        ("storage: {filesystem: , maintenance: {uploadpurging: {age: -1h}}}", "below zero"),
        ("storage: {filesystem: , maintenance: {uploadpurging: {interval: 0s}}}", "of zero"),
        ("auth: {ldap: {}}", "no way to know who asks called 'ldap'"),
        ("auth: {silly: {realm: a, service: b}, htpasswd: }", "one of htpasswd, silly has to be"),
        ("auth: {htpasswd: {realm: a}}", "auth.htpasswd.path has to be given"),
        (TOKEN % "autoredirect: false", "has to name a file of keys"),
        (TOKEN % "jwks: /k, signingalgorithms: [none]", "'none' is not one of EdDSA"),
        ("proxy: {remoteurl: 'https://registry-1.docker.io'}", "line 3: proxy.remoteurl: being a"),
        ("middleware: {storage: [{name: cloudfront}]}", "middleware.storage: content is sent"),
        ("http: {h2c: {enabled: true}}", "http.h2c.enabled: HTTP/2 without TLS is not spoken"),
        ("http: {tls: {clientcas: [/a], clientauth: require-any-client-cert}}", "vouches for"),
        ("http: {tls: {minimumtls: tls1.0}}", "'tls1.0' is not one of tls1.2, tls1.3"),
        ("http: {tls: {ciphersuites: [TLS_RSA_WITH_RC4_128_SHA]}}", "is no cipher suite"),
        ("http: {tls: {certificate: /c, letsencrypt: {cachefile: /d}}}", "not from both"),
        ("http: {tls: {letsencrypt: {cachefile: /d}}}", "has to name the hosts"),
        ("http: {addr: localhost}", "line 3: http.addr: 'localhost' is not an address such as"),
        ("http: {headers: {A: b}}", "http.headers: 'b' is not a list; write [b]"),
        ("policy: {repository: {classes: [chart]}}", "chart: nothing is of such a class"),
        ("http: [a]", "line 3: http: should hold keys and values"),
        ("log: {level: chatty}", "'chatty' is not one of error, warn, info, debug"),
        ("log: {hooks: [{type: slack}]}", "a hook of type 'slack' is not known"),
        ("log: {hooks: {}}", "log.hooks: should be a list"),
        (
            "health: {http: [{uri: 'htp://me:geheim@a/b?key=geheim'}]}",
            "line 3: health.http[0].uri: 'htp://a/b' is not a URL that begins with https:// or",
        ),
        ("health: {http: [{uri: 'https:///healthz'}]}", "is not a URL that begins"),
        ("health: {http: [{interval: 5s}]}", "health.http: an HTTP check needs a uri"),
        ("health: {tcp: [{addr: database}]}", "health.tcp[0].addr: 'database' is not an address"),
        ("health: {tcp: [{interval: 5s}]}", "health.tcp: a TCP check needs an address"),
        ("notifications: {endpoints: [{url: 'http://a'}]}", "an endpoint needs a name"),
        ("notifications: {endpoints: [{name: a}]}", "the endpoint 'a' needs a url"),
        (
            "notifications: {endpoints: [{name: a, url: u}, {name: a, url: u}]}",
            "two endpoints are called 'a'",
        ),
        (
            "notifications: {endpoints: [{name: a, url: u, headers: {A: geheim}}]}",
            "endpoints[0].headers: should be names, each with a list of values",
        ),
        ("tags: {maxtags: -1}", "tags.maxtags: -1 is not a number of tags"),
        ("catalog: {maxentries: many}", "'many' is not a whole number"),
    ],
)
def test_what_cannot_be_honoured_is_refused(text: str, said: str, tmp_path: Path) -> None:
    """The mistake names its place and what to do; a secret is never repeated."""
    _, mistakes = read(tmp_path, whole(text))

    assert [mistake for mistake in mistakes if said in str(mistake)]
    assert all(mistake.advice for mistake in mistakes)
    assert "geheim" not in str(mistakes)


def test_the_origin_of_a_setting_is_that_of_its_own_key(tmp_path: Path) -> None:
    """What several keys say together does not all come from the last of them."""
    text = LEAST + (
        "http:\n  addr: ':1'\n  net: tcp\n  tls:\n    letsencrypt:\n      cachefile: /c\n"
        "      email: me@a.example\n      hosts: [a.example]\n"
        "health: {http: [{uri: 'http://a'}]}\n"
        "log: {hooks: [{type: mail}]}\n"
    )
    environment = {
        "REGISTRY_HEALTH_TCPCHECKERS_0_ADDR": "a:1",
        "REGISTRY_LOG_HOOKS_0_MAILOPTIONS_FROM": "me@a.example",
    }

    loaded, mistakes = read(tmp_path, text, environment)

    assert mistakes == []
    assert {
        key: loaded.origins[key].replace(f"{tmp_path}/config.yml, ", "")
        for key in ("listen", "tls.acme.email", "tls.acme.hosts", "health.http", "log.hooks")
    } == {
        "listen": "line 4",
        "tls.acme.email": "line 9",
        "tls.acme.hosts": "line 10",
        "health.http": "line 11",
        "log.hooks": "line 12, environment variable REGISTRY_LOG_HOOKS_0_MAILOPTIONS_FROM",
    }
    assert loaded.origins["health.tcp"].endswith("REGISTRY_HEALTH_TCPCHECKERS_0_ADDR")


@pytest.mark.parametrize("end", ["---", "---\n# that is all", "..."])
def test_a_document_may_be_ended(end: str, tmp_path: Path) -> None:
    """Where nothing follows, there is nothing to say."""
    loaded, mistakes = read(tmp_path, f"{LEAST}{end}\n")

    assert mistakes == []
    assert not [each for each in loaded.warnings if "another document" in each]


def test_a_file_of_ours_has_one_document(tmp_path: Path) -> None:
    """What stands in a second one would be meant, and would not count."""
    _, mistakes = read(tmp_path, "lading: {workers: 1}\n---\nlading: {read_only: true}\n")

    assert "line 3: another document begins" in str(mistakes[0])


@pytest.mark.parametrize("version", ["", "0.2", "one", "[0.1]", "'0.1.0'"])
def test_another_version_is_refused(version: str, tmp_path: Path) -> None:
    """What another version would mean, nobody knows."""
    _, mistakes = read(tmp_path, f"version: {version}\nstorage: inmemory\n")

    assert "is not a version known here" in str(mistakes[0])
    assert mistakes[0].advice == "Write version: 0.1."


def test_what_is_empty_is_not_refused(tmp_path: Path) -> None:
    """Files that were made from a form hold keys that say nothing."""
    text = "proxy: {remoteurl: ''}\nhttp: {h2c: {enabled: false}}\nmiddleware: {storage: []}\n"

    _, mistakes = read(tmp_path, LEAST + text)

    assert mistakes == []


def test_each_check_that_could_never_pass_is_found_once(tmp_path: Path) -> None:
    """What is wrong with one of them says nothing of the others, and is not said twice."""
    text = LEAST + (
        "health:\n  http:\n    - uri: /ready\n    - uri: http://a/\n    - uri: ftp://a/\n"
        "  tcp:\n    - addr: a\n"
    )

    _, mistakes = read(tmp_path, text)

    assert [str(each).partition("config.yml, ")[2].split(":")[0] for each in mistakes] == [
        "line 5",
        "line 7",
        "line 9",
    ]


def test_all_mistakes_are_found_at_once(tmp_path: Path) -> None:
    """The first is raised, and says where to see the others."""
    text = LEAST + "http: {h2c: {enabled: true}}\ntags: {maxtags: -1}\nlading: {rot: /}\n"

    _, mistakes = read(tmp_path, text)

    assert len(mistakes) == 3
    with pytest.raises(ConfigInvalid) as caught:
        load(file=tmp_path / "config.yml", environment={})
    assert "Of 3 mistakes, `lading config check" in caught.value.advice

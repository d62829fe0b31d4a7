"""``REGISTRY_*``: the forms that people use, those that Distribution stumbles over, and strangers."""

from pathlib import Path
from typing import Any

import pytest

from lading.app.config.distribution.keys import leaves
from lading.app.config.distribution.outcomes import Honoured, Key
from lading.app.config.distribution.variables import overlay, variable
from lading.app.config.sources import configuration_path, load
from lading.app.config.watching import FileCheckConfig
from lading.app.config.written import mapping
from tests.unit.app.distribution.files import LEAST, read, value

ENDPOINT = {"REGISTRY_NOTIFICATIONS_ENDPOINTS_0": "{name: a, url: 'http://a'}"}

FORMS: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"REGISTRY_STORAGE_DELETE_ENABLED": "true"}, {"deletes": True}),
    ({"REGISTRY_STORAGE_DELETE": "{enabled: yes}"}, {"deletes": True}),
    ({"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "/data"}, {"root": Path("/data")}),
    ({"REGISTRY_STORAGE": "inmemory"}, {"temporary": True}),
    (
        {"REGISTRY_STORAGE": "filesystem", "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "/x"},
        {"root": Path("/x"), "temporary": False},
    ),
    ({"REGISTRY_HTTP_ADDR": "0.0.0.0:5000"}, {"listen": ":5000"}),
    ({"REGISTRY_HTTP_ADDR": ""}, {"listen": ":0"}),
    (
        {"REGISTRY_HTTP_TLS_CERTIFICATE": "/c", "REGISTRY_HTTP_TLS_KEY": "/k"},
        {"tls.certificate": Path("/c"), "tls.key": Path("/k")},
    ),
    (
        {
            "REGISTRY_AUTH": "htpasswd",
            "REGISTRY_AUTH_HTPASSWD_REALM": "Registry Realm",
            "REGISTRY_AUTH_HTPASSWD_PATH": "/auth/htpasswd",
        },
        {"auth.method": "htpasswd", "auth.htpasswd.path": Path("/auth/htpasswd")},
    ),
    ({"REGISTRY_AUTH": "{silly: {realm: a, service: b}}"}, {"auth.method": "silly"}),
    ({"REGISTRY_LOG_LEVEL": "debug"}, {"log.level": "debug"}),
    ({"REGISTRY_VALIDATION_DISABLED": "true"}, {"manifests.validation.urls": False}),
    (
        {"REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin": "['*']"},
        {"http.headers": {"access-control-allow-origin": ("*",)}},
    ),
    ({"REGISTRY_HTTP_HEADERS": "{X-A: [b]}"}, {"http.headers": {"X-A": ("b",)}}),
    ({"REGISTRY_HTTP_HEADERS_A_0": "b"}, {"http.headers": {"a": ("b",)}}),
    ({"REGISTRY_LOG_FIELDS_SERVICE": "r"}, {"log.fields": {"service": "r"}}),
    # What Distribution does not take, or dies of.
    ({"REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED": "true"}, {"read_only": True}),
    ({"REGISTRY_STORAGE_MAINTENANCE_READONLY": '{"enabled": true}'}, {"read_only": True}),
    ({"REGISTRY_STORAGE_MAINTENANCE": "{readonly: {enabled: true}}"}, {"read_only": True}),
    (
        {"REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED": "false"},
        {"uploads.purge": False},
    ),
    (
        {
            "REGISTRY_HTTP_TLS_LETSENCRYPT_CACHEFILE": "/c",
            "REGISTRY_HTTP_TLS_LETSENCRYPT_HOSTS_0": "a",
            "REGISTRY_HTTP_TLS_LETSENCRYPT_HOSTS_1": "b",
        },
        {"tls.acme.hosts": ("a", "b")},
    ),
    ({**ENDPOINT, "REGISTRY_NOTIFICATIONS_ENDPOINTS_0_TIMEOUT": "3s"}, {}),
    # Names of fields that are not those of the keys.
    (
        {"REGISTRY_HEALTH_FILECHECKERS_0_FILE": "/f"},
        {"health.files": (FileCheckConfig(file="/f"),)},
    ),
    (
        {"REGISTRY_NOTIFICATIONS_EVENTCONFIG_INCLUDEREFERENCES": "true"},
        {"notifications.include_references": True},
    ),
]


@pytest.mark.parametrize(
    ("environment", "expected"), FORMS, ids=[" ".join(names)[:70] for names, _ in FORMS]
)
def test_a_variable_lies_over_the_file(
    environment: dict[str, str], expected: dict[str, Any], tmp_path: Path
) -> None:
    """Its name is the way to the key, and its value is YAML."""
    loaded, mistakes = read(tmp_path, LEAST, environment)

    assert mistakes == []
    assert {key: value(loaded, key) for key in expected} == expected
    assert [each for each in loaded.warnings if "ignored" in each] == []


@pytest.mark.parametrize(
    "key", [key for key in leaves() if isinstance(key.outcome, Honoured)], ids=lambda key: key.name
)
def test_every_key_has_a_variable(key: Key) -> None:
    """Nothing can be said in the file alone, except which version it has."""
    outcome = overlay(mapping("config.yml"), {variable(key): "{}"})

    assert outcome.mistakes == []
    assert bool(outcome.warnings) == (key.name == "version")


def test_later_entries_and_keys_fill_what_is_there(tmp_path: Path) -> None:
    """A list of the file is changed in place, and goes on where it ended."""
    text = LEAST + "notifications: {endpoints: [{name: a, url: 'http://a', timeout: 5s}]}\n"
    environment = {
        "REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URL": "http://b",
        "REGISTRY_NOTIFICATIONS_ENDPOINTS_1_NAME": "c",
        "REGISTRY_NOTIFICATIONS_ENDPOINTS_1_URL": "http://c",
    }

    loaded, mistakes = read(tmp_path, text, environment)

    assert mistakes == []
    endpoints = loaded.config.notifications.endpoints
    assert [(each.name, each.url) for each in endpoints] == [("a", "http://b"), ("c", "http://c")]
    assert endpoints[0].timeout.total_seconds() == 5


def test_a_name_of_the_file_is_found_in_any_case(tmp_path: Path) -> None:
    """A field or header that the file has is changed, and none is added beside it."""
    text = LEAST + "log: {fields: {MyKey: a}}\n"

    loaded, _ = read(tmp_path, text, {"REGISTRY_LOG_FIELDS_MYKEY": "b"})

    assert loaded.config.log.fields == {"MyKey": "b"}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("HTTP: {addr: ':9'}\n", "HTTP: no such key; it is ignored (did you mean http?)"),
        ("http: {Addr: ':9'}\n", "http.Addr: no such key; it is ignored (did you mean addr?)"),
        (
            "storage: {filesystem: , delete: {Enabled: false}}\n",
            "storage.delete.Enabled: no such key; it is ignored (did you mean enabled?)",
        ),
    ],
)
def test_a_key_in_another_case_hides_no_variable(text: str, meant: str, tmp_path: Path) -> None:
    """The keys of a file are in small letters; what is not is told of, and nothing is put there."""
    environment = {"REGISTRY_HTTP_ADDR": "127.0.0.1:5001", "REGISTRY_STORAGE_DELETE_ENABLED": "yes"}

    loaded, mistakes = read(tmp_path, LEAST + text, environment)

    assert mistakes == []
    assert loaded.config.listen == "127.0.0.1:5001"
    assert loaded.config.deletes
    assert [each for each in loaded.warnings if meant in each]


KUBERNETES = {
    "REGISTRY_PORT": "tcp://10.0.0.1:5000",
    "REGISTRY_PORT_5000_TCP": "tcp://10.0.0.1:5000",
    "REGISTRY_PORT_5000_TCP_ADDR": "10.0.0.1",
    "REGISTRY_PORT_5000_TCP_PORT": "5000",
    "REGISTRY_PORT_5000_TCP_PROTO": "tcp",
    "REGISTRY_SERVICE_HOST": "10.0.0.1",
    "REGISTRY_SERVICE_PORT": "5000",
    "REGISTRY_SERVICE_PORT_HTTP": "5000",
    "REGISTRY_AUTH_PORT": "tcp://10.0.0.2:5001",
    "REGISTRY_AUTH_SERVICE_HOST": "10.0.0.2",
    "REGISTRY_AUTH_PORT_5001_TCP": "tcp://10.0.0.2:5001",
    "REGISTRY_STORAGE_PORT": "tcp://10.0.0.3:80",
    "REGISTRY_STORAGE_SERVICE_HOST": "10.0.0.3",
}


def test_what_kubernetes_adds_is_ignored_with_a_line(tmp_path: Path) -> None:
    """A service that is called registry does not stop a registry."""
    loaded, mistakes = read(tmp_path, LEAST, KUBERNETES)

    assert mistakes == []
    assert loaded.config.auth.method == "none"
    assert "and 10 more look like those that Kubernetes makes" in loaded.warnings[0]
    assert len(loaded.warnings) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("REGISTRY_HTPP_ADDR", "no such key; it is ignored (did you mean REGISTRY_HTTP_ADDR?)"),
        ("REGISTRY_VERSION", "the version stands in the file alone; it is ignored"),
        ("REGISTRY_http_addr", "no such key"),
        ("REGISTRY_HEALTH_FILE_0_FILE", "no such key"),
        ("REGISTRY_AUTH_FILE", "names a file of logins"),
    ],
)
def test_a_name_that_leads_nowhere_is_told(name: str, said: str, tmp_path: Path) -> None:
    """As there it does no harm; here one is told which was meant."""
    loaded, mistakes = read(tmp_path, LEAST, {name: "x"})

    assert mistakes == []
    assert said in loaded.warnings[0]
    assert name in loaded.warnings[0]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"REGISTRY_STORAGE_S3_BUCKET": "b"}, "one of filesystem, s3 has to be chosen"),
        ({"REGISTRY_STORAGE_FOO": "b"}, "there is no storage driver called 'foo'"),
        ({"REGISTRY_AUTH_LDAP_URL": "b"}, "there is no way to ask who is there called 'ldap'"),
        ({"REGISTRY_NOTIFICATIONS_ENDPOINTS_X_NAME": "a"}, "'X' should be the number of an entry"),
        ({"REGISTRY_NOTIFICATIONS_ENDPOINTS_1_NAME": "a"}, "no entry 1: the list has 0"),
        ({"REGISTRY_HTTP_RELATIVEURLS": "'true'"}, "write it without quotes"),
        ({"REGISTRY_HTTP_HOST": "@x"}, "environment variable REGISTRY_HTTP_HOST: "),
        ({"REGISTRY_PROXY_REMOTEURL": "http://hub"}, "REGISTRY_PROXY_REMOTEURL: proxy.remoteurl: "),
        ({"REGISTRY_MIDDLEWARE_STORAGE": "[{name: redirect}]"}, "middleware.storage: content is"),
    ],
)
def test_a_mistake_names_the_variable(
    environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    """One line with the name of the variable, and what would be right."""
    _, mistakes = read(tmp_path, LEAST, environment)

    assert said in str(mistakes[0])
    assert next(iter(environment)) in str(mistakes[0])


def test_a_value_may_be_in_a_file(tmp_path: Path) -> None:
    """Secrets are mounted as files; the end of the line is not part of them."""
    secret = tmp_path / "secret"
    secret.write_text("{not yaml\n")
    environment = {
        **ENDPOINT,
        "REGISTRY_NOTIFICATIONS_ENDPOINTS_0_HEADERS_AUTHORIZATION_0_FILE": "/absent",
        "REGISTRY_LOG_HOOKS_0_MAILOPTIONS_SMTP_PASSWORD_FILE": str(secret),
    }

    loaded, mistakes = read(tmp_path, LEAST, environment)

    assert loaded.config.log.hooks[0].password == "{not yaml"
    assert "/absent: No such file" in str(mistakes[0])


def test_a_value_is_not_given_twice(tmp_path: Path) -> None:
    """Which of both would count is not guessed."""
    environment = {"REGISTRY_HTTP_SECRET": "a", "REGISTRY_HTTP_SECRET_FILE": "/b"}

    _, mistakes = read(tmp_path, LEAST, environment)

    assert "REGISTRY_HTTP_SECRET is given as well; remove one of them" in str(mistakes[0])


def test_without_such_a_file_variables_are_not_read() -> None:
    """They belong to the file; that they do nothing without it is said."""
    loaded = load(environment={"REGISTRY_HTTP_ADDR": ":1", **KUBERNETES})

    assert loaded.config.listen == "127.0.0.1:5000"
    assert loaded.warnings == (
        (
            "environment variables REGISTRY_HTTP_ADDR are not read: "
            "that takes a file with version: 0.1"
        ),
    )


def test_the_file_itself_may_be_named_by_a_variable() -> None:
    """Images name it there, and their users change it."""
    named = configuration_path({"REGISTRY_CONFIGURATION_PATH": "/etc/r.yml"})

    assert named == Path("/etc/r.yml")
    assert configuration_path({}) is None

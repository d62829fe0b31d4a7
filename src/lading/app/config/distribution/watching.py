"""Distribution's keys about what is told (logs, health, notifications), and what is taken."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from lading.app.config.content import CLASSES, PlatformConfig
from lading.app.config.distribution.kinds import (
    address,
    anything,
    choice,
    choices,
    duration,
    fields,
    flag,
    headers,
    heeded,
    number,
    text,
    texts,
    web_url,
)
from lading.app.config.distribution.outcomes import (
    Given,
    Key,
    Rule,
    honoured,
    without_effect,
)
from lading.app.config.notices import EndpointConfig
from lading.app.config.watching import (
    FileCheckConfig,
    HookConfig,
    HttpCheckConfig,
    TcpCheckConfig,
)
from lading.interfaces.notices import Deed

_HOOK_LEVELS = choices("panic", "fatal", "error", "warn", "warning", "info", "debug")
_LEVEL = choice("error", "warn", "info", "debug", any_case=True)
_LIST_LENGTH = 1000
_GONE = without_effect("Distribution 3.0 has dropped it")
_NO_SCHEMA_1 = without_effect("Distribution 3.0 has dropped it: manifests of schema 1 are refused")
_PLACES = ("name", "url", "headers", "timeout", "threshold", "backoff", "disabled")


def _level(given: Given) -> dict[str, Any]:
    level = given.get("log.level") or given.get("loglevel")
    return {"log.level": "warning" if level == "warn" else level} if level else {}


def _formatter(found: str) -> str:
    # What Distribution 3 writes for logstash is its JSON, without any field of logstash's own.
    return "logfmt" if found == "text" else "logrus"


def _hooks(given: Given) -> dict[str, Any]:
    hooks = []
    for each in given["log.hooks"]:
        if each.get("disabled"):
            continue
        if each.get("type", "mail") != "mail":
            raise ValueError(f"a hook of type {each['type']!r} is not known, mail is")
        hooks.append(
            HookConfig(
                levels=each.get("levels", ()),
                smtp=each.get("options.smtp.addr", ""),
                username=each.get("options.smtp.username", ""),
                password=each.get("options.smtp.password", ""),
                sender=each.get("options.from", ""),
                recipients=each.get("options.to", ()),
            )
        )
    return {"log.hooks": tuple(hooks)}


def _positive(found: dict[str, Any], *names: str) -> dict[str, Any]:
    """Only what is above zero counts; in place of anything else there is the default."""
    return {
        name: value
        for name, value in found.items()
        if name not in names or value > (timedelta(0) if isinstance(value, timedelta) else 0)
    }


def _checks(given: Given) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "health.file" in given:
        found["health.files"] = tuple(
            FileCheckConfig(**_positive(_without(each, "threshold"), "interval"))
            for each in given["health.file"]
        )
    if "health.http" in given:
        found["health.http"] = tuple(
            HttpCheckConfig(**_check(each, {"statuscode": "status"}))
            for each in given["health.http"]
        )
    if "health.tcp" in given:
        found["health.tcp"] = tuple(
            TcpCheckConfig(**_check(each, {"addr": "address"})) for each in given["health.tcp"]
        )
    return found


def _check(found: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    kept = _positive(found, "interval", "timeout", "statuscode", "threshold")
    return {names.get(name, name): value for name, value in kept.items()}


def _without(found: dict[str, Any], name: str) -> dict[str, Any]:
    return {each: value for each, value in found.items() if each != name}


def _endpoints(given: Given) -> dict[str, Any]:
    found = []
    names: set[str] = set()
    for each in given["notifications.endpoints"]:
        name = each.get("name", "")
        if not name or name in names:
            raise ValueError(
                f"two endpoints are called {name!r}" if name else "an endpoint needs a name"
            )
        names.add(name)
        if not each.get("url") and not each.get("disabled"):
            raise ValueError(f"the endpoint {name!r} needs a url")
        kept = _positive(
            {key: value for key, value in each.items() if key in _PLACES},
            "timeout",
            "threshold",
            "backoff",
        )
        found.append(
            EndpointConfig(
                **kept,
                ignore_media_types=(
                    *each.get("ignoredmediatypes", ()),
                    *each.get("ignore.mediatypes", ()),
                ),
                ignore_actions=each.get("ignore.actions", ()),
            )
        )
    return {"notifications.endpoints": tuple(found)}


def _validation(given: Given) -> dict[str, Any]:
    if given.get("validation.disabled") and not given.get("validation.enabled"):
        return {"manifests.validation.urls": False, "manifests.validation.platforms": "none"}
    manifests = "validation.manifests."
    listed = given.get(manifests + "indexes.platformlist", ())
    platforms = given.get(manifests + "indexes.platforms") or "all"
    if platforms == "list" and not listed:
        # Distribution takes a list of no platforms for no choice among them.
        platforms = "all"
    return {
        "manifests.validation.urls": True,
        "manifests.validation.urls_allow": given.get(manifests + "urls.allow", ()),
        "manifests.validation.urls_deny": given.get(manifests + "urls.deny", ()),
        "manifests.validation.platforms": platforms,
        "manifests.validation.platform_list": tuple(PlatformConfig(**each) for each in listed),
    }


def _most_repositories(found: int) -> int:
    return found if found > 0 else _LIST_LENGTH


def _most_tags(found: int) -> int:
    if found < 0:
        raise ValueError(f"{found} is not a number of tags")
    return found or _LIST_LENGTH


def _classes(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of *names* that something can be of; there, too, nothing ever is of another."""
    known = tuple(name for name in names if name in CLASSES)
    if names and not known:
        raise ValueError(f"{', '.join(names)}: nothing is of such a class; write image or plugin")
    return known


def _hook_keys() -> Iterable[Key]:
    kinds = {
        "disabled": flag,
        "type": text,
        "levels": _HOOK_LEVELS,
        "options.smtp.addr": text,
        "options.smtp.username": text,
        "options.smtp.password": text,
        "options.smtp.insecure": flag,
        "options.from": text,
        "options.to": texts,
    }
    dead = without_effect("Distribution does not look at it either")
    for name, kind in kinds.items():
        outcome = dead if name.endswith("insecure") else honoured("log.hooks")
        yield Key(f"log.hooks[].{name}", kind, outcome, secret=name.endswith("password"))


def _check_keys() -> Iterable[Key]:
    common = {"timeout": duration, "interval": duration, "threshold": number}
    sorts = {
        "file": {"file": text, "interval": duration},
        "http": {"uri": web_url, "headers": headers, "statuscode": number, **common},
        "tcp": {"addr": address, **common},
    }
    for sort, kinds in sorts.items():
        setting = "health.files" if sort == "file" else f"health.{sort}"
        for name, kind in kinds.items():
            secret = name == "headers"
            yield Key(f"health.{sort}[].{name}", kind, honoured(setting), secret=secret)
    once = without_effect("a file is there or it is not, and once is enough")
    yield Key("health.file[].threshold", number, once)


def _endpoint_keys() -> Iterable[Key]:
    kinds = {
        "name": text,
        "disabled": flag,
        "url": text,
        "headers": headers,
        "timeout": duration,
        "threshold": number,
        "backoff": duration,
        "ignoredmediatypes": texts,
        "ignore.mediatypes": texts,
        "ignore.actions": heeded(*Deed),
    }
    for name, kind in kinds.items():
        outcome = honoured("notifications.endpoints")
        yield Key(f"notifications.endpoints[].{name}", kind, outcome, secret=name == "headers")


_URLS = "validation.manifests.urls"
_INDEXES = "validation.manifests.indexes"

KEYS: tuple[Key, ...] = (
    Key("log.level", _LEVEL, honoured("log.level")),
    Key("log.formatter", choice("text", "json", "logstash"), honoured("log.format", by=_formatter)),
    Key("log.fields", fields, honoured("log.fields")),
    Key("log.accesslog.disabled", flag, honoured("log.access", by=lambda off: not off)),
    Key("log.reportcaller", flag, honoured("log.caller")),
    *_hook_keys(),
    Key("loglevel", _LEVEL, honoured("log.level")),
    Key(
        "notifications.events.includereferences", flag, honoured("notifications.include_references")
    ),
    *_endpoint_keys(),
    Key("health.storagedriver.enabled", flag, honoured("health.storage.enabled")),
    Key("health.storagedriver.interval", duration, honoured("health.storage.interval")),
    Key("health.storagedriver.threshold", number, honoured("health.storage.threshold")),
    *_check_keys(),
    Key("catalog.maxentries", number, honoured("lists.catalog", by=_most_repositories)),
    Key("tags.maxtags", number, honoured("lists.tags", by=_most_tags)),
    Key("policy.repository.classes", texts, honoured("manifests.validation.classes", by=_classes)),
    Key("validation.enabled", flag, honoured("manifests.validation.urls")),
    Key("validation.disabled", flag, honoured("manifests.validation.urls")),
    Key(f"{_URLS}.allow", texts, honoured("manifests.validation.urls_allow")),
    Key(f"{_URLS}.deny", texts, honoured("manifests.validation.urls_deny")),
    Key(
        f"{_INDEXES}.platforms",
        choice("all", "none", "list", "", any_case=True),
        honoured("manifests.validation.platforms"),
    ),
    Key(
        f"{_INDEXES}.platformlist[].architecture",
        text,
        honoured("manifests.validation.platform_list"),
    ),
    Key(f"{_INDEXES}.platformlist[].os", text, honoured("manifests.validation.platform_list")),
    Key("reporting", anything, _GONE),
    Key("compatibility", anything, _NO_SCHEMA_1),
)
"""The keys, in the order of a file."""

RULES = (
    Rule(("log.level", "loglevel"), _level),
    Rule(("log.hooks",), _hooks),
    Rule(("health.file", "health.http", "health.tcp"), _checks),
    Rule(("notifications.endpoints",), _endpoints),
    Rule(
        (
            *("validation.enabled", "validation.disabled", f"{_URLS}.allow", f"{_URLS}.deny"),
            *(f"{_INDEXES}.platforms", f"{_INDEXES}.platformlist"),
        ),
        _validation,
    ),
)
"""What several of them say together."""

"""Distribution's keys under ``storage``, ``proxy`` and ``redis``."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from lading.app.config.distribution.kinds import (
    Kind,
    anything,
    duration,
    facts,
    flag,
    loose_number,
    number,
    section,
    spelled_duration,
    text,
    texts,
)
from lading.app.config.distribution.outcomes import (
    Given,
    Key,
    Outcome,
    Rule,
    honoured,
    refused,
    without_effect,
)

ROOT = Path("/var/lib/registry")
"""Where Distribution keeps everything unless it is told."""

USE_FILES = "Write storage: {filesystem: {rootdirectory: /var/lib/registry}}."
"""What to do about a place for content that is not possible."""

DRIVERS = ("filesystem", "inmemory", "s3", "s3aws", "azure", "gcs", "oss", "swift")
"""What can stand under ``storage`` as the place where content is kept."""

_NO_OBJECTS = "content is kept on a local disk only"
_NO_CACHE = "there is one database, and it needs no cache before it"
_NO_PROXY = "it says how proxy.remoteurl is asked, and nothing is"
_ON_A_DISK = "content on a local disk is always sent by the server itself"
_IN_ONE_PLACE = "nothing here asks Redis: workers share the database and memory of the machine"


def keys_of(prefix: str, kinds: dict[str, Kind], outcome: Outcome) -> Iterable[Key]:
    """Keys that stand under *prefix*, and share their *outcome*."""
    secrets = {"secretkey", "accountkey", "connectionstring", "credentials.secret", "password"}
    for name, kind in kinds.items():
        yield Key(f"{prefix}.{name}", kind, outcome, secret=name in secrets)


_OBJECTS = refused(_NO_OBJECTS, USE_FILES)

_ELSEWHERE = refused(
    "content is sent from the local disk, and not from another address",
    "Remove middleware.storage.",
)

_S3: dict[str, Kind] = {
    **dict.fromkeys(("accesskey", "secretkey", "region", "regionendpoint"), text),
    **dict.fromkeys(("redirectendpoint", "bucket", "keyid"), text),
    **dict.fromkeys(("forcepathstyle", "encrypt", "secure", "skipverify", "v4auth"), anything),
    **dict.fromkeys(("chunksize", "multipartcopychunksize"), loose_number),
    **dict.fromkeys(("multipartcopymaxconcurrency", "multipartcopythresholdsize"), loose_number),
    **dict.fromkeys(("rootdirectory", "storageclass", "useragent", "objectacl"), text),
    **dict.fromkeys(("usedualstack", "accelerate", "usefipsendpoint"), anything),
    "loglevel": text,
}
_AZURE: dict[str, Kind] = {
    **dict.fromkeys(("accountname", "container", "accountkey"), text),
    **dict.fromkeys(("credentials.type", "credentials.clientid"), text),
    **dict.fromkeys(("credentials.tenantid", "credentials.secret"), text),
    **dict.fromkeys(("realm", "serviceurl", "connectionstring", "rootdirectory"), text),
    "max_retries": loose_number,
    "retry_delay": duration,
    "skipverify": anything,
}
_GCS: dict[str, Kind] = {
    **dict.fromkeys(("bucket", "rootdirectory", "keyfile", "useragent"), text),
    "credentials": facts,
    **dict.fromkeys(("chunksize", "maxconcurrency"), loose_number),
}
_REDIS: dict[str, Kind] = {
    "addrs": texts,
    **dict.fromkeys(("clientname", "username", "password"), text),
    **dict.fromkeys(("sentinelusername", "sentinelpassword", "mastername"), text),
    **dict.fromkeys(("db", "protocol", "maxretries", "poolsize", "minidleconns"), number),
    **dict.fromkeys(("maxidleconns", "maxactiveconns", "maxredirects"), number),
    **dict.fromkeys(("minretrybackoff", "maxretrybackoff", "dialtimeout"), duration),
    **dict.fromkeys(("readtimeout", "writetimeout", "pooltimeout"), duration),
    **dict.fromkeys(("connmaxidletime", "connmaxlifetime"), duration),
    **dict.fromkeys(("contexttimeoutenabled", "poolfifo", "readonly"), flag),
    **dict.fromkeys(("routebylatency", "routerandomly"), flag),
    **dict.fromkeys(("disableidentity", "unstableresp3"), flag),
    "identitysuffix": text,
    **dict.fromkeys(("tls.certificate", "tls.key"), text),
    "tls.rootcas": texts,
}
_MIDDLEWARE: dict[str, Kind] = {
    "[].name": text,
    "[].disabled": flag,
    **{
        f"[].options.{name}": anything
        for name in (
            *("baseurl", "privatekey", "keypairid", "duration", "ipfilteredby", "awsregion"),
            *("updatefrequency", "updatefrenquency", "iprangesurl"),
            *("scheme", "host", "trimpathprefix"),
        )
    },
}
_GONE_FROM_REDIS: dict[str, Kind] = {
    "addr": text,
    **dict.fromkeys(("pool.maxidle", "pool.maxactive"), number),
    "pool.idletimeout": duration,
}


def _positive(found: timedelta) -> timedelta:
    if found < timedelta(0):
        raise ValueError("a duration below zero makes no sense here")
    return found


def _interval(found: timedelta) -> timedelta:
    if not _positive(found):
        raise ValueError("an interval of zero makes no sense here")
    return found


def _root(given: Given) -> dict[str, Any]:
    if "storage.inmemory" in given:
        return {"temporary": True}
    return {"root": Path(given.get("storage.filesystem.rootdirectory") or ROOT)}


KEYS: tuple[Key, ...] = (
    Key("storage.filesystem", section, honoured("root")),
    Key("storage.filesystem.rootdirectory", text, honoured("root")),
    Key(
        "storage.filesystem.maxthreads",
        loose_number,
        without_effect("the server takes as many threads as there is work for"),
    ),
    Key("storage.inmemory", section, honoured("temporary")),
    Key("storage.s3", section, _OBJECTS),
    *keys_of("storage.s3", _S3, _OBJECTS),
    Key("storage.s3aws", section, _OBJECTS),
    *keys_of("storage.s3aws", _S3, _OBJECTS),
    Key("storage.azure", section, _OBJECTS),
    *keys_of("storage.azure", _AZURE, _OBJECTS),
    Key("storage.gcs", section, _OBJECTS),
    *keys_of("storage.gcs", _GCS, _OBJECTS),
    Key(
        "storage.oss",
        section,
        refused("Distribution 3.0 has dropped it, and its replacement there is s3", USE_FILES),
    ),
    Key(
        "storage.swift",
        section,
        refused("Distribution 3.0 has dropped it, and its replacement there is s3", USE_FILES),
    ),
    Key("storage.delete.enabled", flag, honoured("deletes")),
    Key("storage.redirect.disable", flag, without_effect(_ON_A_DISK)),
    Key("storage.cache.blobdescriptor", text, without_effect(_NO_CACHE)),
    Key("storage.cache.layerinfo", text, without_effect(_NO_CACHE)),
    Key("storage.cache.blobdescriptorsize", loose_number, without_effect(_NO_CACHE)),
    Key(
        "storage.tag.concurrencylimit",
        number,
        without_effect("looking up tags is one read of an index"),
    ),
    Key("storage.maintenance.uploadpurging.enabled", flag, honoured("uploads.purge")),
    Key(
        "storage.maintenance.uploadpurging.age",
        spelled_duration,
        honoured("uploads.expiry", by=_positive),
    ),
    Key(
        "storage.maintenance.uploadpurging.interval",
        spelled_duration,
        honoured("uploads.purge_every", by=_interval),
    ),
    Key("storage.maintenance.uploadpurging.dryrun", flag, honoured("uploads.purge_dry_run")),
    Key("storage.maintenance.readonly.enabled", flag, honoured("read_only")),
    Key(
        "proxy.remoteurl",
        text,
        refused("being a mirror of another registry is not possible", "Remove proxy.remoteurl."),
    ),
    *keys_of(
        "proxy",
        {
            "username": text,
            "password": text,
            "exec.command": text,
            "exec.lifetime": duration,
            "ttl": duration,
            "cachewritetimeout": duration,
        },
        without_effect(_NO_PROXY),
    ),
    *keys_of("redis", _REDIS, without_effect(_IN_ONE_PLACE)),
    *keys_of(
        "redis",
        _GONE_FROM_REDIS,
        without_effect(
            "Distribution 3.0 has dropped it (redis.addrs and redis.poolsize replace it there), and "
            "nothing here asks Redis"
        ),
    ),
    *(
        Key(
            f"middleware.{which}",
            anything,
            refused("there is no middleware of this kind", f"Remove middleware.{which}."),
        )
        for which in ("registry", "repository")
    ),
    Key("middleware.storage", anything, _ELSEWHERE),
    *(Key(f"middleware.storage{name}", kind, _ELSEWHERE) for name, kind in _MIDDLEWARE.items()),
)
"""The keys, in the order of a file."""

RULES = (
    Rule(("storage.filesystem", "storage.filesystem.rootdirectory", "storage.inmemory"), _root),
)
"""What several of them say together."""

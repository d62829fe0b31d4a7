"""What the operator says of the registry's place and of what it takes, as values for its parts."""

import re
from collections.abc import Callable
from functools import partial
from operator import attrgetter

from lading.app.config.content import ValidationConfig
from lading.app.config.tree import Config
from lading.http.site import Site, Trust, host_asked
from lading.interfaces.repository import Registry
from lading.registry.rules import KeepingRegistry, ReadOnlyRegistry
from lading.registry.validation import Rules, Urls, ValidatedRegistry
from lading.wire.headers import utf8
from lading.wire.message import Fields, Handler, Request


def sited(handler: Handler, config: Config) -> Site:
    """*handler*, standing where *config* says."""
    http = config.http
    return Site(
        handler,
        prefix=http.prefix,
        root=http.host,
        relative=http.relative_urls,
        trust=Trust(config.trusted_proxies),
        sealed=config.tls.wanted,
    )


def asked(config: Config) -> Callable[[Request], str]:
    """What tells the URL of what was asked to those who are sent elsewhere for a token."""
    if config.auth.token.strict:
        return partial(host_asked, trust=Trust(config.trusted_proxies))
    return attrgetter("base")


def fields(config: Config) -> Fields:
    """What is added to every answer of the API."""
    return [(name, utf8(value)) for name, values in config.http.headers.items() for value in values]


def ruled(registry: Registry, config: Config, *, read_only: Callable[[], bool]) -> Registry:
    """*registry*, under the rules of *config*, and unchanged while *read_only* says so."""
    if rules := _rules(config.manifests.validation):
        registry = ValidatedRegistry(registry, rules)
    if not config.deletes:
        registry = KeepingRegistry(registry)
    return ReadOnlyRegistry(registry, when=read_only)


def _rules(config: ValidationConfig) -> Rules:
    urls = None
    if config.urls:
        allow, deny = (map(re.compile, each) for each in (config.urls_allow, config.urls_deny))
        urls = Urls(tuple(allow), tuple(deny))
    platforms = None
    if config.platforms != "all":
        listed = config.platform_list if config.platforms == "list" else ()
        platforms = frozenset((each.os, each.architecture) for each in listed)
    return Rules(urls=urls, platforms=platforms, classes=config.classes)

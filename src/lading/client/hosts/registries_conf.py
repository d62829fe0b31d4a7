"""``registries.conf``, version 2: what podman, skopeo and CRI-O know of registries.

Read are ``[[registry]]`` with its mirrors, ``unqualified-search-registries``, ``short-name-mode``
and ``[aliases]`` (containers-registries.conf(5)); other keys are of no concern to a client.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from lading.client.hosts.host import READING, Capability
from lading.errors import ConfigInvalid, ReferenceInvalid
from lading.oci.locator import is_short

Kind = TypeVar("Kind")

_PULLS = {
    "all": READING,
    "digest-only": frozenset({Capability.PULL}),
    "tag-only": frozenset({Capability.RESOLVE}),
}
_MODES = ("enforcing", "permissive", "disabled")


class Mirror(NamedTuple):
    """Where a registry is mirrored, and for what."""

    location: str
    insecure: bool = False
    capabilities: frozenset[Capability] = READING


class Rule(NamedTuple):
    """One ``[[registry]]``: how names that begin with ``prefix`` are reached.

    ``location`` stands in place of ``prefix`` then, unless it is empty; ``file`` is where the
    rule was found.
    """

    prefix: str
    location: str = ""
    insecure: bool = False
    blocked: bool = False
    mirrors: tuple[Mirror, ...] = ()
    file: str = ""

    def matched(self, name: str) -> int:
        """How much of *name* (``host/repository`` or ``host``) the prefix is; 0 if it is not."""
        host, slash, path = self.prefix.partition("/")
        named, _, below = name.partition("/")
        if host.startswith("*."):
            if not named.endswith(host[1:]):
                return 0
        elif host != named:
            return 0
        if slash and below != path and not below.startswith(f"{path}/"):
            return 0
        return len(named) + len(slash) + len(path)


class RegistriesConf(NamedTuple):
    """What the files say together."""

    rules: tuple[Rule, ...] = ()
    search: tuple[str, ...] = ()
    aliases: Mapping[str, str] = MappingProxyType({})
    mode: str = "permissive"

    def rule(self, name: str) -> Rule | None:
        """The rule with the longest prefix of *name*."""
        found = max(self.rules, key=lambda each: each.matched(name), default=None)
        return found if found is not None and found.matched(name) else None

    def qualified(self, text: str) -> str:
        """*text* with a host, if it has none and the files say which is meant.

        Raises:
            ReferenceInvalid: several could be meant, and the files want nobody to guess.
        """
        if not is_short(text):
            return text
        name = text.partition("@")[0]
        head, _, tag = name.rpartition(":")
        name = head if head and "/" not in tag else name
        if name in self.aliases:
            return self.aliases[name] + text[len(name) :]
        if not self.search:
            return text
        if self.mode == "enforcing" and len(self.search) > 1:
            meant = ", ".join(f"{host}/{text}" for host in self.search)
            raise ReferenceInvalid(f"{text!r} may mean {meant} (unqualified-search-registries)")
        return f"{self.search[0]}/{text}"


def read_registries(paths: Sequence[Path]) -> RegistriesConf:
    """Read *paths*, of which later ones go before earlier ones; those that are missing are empty.

    Raises:
        ConfigInvalid: one cannot be read, or is of version 1.
    """
    whole = RegistriesConf()
    for path in paths:
        document = read_toml(path)
        if document is not None:
            whole = _added(whole, document, str(path))
    return whole


def read_toml(path: Path) -> dict[str, Any] | None:
    """The document in *path*; ``None`` if there is no such file.

    Raises:
        ConfigInvalid: it is there and cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigInvalid(f"{path}: {error.strerror}") from error
    except UnicodeError as error:
        raise ConfigInvalid(f"{path}: {error}") from None
    import tomllib  # noqa: PLC0415 - most machines have no such file, and start sooner without it

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid(f"{path}: {error}") from None


def typed(found: Mapping[str, Any], key: str, kind: type[Kind], file: str) -> Kind | None:
    """The value of *key* if there is one, which has to be of *kind*.

    Raises:
        ConfigInvalid: it is of another kind.
    """
    value = found.get(key)
    if value is not None and not isinstance(value, kind):
        raise ConfigInvalid(f"{file}: {key} is not a {kind.__name__}")
    return value


def _added(whole: RegistriesConf, document: dict[str, Any], file: str) -> RegistriesConf:
    if "registries" in document:
        failure = ConfigInvalid(f"{file}: [registries] is of version 1, which is not read")
        failure.advice = (
            "Write [[registry]] tables, and unqualified-search-registries in place of "
            "[registries.search] (containers-registries.conf(5))."
        )
        raise failure
    rules = {each.prefix: each for each in whole.rules}
    for table in _tables(document, "registry", file):
        rule = _rule(table, file)
        rules[rule.prefix] = rule
    whole = whole._replace(rules=tuple(rules.values()))
    if (search := typed(document, "unqualified-search-registries", list, file)) is not None:
        whole = whole._replace(search=tuple(_strings(search, file)))
    if (mode := typed(document, "short-name-mode", str, file)) is not None:
        if mode not in _MODES:
            raise ConfigInvalid(f"{file}: short-name-mode is none of {', '.join(_MODES)}")
        whole = whole._replace(mode=mode)
    aliases = typed(document, "aliases", dict, file) or {}
    _strings(aliases.values(), file)
    # An empty alias takes back what another file says.
    merged = {key: value for key, value in {**whole.aliases, **aliases}.items() if value}
    return whole._replace(aliases=merged)


def _rule(table: dict[str, Any], file: str) -> Rule:
    location = _place(table, "location", file)
    prefix = _place(table, "prefix", file) or location
    if not prefix:
        raise ConfigInvalid(f"{file}: a [[registry]] has neither prefix nor location")
    if not location and not prefix.startswith("*."):
        raise ConfigInvalid(f"{file}: [[registry]] {prefix} has no location")
    if "*" in location or "*" in prefix.removeprefix("*."):
        raise ConfigInvalid(f"{file}: [[registry]] {prefix}: only a prefix may begin with *.")
    digests = typed(table, "mirror-by-digest-only", bool, file) or False
    return Rule(
        prefix,
        location,
        typed(table, "insecure", bool, file) or False,
        typed(table, "blocked", bool, file) or False,
        tuple(_mirror(each, digests, file) for each in _tables(table, "mirror", file)),
        file,
    )


def _mirror(table: dict[str, Any], digests: bool, file: str) -> Mirror:
    location = _place(table, "location", file)
    if not location:
        raise ConfigInvalid(f"{file}: a [[registry.mirror]] has no location")
    pulls = typed(table, "pull-from-mirror", str, file)
    if pulls is not None and digests:
        raise ConfigInvalid(
            f"{file}: mirror-by-digest-only and pull-from-mirror exclude each other"
        )
    chosen = pulls or ("digest-only" if digests else "all")
    if chosen not in _PULLS:
        raise ConfigInvalid(f"{file}: pull-from-mirror is none of {', '.join(_PULLS)}")
    return Mirror(location, typed(table, "insecure", bool, file) or False, _PULLS[chosen])


def _place(table: dict[str, Any], key: str, file: str) -> str:
    """A host, perhaps with the beginning of a path."""
    text = (typed(table, key, str, file) or "").rstrip("/")
    if "://" in text:
        raise ConfigInvalid(f"{file}: {key} {text!r} is a URL; only the host and a path go there")
    return text


def _tables(document: dict[str, Any], key: str, file: str) -> list[dict[str, Any]]:
    found = typed(document, key, list, file) or []
    if not all(isinstance(each, dict) for each in found):
        raise ConfigInvalid(f"{file}: {key} is not a list of tables")
    return found


def _strings(found: Iterable[Any], file: str) -> list[str]:
    kept = list(found)
    if not all(isinstance(each, str) for each in kept):
        raise ConfigInvalid(f"{file}: {kept} are not all strings")
    return kept

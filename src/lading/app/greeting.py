"""What the server says when it begins: where it is, who may come in, and what to try first.

A new data directory gets the whole greeting, a known one gets a line. People get text; programs
get the same facts as a log line.
"""

import ipaddress
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

_DOCKER = "docker pull alpine && docker tag alpine {host}/alpine && docker push {host}/alpine"
_OFFLINE = (
    "tar -C / -ch bin/sh $(ldd /bin/sh | grep -o '/[^ ]*' | cut -c2-) | "
    "docker import - {host}/sh && "
    "docker push {host}/sh && docker run --rm {host}/sh /bin/sh -c 'echo it works'"
)
_CRANE = "crane copy alpine {host}/alpine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """The facts of a start.

    ``addresses`` are what is listened on: pairs of host and port, or paths of sockets in the file
    system. ``secure`` says that connections are encrypted, ``callers`` who may come
    in if that is not everybody, ``debug`` where those are answered who run the server.
    """

    version: str
    addresses: Sequence[tuple[str, int] | str]
    root: Path
    new: bool
    read_only: bool
    workers: int
    secure: bool = False
    callers: str | None = None
    debug: Sequence[tuple[str, int] | str] = ()

    @property
    def host(self) -> str | None:
        """The registry's name in a reference, as somebody on this machine would write it.

        A socket in the file system has none.
        """
        if not self._pairs:
            return None
        host, port = self._pairs[0]
        if self.only_for_this_machine or ipaddress.ip_address(host).is_unspecified:
            return f"localhost:{port}"
        return _joined(host, port)

    @property
    def only_for_this_machine(self) -> bool:
        """Whether only this machine can connect."""
        return not _reachable(self.addresses)

    @property
    def access(self) -> str:
        """Who may come in."""
        who = self.callers or (
            "anyone on this machine" if self.only_for_this_machine else "anyone who can connect"
        )
        may = "may pull, nobody may push" if self.read_only else "may pull, push and delete"
        others = "; other machines cannot connect" if self.only_for_this_machine else ""
        return f"{who} {may}{others}"

    @property
    def warnings(self) -> Iterator[str]:
        """What is risky about it."""
        where = _reachable(self.addresses)
        if where and not (self.read_only or self.callers):
            yield (
                f"anybody who can reach {_listed(where)} may push and delete, since nobody has to "
                "log in. Set auth, listen on 127.0.0.1, use --read-only, or let a firewall decide "
                "who comes in"
            )
        if where := _reachable(self.debug):
            yield (
                f"anybody who can reach {_listed(where)} sees the metrics and the health of the "
                "server. Set debug.listen to 127.0.0.1, or let a firewall decide who comes in"
            )

    @property
    def urls(self) -> str:
        """Where it listens."""
        return _urls("https" if self.secure else "http", self.addresses)

    @property
    def _pairs(self) -> list[tuple[str, int]]:
        return [each for each in self.addresses if not isinstance(each, str)]


def greet(greeting: Greeting, *, person: bool) -> None:
    """Say it: as text to a *person*, as a log line to a program."""
    if not person:
        log.info("serving", extra=_facts(greeting))
    elif greeting.new:
        log.info("%s", _page(greeting))
    else:
        log.info("Lading %s serves %s from %s", greeting.version, greeting.urls, greeting.root)
    for warning in greeting.warnings:
        log.warning("%s", warning)


def announce(greeting: Greeting, *, debug: str | None = None, metrics: str | None = None) -> None:
    """Say it in the words of Distribution, for which its users' programs look and wait.

    *debug* is the second address as it is configured, *metrics* a path on it.
    """
    if debug and metrics:
        log.info("providing prometheus metrics on %s", metrics)
    for each in greeting.addresses:
        place = each if isinstance(each, str) else _joined(*each)
        log.info("listening on %s%s", place, ", tls" if greeting.secure else "")
    if debug:
        log.info("debug server listening %s", debug)


def _facts(greeting: Greeting) -> dict[str, object]:
    found: dict[str, object] = {
        "version": greeting.version,
        "urls": greeting.urls,
        "root": str(greeting.root),
        "new": greeting.new,
        "workers": greeting.workers,
        "access": greeting.access,
    }
    if greeting.debug:
        found["debug"] = _urls("http", greeting.debug)
    if greeting.new and greeting.host and not greeting.read_only:
        found["push"] = _DOCKER.format(host=greeting.host)
        found["push_offline"] = _OFFLINE.format(host=greeting.host)
    return found


def _page(greeting: Greeting) -> str:
    rows = [
        ("Registry", greeting.urls),
        ("Data", f"{greeting.root} (new)"),
        ("Access", greeting.access),
    ]
    if greeting.debug:
        rows.append(("Debug", _urls("http", greeting.debug)))
    if greeting.host and not greeting.read_only:
        rows += [
            ("Push", _DOCKER.format(host=greeting.host)),
            ("or", _CRANE.format(host=greeting.host)),
            ("or offline", _OFFLINE.format(host=greeting.host)),
        ]
    lines = [f"Lading {greeting.version}", ""]
    lines += [f"  {name:<10} {text}" for name, text in rows]
    return "\n".join([*lines, "", "Ctrl-C stops."])


def _reachable(addresses: Sequence[tuple[str, int] | str]) -> list[tuple[str, int]]:
    """Those of *addresses* to which other machines can connect."""
    pairs = [each for each in addresses if not isinstance(each, str)]
    return [each for each in pairs if not ipaddress.ip_address(each[0]).is_loopback]


def _urls(scheme: str, addresses: Sequence[tuple[str, int] | str]) -> str:
    return ", ".join(
        f"unix:{each}" if isinstance(each, str) else f"{scheme}://{_joined(*each)}"
        for each in addresses
    )


def _listed(pairs: Sequence[tuple[str, int]]) -> str:
    return ", ".join(_joined(*each) for each in pairs)


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

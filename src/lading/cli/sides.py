"""Options that say how a registry is reached, for commands with one side and with two."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from lading.app.clients import ClientOptions

Command = TypeVar("Command", bound=Callable[..., Any])

_SIDES = {"": "", "from_": " (SOURCE only)", "to_": " (TARGET only)"}


class Sides(NamedTuple):
    """How both sides of a command are reached."""

    source: ClientOptions
    target: ClientOptions


class SideOption(click.Option):
    """An option that says how a registry is reached.

    Those for one side of two are left out of the help, which would be three times as long.
    """

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """What the help says about it; nothing if it is for one side only."""
        return None if self.opts[0].startswith(("--from-", "--to-")) else self.in_full(ctx)

    def in_full(self, ctx: click.Context) -> tuple[str, str] | None:
        """What the reference says about it."""
        return super().get_help_record(ctx)


def side_options(command: Command) -> Command:
    """Add the options for a registry; the command gets `ClientOptions` as ``side``."""

    @functools.wraps(command)
    def inner(**given: Any) -> Any:
        own = _taken(given, "")
        return command(side=_options(own, own, _password(own)), **given)

    return _declared(inner, "")  # type: ignore[return-value]  # what is wrapped takes others


def connection_options(command: Command) -> Command:
    """As `side_options`, for commands that ask who you are in ways of their own."""

    @functools.wraps(command)
    def inner(**given: Any) -> Any:
        own = {name: given.pop(name, None) for name, _, _ in _OPTIONS if name not in _WHO}
        own |= dict.fromkeys(_WHO)
        return command(side=_options(own, own, None), **given)

    return _declared(inner, "", without=_WHO)  # type: ignore[return-value]  # as below


def sides_options(command: Command) -> Command:
    """Add the options for both sides, and for each; the command gets `Sides` as ``sides``."""

    @functools.wraps(command)
    def inner(**given: Any) -> Any:
        both, source, target = (_taken(given, prefix) for prefix in _SIDES)
        password = _password(both, source, target)
        sides = Sides(_options(source, both, password), _options(target, both, password))
        return command(sides=sides, **given)

    declared: Callable[..., Any] = inner
    for prefix in reversed(_SIDES):
        declared = _declared(declared, prefix)
    return declared  # type: ignore[return-value]  # what is wrapped takes others


def _declared(
    command: Callable[..., Any], prefix: str, without: tuple[str, ...] = ()
) -> Callable[..., Any]:
    """Add the options of one side."""
    for name, attributes, told in reversed(_OPTIONS):
        if name in without:
            continue
        command = click.option(
            f"--{prefix}{name}".replace("_", "-"),
            prefix + name,
            cls=SideOption,
            help=told.removesuffix(".") + _SIDES[prefix] + ".",
            **attributes,
        )(command)
    return command


_WHO = ("username", "password_stdin")
_FLAG: dict[str, Any] = {"is_flag": True}
_FILE: dict[str, Any] = {"metavar": "FILE"}
_OPTIONS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("plain_http", _FLAG, "Speak plain HTTP; to this machine that is done anyway."),
    ("insecure", _FLAG, "Do not check the certificate of the registry."),
    ("ca_file", _FILE, "Trust the certificate authorities in this PEM file."),
    ("cert", _FILE, "Show this client certificate (PEM)."),
    ("key", _FILE, "The key of the client certificate, if it is in a file of its own (PEM)."),
    ("authfile", _FILE, "Take logins from this file and from nowhere else."),
    ("username", {"metavar": "NAME"}, "Log in by this name, with --password-stdin."),
    ("password_stdin", _FLAG, "Read the password, or a token, from standard input."),
    (
        "resolve",
        {"metavar": "HOST:PORT:ADDRESS", "multiple": True},
        "Connect to ADDRESS for this host and port. May be repeated.",
    ),
)


def _taken(given: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name: given.pop(prefix + name) for name, _, _ in _OPTIONS}


def _password(*sides: dict[str, Any]) -> str | None:
    """What standard input says, if one of *sides* has its password there."""
    asking = sum(bool(each["password_stdin"]) for each in sides)
    if asking > 1:
        raise click.UsageError("standard input can be one password only")
    return password_from_stdin() if asking else None


def _options(own: dict[str, Any], both: dict[str, Any], password: str | None) -> ClientOptions:
    """What was said for one side; what was not is as it was said for both."""
    said = {name: own[name] or both[name] for name in own}
    if not said.pop("password_stdin"):
        password = None
    if said["username"] and password is None:
        raise click.UsageError("--username needs --password-stdin")
    for name in ("ca_file", "cert", "key", "authfile"):
        said[name] = Path(said[name]) if said[name] else None
    for name in ("ca_file", "cert", "key"):
        if said[name] and not said[name].is_file():
            option = "--" + name.replace("_", "-")
            raise click.BadParameter(f"there is no file {said[name]}", param_hint=option)
    return ClientOptions(
        password=password, **{name: value for name, value in said.items() if value}
    )


def password_from_stdin() -> str:
    """The first line of standard input.

    Raises:
        click.UsageError: there is none.
    """
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise click.UsageError("no password came on standard input")
    return line

"""How settings are written: durations, sizes, switches, addresses; lists, maps and rows of them.

Environment variables and flags give text, files give text or more; all are read by one `Reader`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlsplit

from lading.app.urls import reachable, shown
from lading.http.site import Trust
from lading.wire import forwarded

Value_co = TypeVar("Value_co", covariant=True)

_ANY_WORD: Mapping[str, Any] = {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class Reader(Generic[Value_co]):
    """Turns text into a value, or raises `ValueError`; ``takes`` says what it wants to see.

    ``write`` turns a value into the text that a person would have written. Settings that are more
    than a word have ``build``, which takes what YAML makes of a list or a mapping.
    """

    takes: str
    read: Callable[[str], Value_co]
    write: Callable[[Any], str] = str
    build: Callable[[Any], Value_co] | None = None
    schema: Mapping[str, Any] = field(default_factory=lambda: _ANY_WORD)
    rows: type | None = None

    def __call__(self, text: str) -> Value_co:
        """The value that *text* says.

        Raises:
            ValueError: it says none; the message tells what would.
        """
        try:
            return self.read(text.strip())
        except ValueError as error:
            if self.build is not None:
                # Not the whole text: it is long, may hold secrets, and one part of it is wrong.
                raise ValueError(str(error)) from None
            # A URL may say what opens it.
            told = shown(text) if "://" in text else text
            raise ValueError(f"{told!r} is not {self.takes}") from None


_UNITS_OF_TIME = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_UNITS_OF_SIZE = {
    "": 1,
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
_SIZE = re.compile(r"(\d+) ?([kKMGT]?i?B|)", re.ASCII)
_SWITCHES = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_PATH = re.compile(r"[A-Za-z0-9._~/-]*", re.ASCII)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_IN_URLS = "!#$%&'()*+,/:;=?@[]"
"""What stands in a URL as it is."""
_FRAMING = {"connection", "content-length", "transfer-encoding"}
_NOTHING = {"", "none", "null", "~", "unset"}
_LONGEST = timedelta(days=36_500)


def _duration(text: str) -> timedelta:
    if text == "0":
        return timedelta(0)
    parts = list(_TIME.finditer(text))
    if not parts or "".join(part.group() for part in parts) != text:
        raise ValueError(text)
    seconds = sum(float(part[1]) * _UNITS_OF_TIME[part[2]].total_seconds() for part in parts)
    if seconds > _LONGEST.total_seconds():
        raise ValueError(text)
    return timedelta(seconds=seconds)


def _interval(text: str) -> timedelta:
    found = _duration(text)
    if not found:
        # What is to be done again at once is done all the time.
        raise ValueError(text)
    return found


def _size(text: str) -> int:
    parts = _SIZE.fullmatch(text)
    if parts is None or parts[2] not in _UNITS_OF_SIZE:
        raise ValueError(text)
    return int(parts[1]) * _UNITS_OF_SIZE[parts[2]]


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(text)
    return int(text)


def _flag(text: str) -> bool:
    if text.lower() not in _SWITCHES:
        raise ValueError(text)
    return _SWITCHES[text.lower()]


def _folder(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError(text)
    return Path(text).expanduser()


def split_address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``; IPv6 stands in brackets, an empty host is every address.

    Raises:
        ValueError: it is not of that form.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError(text)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(text)
    return host, int(port)


def _address(text: str) -> str:
    split_address(text)
    return text


def _place(text: str) -> str:
    if text.startswith("unix:"):
        if not text.removeprefix("unix:") or "\0" in text:
            raise ValueError(text)
        return text
    return _address(text)


def _root_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or forwarded.host(parts.netloc) is None):
        raise ValueError(text)
    if not text.isprintable():
        raise ValueError(text)
    return quote(text, safe=_IN_URLS)


def _url_path(text: str) -> str:
    if not text.startswith("/") or not text.isprintable():
        raise ValueError(text)
    return text


def _path_prefix(text: str) -> str:
    inner = text.strip("/")
    if not _PATH.fullmatch(inner):
        raise ValueError(text)
    return f"/{inner}" if inner else ""


def _proxy(text: str) -> str:
    Trust([text])
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error:
        raise ValueError(text) from None
    return text


def _field_value(text: str) -> str:
    if not text.replace("\t", " ").isprintable():
        raise ValueError(text)
    return text


def _field_name(text: str) -> str:
    if not _TOKEN.fullmatch(text) or text.lower() in _FRAMING:
        raise ValueError(text)
    return text


def _spelled_duration(value: timedelta) -> str:
    if not value:
        return "0s"
    for unit in ("h", "m", "s"):
        number = value / _UNITS_OF_TIME[unit]
        if number == int(number):
            return f"{int(number)}{unit}"
    return f"{int(value / _UNITS_OF_TIME['ms'])}ms"


def _spelled_size(value: int) -> str:
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        number, rest = divmod(value, _UNITS_OF_SIZE[unit])
        if number and not rest:
            return f"{number}{unit}"
    return str(value)


def _spelled_flag(value: bool) -> str:
    return "true" if value else "false"


duration = Reader("a duration such as 30s, 10m, 24h or 7d", _duration, _spelled_duration)
interval = Reader(
    "a duration above zero, such as 30s, 10m, 24h or 7d", _interval, _spelled_duration
)
size = Reader("a size such as 65536, 64KiB or 4MiB", _size, _spelled_size)
count = Reader("a whole number above zero", _count, schema={"type": "integer", "minimum": 1})
flag = Reader("true or false", _flag, _spelled_flag, schema={"type": "boolean"})
words = Reader("text", str)
folder = Reader("the path of a directory", _folder)
file = Reader("the path of a file", _folder)
number = Reader("a whole number", _number, schema={"type": "integer", "minimum": 0})
place = Reader("an address such as 127.0.0.1:5000 or :5000, or unix:PATH", _place)
address = Reader("an address such as 127.0.0.1:5000, [::1]:5000 or :5000", _address)

root_url = Reader("a URL such as https://registry.example.com", _root_url)
web_url = Reader("a URL that begins with https:// or http://", reachable)
url_path = Reader("a path such as /metrics", _url_path)
path_prefix = Reader("a path such as /registry", _path_prefix)
proxy = Reader("an address, a network such as 10.0.0.0/8, unix or any", _proxy)
pattern = Reader("a regular expression", _pattern)
field_value = Reader("text of one line, as a header field may have", _field_value)
field_name = Reader("the name of a header field that may be added", _field_name)


def choice(*words: str) -> Reader[str]:
    """One of *words*."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return Reader(f"one of {', '.join(words)}", read, schema={"enum": list(words)})


def optional(inner: Reader[Value_co]) -> Reader[Value_co | None]:
    """What *inner* takes, or nothing at all."""

    def read(text: str) -> Value_co | None:
        return None if text.lower() in _NOTHING else inner.read(text)

    def write(value: Value_co | None) -> str:
        return "none" if value is None else inner.write(value)

    either = {"anyOf": [inner.schema, {"enum": [None, "none"]}]}
    return Reader(f"{inner.takes}, or none", read, write, schema=either)

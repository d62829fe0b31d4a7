"""Heads of answers, and how long what follows them is (RFC 9112, 4 to 6).

Registries and what stands before them say all kinds of things; what can be understood is. Nothing
is kept that has no end. It is read by hand because the library that could do it takes as long to
load as many a command may take.
"""

import io
import re
from typing import NamedTuple

from lading.wire.message import Fields, Headers
from lading.wire.ranges import number

_LONGEST_LINE = 1 << 16
_MOST_LINES = 100
_MOST_INTERIM = 100
_STATUS = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9][0-9])(?:[ \t].*)?", re.DOTALL)
_INTERIM = range(100, 200)
_BARE = frozenset({204, 304})


class NotHTTP(Exception):
    """What came is no head of an answer; what it is instead is the text."""


class Head(NamedTuple):
    """The head of an answer; names of fields are in lower case.

    ``length`` is that of the body, ``None`` where only its end will tell: that of the last chunk
    if it is *chunked*, else that of the connection. Only a connection that *keeps* goes on.
    """

    status: int
    fields: Fields
    length: int | None
    chunked: bool
    keeps: bool


def read_head(reader: io.BufferedIOBase, method: str) -> Head | None:
    """The head of the answer to a request by *method*; ``None`` if none came.

    Raises:
        NotHTTP: something else came.
        OSError: the connection was lost.
    """
    for _ in range(_MOST_INTERIM):
        first = _line(reader)
        if first is None:
            return None
        parts = _STATUS.fullmatch(first)
        if parts is None:
            raise NotHTTP(repr(first)[:200])
        fields = _fields(reader)
        status = int(parts[2])
        # What is interim is passed over; the answer comes after it (RFC 9110, 15.2).
        if status not in _INTERIM:
            return _head(status, fields, method, lasting=parts[1] != b"0")
    raise NotHTTP("it only ever says that an answer will come")


def _head(status: int, fields: Fields, method: str, *, lasting: bool) -> Head:
    said = Headers.of(fields)
    options = {each.strip().lower() for each in ",".join(said.all(b"connection")).split(",")}
    keeps = "close" not in options and (lasting or "keep-alive" in options)
    if method == "HEAD" or status in _BARE:
        return Head(status, fields, 0, chunked=False, keeps=keeps)
    if (said.get(b"transfer-encoding") or "").lower() == "chunked":
        return Head(status, fields, None, chunked=True, keeps=keeps)
    length = number(said.get(b"content-length") or "")
    return Head(status, fields, length, chunked=False, keeps=keeps and length is not None)


def _fields(reader: io.BufferedIOBase) -> Fields:
    found: Fields = []
    for _ in range(_MOST_LINES):
        line = _line(reader)
        if line is None:
            raise NotHTTP("its head ended too early")
        if not line:
            return found
        text = line.decode("latin-1")
        if found and text[0] in " \t":
            # A value that was folded over lines is one line (RFC 9112, 5.2).
            name, value = found.pop()
            found.append((name, f"{value} {text.strip()}"))
            continue
        name, colon, value = text.partition(":")
        # What is no field says nothing.
        if colon:
            found.append((name.strip().lower(), value.strip()))
    raise NotHTTP("its head has too many lines")


def _line(reader: io.BufferedIOBase) -> bytes | None:
    """The next line without its end; ``None`` where there is none."""
    line = reader.readline(_LONGEST_LINE + 1)
    if len(line) > _LONGEST_LINE:
        raise NotHTTP("its head has a line that is too long")
    return line.rstrip(b"\r\n") if line else None

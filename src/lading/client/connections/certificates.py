"""Who issued a certificate that is not trusted, so that people can be told.

Only that one fact is read, of bytes that nobody vouches for; nothing is decided by it.
"""

from collections.abc import Iterator

_CONSTRUCTED_VERSION = 0xA0
_NAMES = {b"\x55\x04\x03": "CN", b"\x55\x04\x0a": "O"}


def issuer(certificate: bytes) -> str:
    """The common name and organisation of the issuer; empty if they cannot be read.

    *certificate* is in DER (RFC 5280, 4.1).
    """
    try:
        [(_, whole)] = _elements(certificate)
        (_, signed), *_ = _elements(whole)
        fields = [value for tag, value in _elements(signed) if tag != _CONSTRUCTED_VERSION]
        return ", ".join(_named(fields[2]))
    except (ValueError, IndexError):
        return ""


def _named(names: bytes) -> Iterator[str]:
    for _, group in _elements(names):
        for _, pair in _elements(group):
            (_, kind), (_, value) = _elements(pair)
            if kind in _NAMES:
                text = value.decode("utf-8", "replace")
                yield f"{_NAMES[kind]}={''.join(filter(str.isprintable, text))[:100]}"


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements that stand one after the other in *data* (X.690, 8.1)."""
    place = 0
    while place < len(data):
        tag, length = data[place], data[place + 1]
        place += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[place : place + size], "big")
            place += size
        if place + length > len(data):
            raise ValueError("an element is longer than what it stands in")
        yield tag, data[place : place + length]
        place += length

"""Tar archives as they come: found by their headers, read in place, never unpacked.

Everything that could be understood in two ways is refused: members that come twice, sparse files,
devices, names and links that lead out of the archive. Everything here blocks.
"""

import os
import posixpath
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from lading.errors import LayoutInvalid

MEMBERS = 200_000
"""How many members an archive may have."""

BLOCK = 512
_LONGEST_NAME = 1 << 16
_PAX_LIMIT = 1 << 20
_LINKS = 16
_ZEROS = bytes(BLOCK)
_FILES = frozenset({b"0", b"\0", b"7"})


class Kind(Enum):
    """What a member is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: where its *size* bytes begin; or the name that a link leads to."""

    kind: Kind
    offset: int
    size: int
    target: str = ""


@dataclass(slots=True)
class _Said:
    """What extra headers said about the member that comes next."""

    name: str | None = None
    target: str | None = None
    size: int | None = None


class Archive:
    """The members of the tar archive in the open *file*, which has to be one that can be sought.

    *where* is what errors call it.

    Raises:
        LayoutInvalid: it is no tar archive, is cut short, or is not to be trusted.
    """

    def __init__(self, file: int, where: str) -> None:
        self.file = file
        self.where = where
        self._total = os.fstat(file).st_size
        self.members: Mapping[str, Member] = self._scan()

    def find(self, name: str) -> Member | None:
        """The file *name*, wherever links lead; ``None`` if there is none.

        Raises:
            LayoutInvalid: links lead to nowhere.
        """
        for _ in range(_LINKS):
            member = self.members.get(name)
            if member is None or member.kind is Kind.DIRECTORY:
                return None
            if member.kind is Kind.FILE:
                return member
            name = member.target
        raise LayoutInvalid(f"{self.where}: {name} is a link in a circle")

    def read(self, member: Member, *, limit: int) -> bytes:
        """The content of a member.

        Raises:
            LayoutInvalid: it has more than *limit* bytes.
        """
        if member.size > limit:
            self._refuse(f"a member of {member.size} bytes has more than {limit}")
        return self._bytes(member.offset, member.size)

    def _refuse(self, why: str) -> NoReturn:
        raise LayoutInvalid(f"{self.where}: {why}")

    def _bytes(self, offset: int, size: int) -> bytes:
        found = os.pread(self.file, size, offset)
        if len(found) != size:
            self._refuse("the archive is cut short")
        return found

    def _scan(self) -> Mapping[str, Member]:
        found: dict[str, Member] = {}
        said = _Said()
        at = count = 0
        if self._total < BLOCK:
            self._refuse("it is no tar archive")
        while at < self._total:
            header = self._bytes(at, BLOCK)
            if header == _ZEROS:
                break
            count += 1
            if count > MEMBERS:
                self._refuse(f"it has more than {MEMBERS} members")
            self._check_sum(header, at)
            size = self._number(header[124:136]) if said.size is None else said.size
            kind = header[156:157]
            # Links and directories have no content, whatever they say.
            taken = 0 if kind in b"12345" and kind != b"" else size
            if at + BLOCK + taken > self._total:
                self._refuse("the archive is cut short")
            if kind in (b"x", b"g", b"L", b"K"):
                self._extra(kind, at + BLOCK, self._number(header[124:136]), said)
                taken = self._number(header[124:136])
            else:
                self._add(found, header, said, at + BLOCK, taken)
                said = _Said()
            at += BLOCK + -(-taken // BLOCK) * BLOCK
        if at > self._total:
            self._refuse("the archive is cut short")
        return found

    def _check_sum(self, header: bytes, at: int) -> None:
        said = self._number(header[148:156])
        if said != sum(header[:148]) + sum(header[156:]) + 8 * 32:
            self._refuse("it is no tar archive" if at == 0 else f"the header at {at} is damaged")

    def _number(self, field: bytes) -> int:
        if field[0] & 0x80:
            # Base 256; the sign comes next, and nothing here may be negative.
            if field[0] != 0x80:
                self._refuse("a header has a number that is out of range")
            value = int.from_bytes(field[1:], "big")
        else:
            digits = field.split(b"\0", 1)[0].strip(b" ")
            if digits and any(digit not in b"01234567" for digit in digits):
                self._refuse("a header has a number that is none")
            value = int(digits or b"0", 8)
        if value >= 1 << 63:
            self._refuse("a header has a number that is out of range")
        return value

    def _extra(self, kind: bytes, offset: int, size: int, said: _Said) -> None:
        if size > (_PAX_LIMIT if kind in b"xg" else _LONGEST_NAME):
            self._refuse("a header is too long")
        content = self._bytes(offset, size)
        if kind == b"L":
            said.name = _text(content)
        elif kind == b"K":
            said.target = _text(content)
        else:
            self._pax(content, said, everywhere=kind == b"g")

    def _pax(self, content: bytes, said: _Said, *, everywhere: bool) -> None:
        while content.strip(b"\0"):
            length, space, _ = content.partition(b" ")
            if not space or not length.isdigit() or len(length) > 8:
                self._refuse("a header is damaged")
            end = int(length)
            record = content[len(length) + 1 : end]
            key, equals, value = record.removesuffix(b"\n").partition(b"=")
            if not equals or end > len(content) or end <= len(length):
                self._refuse("a header is damaged")
            if key.startswith((b"GNU.sparse", b"SCHILY.realsize")):
                self._refuse("it has a sparse file")
            if key in (b"path", b"linkpath", b"size"):
                if everywhere:
                    self._refuse(f"it says one {key.decode()} for all members")
                self._say(said, key, value)
            content = content[end:]

    def _say(self, said: _Said, key: bytes, value: bytes) -> None:
        if key == b"path":
            said.name = _text(value)
        elif key == b"linkpath":
            said.target = _text(value)
        else:
            if not value.isdigit() or len(value) > 19:
                self._refuse("a header has a number that is none")
            said.size = int(value)

    def _add(
        self, found: dict[str, Member], header: bytes, said: _Said, offset: int, size: int
    ) -> None:
        name = self._name(said.name if said.name is not None else _short_name(header))
        kind = header[156:157]
        if kind in _FILES and not name.endswith("/"):
            member = Member(Kind.FILE, offset, size)
        elif kind == b"5" or kind in _FILES:
            member = Member(Kind.DIRECTORY, offset, 0)
        elif kind in (b"1", b"2"):
            target = said.target if said.target is not None else _text(header[157:257])
            base = "" if kind == b"1" else posixpath.dirname(name)
            member = Member(Kind.LINK, offset, 0, self._target(name, base, target))
        else:
            self._refuse(f"{name!r} is neither a file nor a directory")
        name = name.rstrip("/")
        before = found.get(name)
        if before is not None and (before.kind, member.kind) != (Kind.DIRECTORY, Kind.DIRECTORY):
            self._refuse(f"{name!r} comes twice")
        found[name] = member

    def _name(self, text: str) -> str:
        if text.startswith("/") or ".." in text.split("/"):
            self._refuse(f"{text[:100]!r} leads out of the archive")
        plain = posixpath.normpath(text) if text else "."
        return plain + "/" if text.endswith("/") else plain

    def _target(self, name: str, base: str, text: str) -> str:
        found = posixpath.normpath(posixpath.join(base, text))
        if not text or text.startswith("/") or found.split("/")[0] == "..":
            self._refuse(f"{name!r} is a link out of the archive")
        return found


def header(name: str, size: int) -> bytes:
    """The header of a file in an archive that is always written the same way."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


def padding(size: int) -> bytes:
    """What has to follow *size* bytes of content."""
    return bytes(-size % BLOCK)


END = bytes(2 * BLOCK)
"""What an archive ends with."""


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _short_name(header: bytes) -> str:
    name = _text(header[:100])
    # Only POSIX headers have a prefix; GNU has times there.
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name

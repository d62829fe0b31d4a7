"""Titles: what files of an artifact are called, and where that puts them.

A title comes from whoever pushed the artifact, who is not trusted with paths.
"""

from collections.abc import Iterable

from lading.errors import FileRefused
from lading.oci.descriptor import Descriptor

TITLE = "org.opencontainers.image.title"
UNPACK = "io.deis.oras.content.unpack"
"""``true`` on a layer that is an archive of a directory."""

CONTENT = "io.deis.oras.content.digest"
"""The digest of that archive before it was compressed."""

MODE = "io.lading.content.mode"
"""The permissions of a file, in octal, where they say more than that it can be read."""

_LONGEST = 255
_MOST = 4096


def parts(title: str, *, directory: bool = False) -> tuple[str, ...]:
    """The names that *title* is made of, from the outermost on; none for the place itself.

    Raises:
        FileRefused: it leads elsewhere, or is no path of files; only a *directory* may be ``.``.
    """
    if "\0" in title or len(title) > _MOST:
        raise FileRefused(f"{title[:80]!r} cannot be the name of a file")
    if title.startswith("/"):
        raise FileRefused(f"{title!r} is an absolute path")
    names = tuple(name for name in title.split("/") if name not in ("", "."))
    if ".." in names:
        raise FileRefused(f"{title!r} leads out of the directory")
    if any(len(name.encode("utf-8", "surrogateescape")) > _LONGEST for name in names):
        raise FileRefused(f"{title[:80]!r} is too long for a file")
    if not names and not directory:
        raise FileRefused(f"{title!r} cannot be the name of a file")
    return names


def title_of(descriptor: Descriptor) -> str:
    """What *descriptor* calls its file; nothing, if it is none."""
    return (descriptor.annotations or {}).get(TITLE, "")


def is_directory(descriptor: Descriptor) -> bool:
    """Whether the content is an archive of a directory."""
    return (descriptor.annotations or {}).get(UNPACK) == "true"


def mode_of(descriptor: Descriptor) -> int:
    """The permissions of the file, never more than those of a program that all may run."""
    said = (descriptor.annotations or {}).get(MODE, "")
    try:
        return int(said, 8) & 0o777 | 0o400
    except ValueError:
        return 0o666


def distinct(descriptors: Iterable[Descriptor]) -> tuple[Descriptor, ...]:
    """*descriptors* without those that say the same twice.

    Raises:
        FileRefused: two of them want to be the same file, or one is no file.
    """
    found: dict[tuple[str, ...], Descriptor] = {}
    for each in descriptors:
        place = parts(title_of(each), directory=is_directory(each))
        if found.setdefault(place, each).digest != each.digest:
            raise FileRefused(f"{title_of(each)!r} is the title of two different files")
    return tuple(found.values())

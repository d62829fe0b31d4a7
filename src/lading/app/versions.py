"""Which versions are at work: ours, and those of everything that matters when something fails."""

import platform
from collections.abc import Mapping
from importlib import metadata

_LIBRARIES = ("apsw", "uvloop", "httptools", "click")


def version() -> str:
    """Ours."""
    return metadata.version("lading")


def versions() -> Mapping[str, str]:
    """Names and versions, ours first; nothing is imported for it.

    The wheels of apsw bring SQLite, whose version theirs begins with.
    """
    found = {"lading": version(), "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    found["sqlite"] = ".".join(found["apsw"].split(".")[:3])
    found["platform"] = platform.platform()
    return found

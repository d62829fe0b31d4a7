"""Which versions are at work: ours, and those of everything that matters when something fails."""

import importlib
import os
import platform
import sys
from collections.abc import Mapping
from contextlib import suppress

_LIBRARIES = ("apsw", "uvloop", "httptools", "click")
_METADATA = ".dist-info"


def version() -> str:
    """Ours."""
    return _version("lading", _installed())


def versions() -> Mapping[str, str]:
    """Names and versions, ours first; nothing is imported for it.

    The wheels of apsw bring SQLite, whose version theirs begins with.
    """
    there = _installed()
    found = {"lading": _version("lading", there), "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = _version(name, there)
        except ModuleNotFoundError:
            found[name] = "not installed"
    found["sqlite"] = ".".join(found["apsw"].split(".")[:3])
    found["platform"] = _platform()
    return found


def _installed() -> Mapping[str, str]:
    """Packages and their versions, as the folders of their metadata are called."""
    found: dict[str, str] = {}
    for folder in reversed(sys.path):
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                name, _, said = entry.name.removesuffix(_METADATA).partition("-")
                if said and entry.name.endswith(_METADATA):
                    found[name] = said
    return found


def _version(name: str, installed: Mapping[str, str]) -> str:
    """The version of the package *name*.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    # What reads metadata wherever it may be takes longer to load than a command may take, and
    # almost always says what the name of the folder says.
    found: str = installed.get(name) or importlib.import_module("importlib.metadata").version(name)
    return found


def _platform() -> str:
    # Not `platform.platform`, which starts a program to ask for the processor.
    kernel = os.uname()
    library = "".join(platform.libc_ver())
    return "-".join(filter(None, (kernel.sysname, kernel.release, kernel.machine, library)))

"""The promised names, recorded: when the list grows, that is a decision."""

import subprocess
import sys

import lading

PROMISED = [
    "BlobContent",
    "Bytes",
    "Descriptor",
    "Digest",
    "Elsewhere",
    "FileSource",
    "FileSpan",
    "Held",
    "Inbound",
    "LadingError",
    "Locator",
    "Manifest",
    "Page",
    "Platform",
    "Receipt",
    "Reference",
    "Registry",
    "RegistryError",
    "Repository",
    "RepositoryName",
    "Source",
    "Span",
    "StorageFailed",
    "Stream",
    "Tag",
    "Upload",
    "UploadId",
    "open_registry",
    "parse_reference",
]


def test_the_promised_names_are_those_that_were_promised() -> None:
    """Adding a name means keeping it; taking one away breaks somebody."""
    assert sorted(lading.__all__) == PROMISED


def test_every_promised_name_is_there() -> None:
    """Names are loaded when they are used, so each of them has to be tried."""
    found = {name: getattr(lading, name) for name in lading.__all__}

    assert all(value is not None for value in found.values())
    assert set(lading.__all__) <= set(dir(lading))


def test_importing_the_package_loads_nothing_else() -> None:
    """A program that only wants the version does not pay for a server."""
    program = "import sys, lading; print([m for m in sys.modules if m.startswith('lading.')])"

    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert shown == "[]\n"

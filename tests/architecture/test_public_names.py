"""The promised names, recorded: when the list grows, that is a decision."""

import subprocess
import sys

import lading

PROMISED = [
    "Annotated",
    "BlobContent",
    "Bytes",
    "Checked",
    "Client",
    "ClientOptions",
    "CopyOptions",
    "CopyReport",
    "Descriptor",
    "Digest",
    "Elsewhere",
    "FileSource",
    "FileSpan",
    "FileToPush",
    "Held",
    "Inbound",
    "LadingError",
    "Located",
    "Locator",
    "Manifest",
    "Page",
    "Platform",
    "PullReport",
    "PushReport",
    "Receipt",
    "Reference",
    "Registry",
    "RegistryError",
    "Repository",
    "RepositoryName",
    "Source",
    "Span",
    "StandIn",
    "Step",
    "StorageFailed",
    "Stream",
    "Tag",
    "Tree",
    "Upload",
    "UploadId",
    "UpstreamFailed",
    "attach",
    "check",
    "copy",
    "copy_tags",
    "get_blob",
    "locate",
    "open_client",
    "open_registry",
    "parse_reference",
    "pull",
    "push",
    "put_file",
    "stand_in",
    "tree",
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


def test_the_client_loads_no_server() -> None:
    """Neither with ``async`` nor without."""
    program = (
        "import sys, lading, lading.sync; lading.open_client; lading.copy;"
        "rooms = {'http', 'registry', 'storage', 'metadata', 'auth', 'testing'};"
        "names = [each.split('.') for each in sys.modules];"
        "print([each for each in names if each[0] == 'lading' and rooms.intersection(each[1:2])],"
        " [each for each in ('urllib3', 'apsw', 'uvloop', 'click') if each in sys.modules])"
    )

    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert shown == "[] []\n"

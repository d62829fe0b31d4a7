"""Every third-party package is needed, imported in one room, and kept there by a contract."""

import ast
import re
import sys
import tomllib
from collections import defaultdict
from typing import Any

from tests.architecture.repository_files import ROOT, module_name, parsed, sources

# What a distribution is imported as, where that is not its own name.
IMPORTED_AS = {
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry",
    "opentelemetry-sdk": "opentelemetry",
    "prometheus-client": "prometheus_client",
    "pyjwt": "jwt",
    "ruamel.yaml": "ruamel",
}
# Certificates are read where tokens are checked and where connections are encrypted.
SHARED = {"cryptography"}
# These are imported by programs that bring them along.
UNLISTED = {"pytest", "hypothesis"}
# The plug-in of pytest, which nothing else imports, is a room to itself.
PLUG_IN = "lading.fixtures"


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _required() -> set[str]:
    project = _project()["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *extras["acme"], *extras["tracing"]]
    names = [re.split(r"[<>=!~ \[]", each)[0] for each in required]
    return {IMPORTED_AS.get(name, name) for name in names}


def _imported() -> dict[str, set[str]]:
    """Third-party packages, and the rooms that import them."""
    found = defaultdict(set)
    for path in sources():
        room = ".".join(module_name(path).split(".")[:2])
        for node in ast.walk(parsed(path)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top != "lading" and top not in sys.stdlib_module_names:
                    found[top].add(room)
    return dict(found)


def test_each_third_party_package_is_imported_in_one_room() -> None:
    """A library is known to one room, so that it can be replaced there."""
    found = {package: rooms - {PLUG_IN} for package, rooms in _imported().items()}

    crowded = {package: rooms for package, rooms in found.items() if len(rooms) > 1}

    assert crowded.keys() <= SHARED


def test_what_is_imported_is_required_and_nothing_else_is() -> None:
    """``pip install lading`` and its extras bring what the package imports, and no more."""
    assert set(_imported()) - UNLISTED == _required()


def test_each_third_party_package_has_a_contract() -> None:
    """``make check`` fails when a second room imports a package."""
    contracts = _project()["tool"]["importlinter"]["contracts"]

    kept = {name for contract in contracts for name in contract.get("forbidden_modules", ())}

    assert set(_imported()) <= kept

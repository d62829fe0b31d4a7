"""Find the programs that Lading is tested with, and install the ones that are missing.

Go programs are built once with ``go install`` into a cache folder,
``${XDG_CACHE_HOME:-~/.cache}/lading-peers``; Debian programs come from ``apt-get``.
Whatever is there already is used as it is, so a second run installs nothing.
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

GO_PROGRAMS = {
    "registry": "github.com/distribution/distribution/v3/cmd/registry@v3.1.1",
    "conformance": (
        "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111"
    ),
    "helm": "helm.sh/helm/v3/cmd/helm@latest",
    "kubectl-validate": "sigs.k8s.io/kubectl-validate@latest",
    "crane": "github.com/google/go-containerregistry/cmd/crane@latest",
    "oras": "oras.land/oras/cmd/oras@latest",
    "pebble": "github.com/letsencrypt/pebble/v2/cmd/pebble@latest",
    "pebble-challtestsrv": "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv@latest",
    "regctl": "github.com/regclient/regclient/cmd/regctl@latest",
}
DEBIAN_PACKAGES = {
    "docker": "docker.io",
    "dockerd": "docker.io",
    "docker-compose": "docker-compose",
    "podman": "podman",
    "buildah": "buildah",
    "skopeo": "skopeo",
    "wrk": "wrk",
    "debootstrap": "debootstrap",
    "bash": "bash",
    "busybox": "busybox-static",
    "curl": "curl",
    "groff": "groff-base",
    "promtool": "prometheus",
    "docker-registry": "docker-registry",
}
# Debian's own programs come first: a machine may carry other builds under the same names.
SYSTEM_PATH = "/usr/bin:/usr/sbin:/bin:/sbin"


class PeerMissing(Exception):
    """A program is neither there nor can it be installed; the text says what would help."""


def cache_folder() -> Path:
    """The folder that keeps built programs and made images between runs; it exists."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "lading-peers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@cache
def program(name: str) -> Path:
    """The path of the program *name*, installed first when it is missing.

    Raises `PeerMissing` when that cannot be done.
    """
    if name in GO_PROGRAMS:
        return _go_program(name)
    return _debian_program(name)


def _go_program(name: str) -> Path:
    built = cache_folder() / name
    if built.exists():
        return built
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    if go is None:
        raise PeerMissing(
            f"{name} is needed: install Go (https://go.dev/dl/), or put {name} into {built.parent}"
        )
    module = GO_PROGRAMS[name]
    _say(f"building {module} (once; up to two minutes)")
    # The race between two runs is harmless: go replaces the finished binary in one step.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(built.parent)}
    done = subprocess.run(
        [go, "install", module], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode or not built.exists():
        raise PeerMissing(f"go install {module} failed:\n{done.stderr.strip()}")
    return built


def _debian_program(name: str) -> Path:
    if found := _which(name):
        return found
    package = DEBIAN_PACKAGES[name]
    apt = shutil.which("apt-get", path=SYSTEM_PATH)
    if apt is None:
        raise PeerMissing(f"{name} is needed, and there is no apt-get here: please install it")
    if os.geteuid() != 0:
        raise PeerMissing(f"{name} is needed: run 'sudo apt-get install {package}'")
    _say(f"installing {package} with apt-get")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = [apt, "install", "-y", "--no-install-recommends", package]
    for command in ([apt, "update"], install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = _which(name)
    if done.returncode or found is None:
        raise PeerMissing(f"apt-get install {package} failed:\n{done.stderr.strip()}")
    return found


def _which(name: str) -> Path | None:
    found = shutil.which(name, path=SYSTEM_PATH) or shutil.which(name)
    return Path(found) if found else None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

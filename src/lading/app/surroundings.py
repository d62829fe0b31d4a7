"""The machine and its user, as clients care for them: where what is configured lies.

The places are those of docker, podman and containerd; nothing here opens a file.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

from lading.client.connections.transport import Proxies
from lading.client.logins.keyring import Place


class Surroundings(NamedTuple):
    """Variables, the user's home, and where the system keeps what is configured for all."""

    environment: Mapping[str, str]
    home: Path
    system: Path = Path("/etc")
    run: Path = Path("/run")

    @classmethod
    def here(cls) -> Self:
        """Those of this process."""
        environment = dict(os.environ)  # noqa: TID251 - this is the place where it is read
        return cls(environment=environment, home=Path(os.path.expanduser("~")))  # noqa: PTH111 - never fails

    @property
    def registries_files(self) -> tuple[Path, ...]:
        """The files of ``registries.conf``, of which later ones go before earlier ones."""
        said = self.environment.get("CONTAINERS_REGISTRIES_CONF")
        own = self._config / "containers/registries.conf"
        everybodys = self.system / "containers/registries.conf"
        first = Path(said) if said else own if own.is_file() else everybodys
        folders = (self.system / "containers", self._config / "containers")
        more = (sorted((each / "registries.conf.d").glob("*.conf")) for each in folders)
        return (first, *(path for paths in more for path in paths))

    @property
    def hosts_folders(self) -> tuple[Path, ...]:
        """Where containerd, nerdctl and docker look for ``HOST/hosts.toml``."""
        return (
            self._config / "containerd/certs.d",
            self._config / "docker/certs.d",
            self.system / "containerd/certs.d",
            self.system / "docker/certs.d",
        )

    @property
    def certificate_folders(self) -> tuple[Path, ...]:
        """Where podman and docker look for ``HOST:PORT/*.crt``."""
        return (
            self._config / "containers/certs.d",
            self._config / "docker/certs.d",
            self.system / "containers/certs.d",
            self.system / "docker/certs.d",
        )

    @property
    def places(self) -> tuple[Place, ...]:
        """Where logins are looked for, in order."""
        found = []
        if text := self.environment.get("DOCKER_AUTH_CONFIG"):
            found.append(Place(text=text, said_by="DOCKER_AUTH_CONFIG"))
        if said := self.environment.get("REGISTRY_AUTH_FILE"):
            found.append(Place(Path(said), said_by="REGISTRY_AUTH_FILE"))
        return (
            *found,
            Place(self._runtime / "auth.json"),
            Place(self._config / "containers/auth.json"),
            Place(self._docker / "config.json"),
            Place(self.home / ".dockercfg", legacy=True),
        )

    @property
    def login_file(self) -> Path:
        """Where a login is kept that none of the places has yet."""
        said = self.environment.get("REGISTRY_AUTH_FILE")
        return Path(said) if said else self._docker / "config.json"

    @property
    def proxies(self) -> Proxies:
        """The proxies that the usual variables name, in small letters or capitals."""
        for_all = self._either("ALL_PROXY")
        return Proxies(
            http=self._either("HTTP_PROXY") or for_all,
            https=self._either("HTTPS_PROXY") or for_all,
            no_proxy=tuple(
                filter(None, map(str.strip, (self._either("NO_PROXY") or "").split(",")))
            ),
        )

    @property
    def _config(self) -> Path:
        said = self.environment.get("XDG_CONFIG_HOME")
        return Path(said) if said else self.home / ".config"

    @property
    def _runtime(self) -> Path:
        said = self.environment.get("XDG_RUNTIME_DIR")
        return Path(said) / "containers" if said else self.run / f"containers/{os.getuid()}"

    @property
    def _docker(self) -> Path:
        said = self.environment.get("DOCKER_CONFIG")
        return Path(said) if said else self.home / ".docker"

    def _either(self, name: str) -> str | None:
        return self.environment.get(name.lower()) or self.environment.get(name) or None

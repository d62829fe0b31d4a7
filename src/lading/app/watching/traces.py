"""Whether traces are sent, and where to; decided before anything of OpenTelemetry is loaded."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lading.app.config.watching import TracingConfig
from lading.errors import ConfigInvalid

_PLACES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_NEEDED = {"otlp": "opentelemetry.exporter.otlp.proto.http", "console": "opentelemetry.sdk"}


@dataclass(frozen=True, slots=True)
class Exporter:
    """Where traces go: ``otlp`` to *endpoint* (empty: where the variables say), or ``console``."""

    kind: str
    endpoint: str
    service: str


def exporter(config: TracingConfig, environment: Mapping[str, str]) -> Exporter | None:
    """What *config* and the variables of OpenTelemetry ask for, or ``None``.

    Nothing is sent until somebody says where to: that a collector listens on this machine is not
    taken for granted.

    Raises:
        ConfigInvalid: there is no such exporter here, or its packages are missing.
    """
    kind = environment.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    if kind == "none" or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if kind not in _NEEDED:
        raise ConfigInvalid(f"OTEL_TRACES_EXPORTER: {kind!r} is none of otlp, console and none")
    if kind == "otlp" and not (config.endpoint or any(map(environment.get, _PLACES))):
        return None
    if not _is_there(_NEEDED[kind]):
        raise ConfigInvalid(
            "tracing.endpoint: traces need packages that are not installed; "
            "install lading with its extra tracing"
        )
    service = environment.get("OTEL_SERVICE_NAME") or config.service
    return Exporter(kind, _traces_url(config.endpoint), service)


def _traces_url(endpoint: str) -> str:
    # As for the variable without TRACES in its name: it is where all signals go.
    bare = endpoint and urlsplit(endpoint).path in {"", "/"}
    return endpoint.rstrip("/") + "/v1/traces" if bare else endpoint


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False

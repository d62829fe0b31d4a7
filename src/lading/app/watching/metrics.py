"""Every metric there is, in one table: its name, what it counts, and the values of its labels.

Those that begin with ``registry_`` are Distribution's, with its labels and buckets, as far as they
mean something here; ``lading_`` are our own. The values of all labels are known beforehand, so that
every series has its place in memory before the first request comes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from lading.wire.routes import Route
from lading.wire.statuses import PHRASES


class Kind(StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"
    """Only grows, also when a worker dies."""
    GAUGE = "gauge"
    """Goes up and down; a worker that dies takes its share along."""
    HISTOGRAM = "histogram"
    """Counts values by size, and sums them up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric.

    ``labels`` are all values of each label. ``asked`` says that it is found out when somebody asks
    for the metrics, instead of being kept by the workers; ``always``, that it is shown before
    anything was counted.
    """

    name: str
    kind: Kind
    doc: str
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    buckets: Sequence[float] = ()
    asked: bool = False
    always: bool = False

    @property
    def cells(self) -> int:
        """How many numbers one series takes: a value, or one for each bucket and the sum."""
        return len(self.buckets) + 2 if self.kind is Kind.HISTOGRAM else 1

    @property
    def series(self) -> int:
        """How many series there are."""
        return math.prod(len(values) for values in self.labels.values())

    def among(self, **labels: Sequence[str]) -> Self:
        """The same metric with other values of some labels."""
        return replace(self, labels={**self.labels, **labels})


_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_REQUEST_SECONDS = (*_SECONDS, 25.0, 60.0)
_COMMIT_SECONDS = (0.0005, 0.001, 0.0025, *_SECONDS)
_BYTES = tuple(float(1024 << power) for power in range(22))

HANDLERS: Mapping[Route, str] = {
    Route.SUPPORT: "base",
    Route.CATALOG: "catalog",
    Route.TAGS: "tags",
    Route.MANIFEST: "manifest",
    Route.BLOB: "blob",
    Route.UPLOADS: "blob_upload",
    Route.UPLOAD: "blob_upload_chunk",
    Route.REFERRERS: "referrers",
    Route.EXTENSIONS: "extension",
    Route.REPOSITORY_EXTENSIONS: "extension",
    Route.REPOSITORY: "extension",
}
"""What Distribution calls what answers a route; those that it does not have come last."""

METHODS = ("get", "head", "put", "post", "patch", "delete", "options", "connect", "trace")
OTHER_METHOD = "unknown"

_handlers = tuple(dict.fromkeys(HANDLERS.values()))
_methods = (*METHODS, OTHER_METHOD)
_codes = tuple(map(str, PHRASES))
_statuses = tuple(f"{status} {phrase}" for status, phrase in PHRASES.items())

IN_FLIGHT = Metric(
    name="registry_http_in_flight_requests",
    kind=Kind.GAUGE,
    doc="The in-flight HTTP requests",
    labels={"handler": _handlers},
    always=True,
)
REQUESTS = Metric(
    name="registry_http_requests_total",
    kind=Kind.COUNTER,
    doc="Total number of HTTP requests made.",
    labels={"code": _codes, "handler": _handlers, "method": _methods},
)
DURATION = Metric(
    name="registry_http_request_duration_seconds",
    kind=Kind.HISTOGRAM,
    doc="The HTTP request latencies in seconds: until the answer is ready to be sent.",
    labels={"handler": _handlers, "method": _methods},
    buckets=_REQUEST_SECONDS,
)
REQUEST_SIZE = Metric(
    name="registry_http_request_size_bytes",
    kind=Kind.HISTOGRAM,
    doc="The HTTP request sizes in bytes: of the head, and of the body if it was announced.",
    labels={"handler": _handlers},
    buckets=_BYTES,
)
RESPONSE_SIZE = Metric(
    name="registry_http_response_size_bytes",
    kind=Kind.HISTOGRAM,
    doc="The HTTP response sizes in bytes: of the body.",
    labels={"handler": _handlers},
    buckets=_BYTES,
)
STORAGE = Metric(
    name="registry_storage_action_seconds",
    kind=Kind.HISTOGRAM,
    doc="The number of seconds that the storage action takes",
    labels={
        "driver": ("filesystem", "inmemory"),
        "action": ("GetContent", "PutContent", "Stat", "Delete"),
    },
    buckets=_SECONDS,
)
NOTICES = Metric(
    name="registry_notifications_events_total",
    kind=Kind.COUNTER,
    doc="The number of total events",
    labels={"type": ("Events", "Successes", "Failures", "Errors"), "endpoint": ()},
)
NOTICES_PENDING = Metric(
    name="registry_notifications_pending_total",
    kind=Kind.GAUGE,
    doc="The gauge of pending events in queue",
    labels={"endpoint": ()},
    always=True,
)
NOTICES_STATUS = Metric(
    name="registry_notifications_status_total",
    kind=Kind.COUNTER,
    doc="The number of status code",
    labels={"code": _statuses, "endpoint": ()},
)
NOTICES_LOST = Metric(
    name="lading_notifications_lost_total",
    kind=Kind.COUNTER,
    doc="Events that an endpoint was never told: too old, skipped, or pulls that found no room.",
    labels={"endpoint": ()},
    always=True,
)
COMMITS = Metric(
    name="lading_database_commit_seconds",
    kind=Kind.HISTOGRAM,
    doc="How long a durable transaction of the database took, without the wait for others.",
    buckets=_COMMIT_SECONDS,
    always=True,
)
SYNCS = Metric(
    name="lading_disk_sync_seconds",
    kind=Kind.HISTOGRAM,
    doc="How long the disk took to make a blob or a directory durable.",
    buckets=_COMMIT_SECONDS,
    always=True,
)
COLLECTIONS = Metric(
    name="lading_collections_total",
    kind=Kind.COUNTER,
    doc="Rounds of background work that took something away.",
    always=True,
)
COLLECTED = Metric(
    name="lading_collected_total",
    kind=Kind.COUNTER,
    doc="What background work took away.",
    labels={"what": ("manifests", "links", "blobs", "waste", "uploads")},
    always=True,
)
COLLECTED_BYTES = Metric(
    name="lading_collected_bytes_total",
    kind=Kind.COUNTER,
    doc="Bytes that background work freed.",
    always=True,
)
UNDELETABLE = Metric(
    name="lading_collection_failures_total",
    kind=Kind.COUNTER,
    doc="Blobs whose bytes could not be deleted; they are tried again.",
    always=True,
)
STARTS = Metric(
    name="lading_worker_starts_total",
    kind=Kind.COUNTER,
    doc="Workers that were started, the first ones included.",
    always=True,
)
RESTARTS = Metric(
    name="lading_worker_restarts_total",
    kind=Kind.COUNTER,
    doc="Workers that were started since another had died.",
    asked=True,
)
WORKERS = Metric(
    name="lading_workers",
    kind=Kind.GAUGE,
    doc="Workers that live.",
    asked=True,
)
CONNECTIONS = Metric(
    name="lading_connections",
    kind=Kind.GAUGE,
    doc="Connections that are open; may lag by a second.",
    asked=True,
)
UPLOADS = Metric(
    name="lading_uploads_open",
    kind=Kind.GAUGE,
    doc="Uploads that were begun and neither finished nor given up; may lag by a second.",
    asked=True,
)
HEALTHY = Metric(
    name="lading_healthy",
    kind=Kind.GAUGE,
    doc="1 while no check of health fails, else 0.",
    asked=True,
)
BUILD = Metric(
    name="lading_build_info",
    kind=Kind.GAUGE,
    doc="Always 1; the label tells the version.",
    labels={"version": ()},
    asked=True,
)
CPU = Metric(
    name="process_cpu_seconds_total",
    kind=Kind.COUNTER,
    doc="CPU time of all processes of the server, dead ones included.",
    asked=True,
)
MEMORY = Metric(
    name="process_resident_memory_bytes",
    kind=Kind.GAUGE,
    doc="Resident memory of all processes; what they share is counted for each.",
    asked=True,
)
OPEN_FILES = Metric(
    name="process_open_fds",
    kind=Kind.GAUGE,
    doc="Open descriptors of all processes.",
    asked=True,
)
MOST_FILES = Metric(
    name="process_max_fds",
    kind=Kind.GAUGE,
    doc="How many descriptors each process may open.",
    asked=True,
)
BORN = Metric(
    name="process_start_time_seconds",
    kind=Kind.GAUGE,
    doc="When the server was started, in seconds since 1970.",
    asked=True,
)

TABLE: Sequence[Metric] = (
    IN_FLIGHT,
    REQUESTS,
    DURATION,
    REQUEST_SIZE,
    RESPONSE_SIZE,
    STORAGE,
    NOTICES,
    NOTICES_PENDING,
    NOTICES_STATUS,
    NOTICES_LOST,
    COMMITS,
    SYNCS,
    COLLECTIONS,
    COLLECTED,
    COLLECTED_BYTES,
    UNDELETABLE,
    UPLOADS,
    CONNECTIONS,
    WORKERS,
    STARTS,
    RESTARTS,
    HEALTHY,
    BUILD,
    CPU,
    MEMORY,
    OPEN_FILES,
    MOST_FILES,
    BORN,
)
"""Every metric, in the order in which they are explained."""


def table(endpoints: Sequence[str]) -> Sequence[Metric]:
    """`TABLE` for a server that tells *endpoints* what happens."""
    return [each.among(endpoint=endpoints) if "endpoint" in each.labels else each for each in TABLE]

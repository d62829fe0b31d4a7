"""Whether traces are sent, and what is in them, told by a collector of the tests' own."""

import gzip
import http.server
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from lading.app.config.tree import Config
from lading.app.config.watching import TracingConfig
from lading.app.directory import prepare
from lading.app.stores import open_stores
from lading.app.watching import around, traces
from lading.app.watching.station import Watched
from lading.app.watching.telemetry import traced_requests, traced_stores
from lading.app.watching.traces import Exporter, exporter
from lading.app.wiring import running
from lading.bodies import Bytes
from lading.errors import ConfigInvalid
from lading.oci.digest import Digest
from lading.wire.message import Headers, Request, Response
from lading.wire.routes import match
from tests.peers.threads import at_work

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Collector(http.server.ThreadingHTTPServer):
    """Takes spans by OTLP over HTTP; keeps them, and who sent them."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        super().__init__(("127.0.0.1", 0), _Export)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Export(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Keep what is sent."""
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/v1/traces"
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.services |= {
                each.value.string_value
                for each in group.resource.attributes
                if each.key == "service.name"
            }
            for scope in group.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that runs."""
    server = Collector()
    with at_work(server):
        yield server


@pytest.mark.parametrize(
    ("endpoint", "environment", "found"),
    [
        ("", {}, None),
        ("", {"OTEL_TRACES_EXPORTER": "otlp"}, None),
        ("http://c:4318", {}, Exporter("otlp", "http://c:4318/v1/traces", "lading")),
        ("http://c/x", {}, Exporter("otlp", "http://c/x", "lading")),
        ("http://c", {"OTEL_TRACES_EXPORTER": "none"}, None),
        ("http://c", {"OTEL_SDK_DISABLED": "true"}, None),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, Exporter("otlp", "", "lading")),
        ("", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"}, Exporter("otlp", "", "lading")),
        (
            "",
            {"OTEL_TRACES_EXPORTER": "console", "OTEL_SERVICE_NAME": "reg"},
            Exporter("console", "", "reg"),
        ),
    ],
)
def test_traces_are_sent_when_somebody_says_where_to(
    endpoint: str, environment: Mapping[str, str], found: Exporter | None
) -> None:
    """Not by themselves to this machine, where nobody may listen."""
    assert exporter(TracingConfig(endpoint=endpoint), environment) == found


def test_unknown_exporter_is_refused() -> None:
    """Silence would be taken for traces that are sent."""
    with pytest.raises(ConfigInvalid, match="'zipkin' is none of"):
        exporter(TracingConfig(), {"OTEL_TRACES_EXPORTER": "zipkin"})


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is told at the start, and nothing is loaded for it."""
    monkeypatch.setitem(traces._NEEDED, "otlp", "no_such_package.inside")

    with pytest.raises(ConfigInvalid, match="install lading with its extra tracing"):
        exporter(TracingConfig(endpoint="http://c"), {})


@pytest.mark.enable_socket
async def test_request_is_a_span_in_the_trace_of_whoever_asked(collector: Collector) -> None:
    """The span says route, repository and status, and nothing secret."""

    async def answer(request: Request) -> Response:
        request.place = match(request.path)
        return Response(503)

    fields = Headers(
        [
            (b"traceparent", f"00-{TRACE}-{PARENT}-01".encode()),
            (b"authorization", b"Bearer hush"),
        ]
    )
    request = Request("GET", "/v2/a/manifests/v1", "_state=hush", fields, id="i-1")

    async with traced_requests(
        answer, Exporter("otlp", f"{collector.url}/v1/traces", "reg")
    ) as handler:
        await handler(request)

    [span] = collector.spans
    told = {each.key: each.value for each in span.attributes}
    assert collector.services == {"reg"}
    assert span.name == "GET /v2/{name}/manifests/{last}"
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert told["http.response.status_code"].int_value == 503
    assert told["oci.repository.name"].string_value == "a"
    assert "hush" not in str(span)


@pytest.mark.enable_socket
async def test_request_without_a_trace_begins_one(collector: Collector) -> None:
    """What leads nowhere has no route, and its method for a name."""

    async def answer(_request: Request) -> Response:
        return Response(404)

    async with traced_requests(
        answer, Exporter("otlp", f"{collector.url}/v1/traces", "reg")
    ) as handler:
        await handler(Request("GET", "/nowhere"))

    [span] = collector.spans
    assert span.name == "GET"
    assert span.parent_span_id == b""


@pytest.mark.enable_socket
async def test_work_of_the_stores_is_told_within_its_request(
    collector: Collector, tmp_path: Path
) -> None:
    """What took the time is seen; that something is not there is an answer, and no failure."""
    config = Config(root=tmp_path, tracing=TracingConfig(endpoint=collector.url))
    prepare(tmp_path)
    data = b"some content"
    path = f"/v2/team/app/blobs/{Digest.of(data)}"

    async with running(config) as handle:
        await handle(
            Request(
                "POST",
                "/v2/team/app/blobs/uploads/",
                f"digest={Digest.of(data)}",
                body=Bytes(data),
            )
        )
        assert (await handle(Request("HEAD", path))).status == 200
        assert (await handle(Request("GET", "/v2/team/app/manifests/v1"))).status == 404

    requests = {span.span_id: span for span in collector.spans if not span.parent_span_id}
    calls = [span for span in collector.spans if span.parent_span_id]
    told = {(requests[call.parent_span_id].name.split()[0], call.name) for call in calls}
    assert {
        ("POST", "blobs.create"),
        ("HEAD", "metadata.get_blob"),
        ("GET", "metadata.get_manifest"),
    } <= told
    assert {requests[call.parent_span_id].trace_id for call in calls} == {
        call.trace_id for call in calls
    }
    missing = next(call for call in calls if call.name == "metadata.get_manifest")
    assert missing.status.code == Status.STATUS_CODE_UNSET
    assert [each.value.string_value for each in missing.attributes] == ["ManifestUnknown"]
    assert missing.events == []


async def test_stores_are_left_as_they_are_where_nothing_is_traced(tmp_path: Path) -> None:
    """Traces that nobody wants cost nothing."""
    prepare(tmp_path)
    config = Config(root=tmp_path)
    async with open_stores(tmp_path) as stores:
        assert around.traced(stores, Watched(config, 1).at(0)) is stores


@pytest.mark.enable_socket
async def test_work_without_a_request_is_no_span(collector: Collector, tmp_path: Path) -> None:
    """What goes on by itself, several times a second, would drown everything else."""
    prepare(tmp_path)
    exporting = Exporter("otlp", f"{collector.url}/v1/traces", "reg")

    async def answer(_request: Request) -> Response:
        raise AssertionError

    async with open_stores(tmp_path) as stores, traced_requests(answer, exporting):
        found = await traced_stores(stores).metadata.list_repositories(after=None, limit=1)

    assert found.items == []
    assert collector.spans == []

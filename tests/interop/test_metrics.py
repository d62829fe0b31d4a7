"""What two registries tell Prometheus of the same requests, from the same configuration file."""

import contextlib
import http.client
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.faults.running import eventually
from tests.peers.programs import program
from tests.peers.scraping import Sample, grown, sample, scrape
from tests.peers.servers import Server, free_port

CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}
http:
  addr: 127.0.0.1:{port}
  secret: not-a-secret
  debug: {{addr: "127.0.0.1:{second}", prometheus: {{enabled: true, path: /figures}}}}
"""

REQUESTS = "registry_http_requests_total"
HELLO = b"hello"
DIGEST = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
PATHS = [
    ("GET", "/v2/", "base"),
    ("GET", "/v2/_catalog", "catalog"),
    ("GET", "/v2/nothing/tags/list", "tags"),
    ("GET", "/v2/a/manifests/latest", "manifest"),
    ("HEAD", "/v2/a/manifests/latest", "manifest"),
    ("GET", f"/v2/a/blobs/{DIGEST}", "blob"),
    ("HEAD", f"/v2/a/blobs/{DIGEST}", "blob"),
    ("DELETE", "/v2/a/manifests/sha256:" + 64 * "0", "manifest"),
    ("PATCH", "/v2/a/tags/list", "tags"),
    ("GET", "/", ""),
    ("GET", "/nowhere", ""),
]


@pytest.fixture(params=["distribution", "lading"])
def watched(request: pytest.FixtureRequest, workspace: Path) -> Iterator[tuple[Server, str]]:
    """Each of both, and the URL of its metrics."""
    port, second = free_port(), free_port()
    folder = workspace / f"metrics-{port}"
    folder.mkdir()
    file = folder / "config.yml"
    file.write_text(CONFIG.format(root=folder / "data", port=port, second=second))
    own = str(Path(sys.executable).parent / "lading")
    command = own if request.param == "lading" else str(program("registry"))
    server = Server(
        request.param,
        [command, "serve", str(file)],
        f"127.0.0.1:{port}",
        folder / "server.log",
        "/v2/",
        {"OTEL_TRACES_EXPORTER": "none"},
    )
    with server:
        yield server, f"http://127.0.0.1:{second}"


def _asked(server: Server, method: str, path: str, body: bytes = b"") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, path, body or None)
        answer = connection.getresponse()
        answer.read()
        return answer


def _ask_all(server: Server) -> Counter[Sample]:
    expected: Counter[Sample] = Counter()

    def ask(method: str, path: str, handler: str, body: bytes = b"") -> http.client.HTTPResponse:
        answer = _asked(server, method, path, body)
        if handler:
            labels = {"code": str(answer.status), "handler": handler, "method": method.lower()}
            expected[sample(REQUESTS, **labels)] += 1
        return answer

    location = ask("POST", "/v2/a/blobs/uploads/", "blob_upload").headers["Location"]
    path = location.removeprefix(server.url)
    ask("PUT", f"{path}{'&' if '?' in path else '?'}digest={DIGEST}", "blob_upload_chunk", HELLO)
    for _ in range(3):
        for method, target, handler in PATHS:
            ask(method, target, handler)
    return expected


def _of(figures: Mapping[Sample, float], name: str) -> Mapping[Sample, float]:
    return {key: value for key, value in figures.items() if key[0] == name}


def test_both_count_what_a_client_counts(watched: tuple[Server, str]) -> None:
    """Exactly, by status, handler and method; and dashboards find what they look for."""
    server, second = watched
    before = scrape(f"{second}/figures")

    expected = _ask_all(server)

    # Distribution counts when it has sent its answer, which may be read before that.
    eventually(lambda: _of(grown(before, scrape(f"{second}/figures")), REQUESTS) == expected)
    after = scrape(f"{second}/figures")
    more = grown(before, after)
    for name in ("registry_http_request_size_bytes", "registry_http_response_size_bytes"):
        assert sum(_of(more, f"{name}_count").values()) == expected.total()
    sent = more[sample("registry_http_response_size_bytes_sum", handler="blob")]
    assert sent == 3 * len(HELLO)
    bounds = {
        dict(labels)["le"]
        for name, labels in after
        if name == "registry_http_request_duration_seconds_bucket"
    }
    assert {"0.005", "10", "60"} <= {bound.removesuffix(".0") for bound in bounds}
    assert "registry_storage_action_seconds_count" in {name for name, _ in after}


def test_both_tell_their_health_at_the_second_address(watched: tuple[Server, str]) -> None:
    """An empty object, as JSON."""
    _, second = watched

    with urllib.request.urlopen(f"{second}/debug/health", timeout=30) as answer:
        told = answer.read(), answer.headers.get_content_type()

    assert told == (b"{}", "application/json")

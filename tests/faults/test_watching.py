"""What a running server tells about itself: metrics, health, logs, whatever becomes of workers."""

import contextlib
import http.client
import json
import os
import signal
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from lading.app.watching.metrics import TABLE
from tests.faults.running import LADING, Answer, Server, eventually, gone
from tests.peers.mail import MailServer
from tests.peers.scraping import Sample, grown, sample, scrape
from tests.peers.servers import Server as Program
from tests.peers.servers import free_port
from tests.peers.threads import at_work


class Watched(Server):
    """A server with several workers and a second address, where metrics are."""

    def __init__(self, root: Path, **settings: str) -> None:
        self.second = f"http://127.0.0.1:{free_port()}"
        super().__init__(
            root,
            "--workers",
            "3",
            settings={
                "DEBUG__LISTEN": self.second.removeprefix("http://"),
                "DEBUG__METRICS": "true",
                **settings,
            },
        )

    def answer(self, path: str) -> Answer:
        """GET *path* over a connection of its own."""
        with self.client() as client:
            return client("GET", path)

    def lose_worker(self) -> None:
        """Kill the oldest worker, and wait for the one that takes its place."""
        before = self.workers
        os.kill(before[0], signal.SIGKILL)
        eventually(lambda: gone(before[0]) and len(set(self.workers) - {before[0]}) == 3)

    def ask(self, path: str) -> tuple[int, bytes]:
        """GET *path* of the second address."""
        try:
            with urllib.request.urlopen(self.second + path, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


REQUESTS = [
    ("GET", "/v2/", "base"),
    ("GET", "/v2/_catalog", "catalog"),
    ("GET", "/v2/a/tags/list", "tags"),
    ("HEAD", "/v2/a/manifests/latest", "manifest"),
    ("GET", "/v2/a/blobs/sha256:" + 64 * "0", "blob"),
    ("POST", "/v2/a/blobs/uploads/", "blob_upload"),
    ("DELETE", "/v2/a/blobs/uploads/none", "blob_upload_chunk"),
    ("PROPFIND", "/v2/", "base"),
    ("GET", "/", ""),
    ("GET", "/nowhere", ""),
]


def ask_all(port: int, expected: Counter[Sample]) -> None:
    """Send each of `REQUESTS` over a connection of its own, and count what comes back."""
    for method, path, handler in REQUESTS:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            answer.read()
        if handler:
            label = "unknown" if method == "PROPFIND" else method.lower()
            name = "registry_http_requests_total"
            expected[sample(name, code=str(answer.status), handler=handler, method=label)] += 1


def test_server_counts_what_its_clients_count(tmp_path: Path) -> None:
    """Over several workers, also when they die in between; so rates never lie."""
    expected: Counter[Sample] = Counter()
    with Watched(tmp_path / "root") as server:
        before = scrape(server.second + "/metrics")

        for _ in range(4):
            for _ in range(5):
                ask_all(server.port, expected)
            server.lose_worker()

        restarts = sample("lading_worker_restarts_total")
        eventually(lambda: scrape(server.second + "/metrics")[restarts] == 4)
        after = scrape(server.second + "/metrics")

    requests = {
        key: value
        for key, value in grown(before, after).items()
        if key[0] == "registry_http_requests_total"
    }
    assert requests == expected
    durations = [
        value
        for (name, _), value in grown(before, after).items()
        if name == "registry_http_request_duration_seconds_count"
    ]
    assert sum(durations) == expected.total()
    assert after[sample("lading_uploads_open")] == 20


def test_every_worker_is_out_of_service_while_a_check_fails(tmp_path: Path) -> None:
    """All of them know at once; the second address goes on, and tells why."""
    down = tmp_path / "down"
    checks = json.dumps([{"file": str(down), "interval": "50ms"}])
    with Watched(tmp_path / "root", HEALTH__FILES=checks) as server:
        assert server.ask("/debug/health") == (200, b"{}")

        down.touch()
        eventually(lambda: server.ask("/debug/health")[0] == 503)
        refused = [server.answer("/v2/") for _ in range(12)]
        alive = server.answer("/healthz")
        told = server.ask("/debug/health")
        figure = scrape(server.second + "/metrics")[sample("lading_healthy")]
        down.unlink()
        eventually(lambda: server.ask("/debug/health") == (200, b"{}"))
        again = [server.answer("/v2/").status for _ in range(12)]

    assert {(answer.status, answer.code) for answer in refused} == {(503, "UNAVAILABLE")}
    assert alive.status == 200
    assert json.loads(told[1]) == {str(down): "file exists"}
    assert figure == 0
    assert again == [200] * 12


def test_health_outlives_the_worker_that_looks_after_it(tmp_path: Path) -> None:
    """Another takes its place; in between, what was found holds."""
    down = tmp_path / "down"
    down.touch()
    checks = json.dumps([{"file": str(down), "interval": "50ms"}])
    with Watched(tmp_path / "root", HEALTH__FILES=checks) as server:
        eventually(lambda: server.ask("/debug/health")[0] == 503)
        for _ in range(3):
            server.lose_worker()
        assert server.answer("/v2/").status == 503

        down.unlink()

        eventually(lambda: server.answer("/v2/").status == 200)


def test_second_address_tells_no_secrets(tmp_path: Path) -> None:
    """What it tells is for operators, and operators have colleagues."""
    hook = {"smtp": "127.0.0.1:1", "password": "hush", "username": "u"}
    with Watched(tmp_path / "root", LOG__HOOKS=json.dumps([hook])) as server:
        status, told = server.ask("/debug/vars")

    assert status == 200
    assert b"hush" not in told
    assert len(json.loads(told)["workers"]) == 3


@pytest.mark.parametrize("path", ["/debug/pprof/", "/v2/", "/"])
def test_second_address_is_no_registry(tmp_path: Path, path: str) -> None:
    """Only what it is for."""
    with Watched(tmp_path / "root") as server:
        assert server.ask(path)[0] == 404


def test_where_the_second_address_is_stands_in_the_start_line(tmp_path: Path) -> None:
    """Whoever looks for it finds it in the log."""
    with Watched(tmp_path / "root") as server:
        [told] = server.said("serving")

    assert told["debug"] == server.second


def test_start_is_told_in_the_words_of_the_file(tmp_path: Path) -> None:
    """Who has a file of Distribution's may have a script that waits for a line of its log."""
    file, log = tmp_path / "config.yml", tmp_path / "log"
    here, second = (f"127.0.0.1:{free_port()}" for _ in range(2))
    file.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path / 'data'}}}}}\n"
        f"http: {{addr: '{here}', debug: {{addr: '{second}', prometheus: {{enabled: true}}}}}}\n"
    )
    lines = (
        "providing prometheus metrics on /metrics",
        f"listening on {here}",
        f"debug server listening {second}",
    )

    with Program("Lading", [LADING, "serve", str(file)], here, log, "/"):
        told = [f'level=info msg="{each}" ' for each in lines]
        eventually(lambda: all(each in log.read_text() for each in told))

    assert [log.read_text().count(each) for each in told] == [1, 1, 1]


def test_requests_are_told_as_events_without_secrets(tmp_path: Path) -> None:
    """On standard error, in the form of all other events."""
    with Watched(tmp_path / "root", LOG__REQUESTS="true") as server:
        with server.client() as client:
            fields = {"Authorization": "Bearer hush"}
            client("PUT", "/v2/a/blobs/uploads/x?_state=hush", b"", fields)
        eventually(lambda: bool(server.said("response completed with error")))
        [told] = server.said("response completed with error")
        log = server.log.read_text()

    assert told["http.request.uri"] == "/v2/a/blobs/uploads/x?_state=***"
    assert told["vars.uuid"] == "x"
    assert "hush" not in log


def test_every_metric_of_the_table_is_told(tmp_path: Path) -> None:
    """What dashboards and the reference name is really there."""
    with Watched(tmp_path / "root") as server:
        text = server.ask("/metrics")[1].decode()

    told = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    assert told == {metric.name for metric in TABLE}


def test_death_of_a_worker_is_told_by_mail(tmp_path: Path) -> None:
    """It is the parent who knows of it, and it has no thread that could send anything."""
    mails = MailServer()
    file = tmp_path / "hooks.yml"
    file.write_text(
        "lading: {log: {hooks: [{levels: [warn], "
        f"smtp: '{mails.address}', sender: a@example.org, recipients: [b@example.org]}}]}}}}\n"
    )
    with at_work(mails), Server(tmp_path / "data", str(file)) as server:
        os.kill(server.workers[0], signal.SIGKILL)

        eventually(lambda: bool(mails.mails))

    assert "worker died" in mails.mails[0]
    assert "cause: SIGKILL" in mails.mails[0]

"""What is looked at, and what everybody is told while something fails."""

import asyncio
import json
import logging
import os
import ssl
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lading.app.config.notices import EndpointConfig
from lading.app.config.tree import Config, built
from lading.app.config.watching import (
    FileCheckConfig,
    HealthConfig,
    HttpCheckConfig,
    StorageCheckConfig,
    TcpCheckConfig,
)
from lading.app.watching import metrics
from lading.app.watching.checks import Unwell, checks
from lading.app.watching.debug import Debug
from lading.app.watching.health import Check, Gate, Health, watch
from lading.app.watching.station import Watched
from lading.wire.challenges import basic_credentials
from lading.wire.message import Request, Response
from tests.peers.certificates import Authority

SHORT = timedelta(milliseconds=1)


async def answered(_request: Request) -> Response:
    """A handler that is content with everything."""
    return Response(200, body=b"fine")


async def looked(check: Check, health: Health, times: int) -> None:
    """Let *check* look that many *times*, and no longer."""
    done = asyncio.Event()
    left = times

    async def probe() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            done.set()
            await asyncio.Event().wait()
        await check.probe()

    counted = Check(
        name=check.name, probe=probe, interval=check.interval, threshold=check.threshold
    )
    task = asyncio.create_task(watch([counted], health))
    await asyncio.wait_for(done.wait(), 30)
    task.cancel()
    await asyncio.wait([task])


async def failing() -> None:
    """A probe that finds something wrong."""
    raise Unwell("it hurts")


async def passing() -> None:
    """A probe that finds nothing."""


async def test_one_failure_is_enough_unless_more_are_asked_for() -> None:
    """A threshold of 0 is one of 1; of 3, two failures are not told yet."""
    hasty, patient = Health(), Health()

    await looked(Check(name="x", probe=failing, interval=SHORT, threshold=0), hasty, 1)
    await looked(Check(name="x", probe=failing, interval=SHORT, threshold=3), patient, 2)

    assert hasty.failures() == {"x": "it hurts"}
    assert patient.is_well


async def test_check_that_passes_again_is_forgotten() -> None:
    """Service goes on by itself."""
    health = Health()
    health.tell("x", "it hurt")

    await looked(Check(name="x", probe=passing, interval=SHORT), health, 1)

    assert health.is_well
    assert health.failures() == {}


async def test_who_takes_over_goes_on_from_what_was_found() -> None:
    """A worker that dies does not make the server well; a check that is gone fails no more."""
    health = Health()
    health.tell("x", "it hurts")
    health.tell("old", "gone since the restart")

    task = asyncio.create_task(
        watch([Check(name="x", probe=failing, interval=timedelta(hours=1))], health)
    )
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert health.failures() == {"x": "it hurts"}


def test_all_processes_know_at_once() -> None:
    """What one finds is in memory that all of them share."""
    health = Health()

    pid = os.fork()
    if pid == 0:
        health.tell("x", "it hurts")
        os._exit(0)
    os.waitpid(pid, 0)

    assert not health.is_well
    assert health.failures() == {"x": "it hurts"}


def test_endless_failures_find_an_end() -> None:
    """There is only so much room, and what is told stays readable."""
    health = Health()

    for number in range(500):
        health.tell(f"check-{number}", "x" * 10_000)

    assert not health.is_well
    assert health.failures()["check-0"] == "x" * 512


async def test_nothing_is_answered_while_a_check_fails() -> None:
    """Except to who asks for a sign of life: a server out of service must not be restarted."""
    health = Health()
    gate = Gate(answered, health)
    health.tell("x", "it hurts")

    refused = await gate(Request("GET", "/"))
    headless = await gate(Request("HEAD", "/v2/a/manifests/b"))
    alive = await gate(Request("GET", "/healthz"))
    health.tell("x", None)
    again = await gate(Request("GET", "/"))

    assert isinstance(refused.body, bytes)
    assert refused.status == 503
    assert json.loads(refused.body) == {
        "errors": [
            {
                "code": "UNAVAILABLE",
                "message": "service unavailable",
                "detail": "health check failed: please see /debug/health",
            }
        ]
    }
    assert (headless.status, headless.body) == (503, b"")
    assert alive.status == again.status == 200


def made(config: HealthConfig) -> Sequence[Check]:
    """The checks of *config*, with stores that are well."""
    return checks(config, storage=passing, driver="filesystem")


def test_checks_have_the_names_that_distribution_gives_them() -> None:
    """They are what `/debug/health` answers with."""
    config = HealthConfig(
        storage=StorageCheckConfig(enabled=True),
        files=(FileCheckConfig(file="/run/down"),),
        http=(HttpCheckConfig(uri="http://127.0.0.1:1/x"),),
        tcp=(TcpCheckConfig(address="127.0.0.1:1"),),
    )

    names = [check.name for check in made(config)]

    assert names == ["storagedriver_filesystem", "/run/down", "http://127.0.0.1:1/x", "127.0.0.1:1"]
    assert made(HealthConfig()) == []


async def test_file_takes_the_server_out_of_service(tmp_path: os.PathLike[str]) -> None:
    """The check fails while it exists."""
    file = os.path.join(tmp_path, "down")  # noqa: PTH118 - as text, like in a configuration
    [check] = made(HealthConfig(files=(FileCheckConfig(file=file),)))

    await check.probe()
    with open(file, "w"):  # noqa: PTH123 - as above
        pass

    with pytest.raises(Unwell, match="file exists"):
        await check.probe()


async def serving(
    status: bytes, sealed: ssl.SSLContext | None = None
) -> tuple[asyncio.Server, int, list[bytes]]:
    """A server that answers everything by *status*, and what it was asked."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
        except asyncio.IncompleteReadError:
            asked.append(b"")
        writer.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=sealed)
    return server, server.sockets[0].getsockname()[1], asked


@pytest.mark.enable_socket
async def test_url_is_asked_by_head_and_has_to_answer_as_expected() -> None:
    """Any other status is a failure, also a good one."""
    server, port, asked = await serving(b"204 No Content")
    uri = f"http://127.0.0.1:{port}/up"
    well = HttpCheckConfig(uri=uri, status=204, headers={"X-Why": ("health", "ch\u011bck")})
    config = HealthConfig(http=(well, HttpCheckConfig(uri=uri)))
    good, bad = made(config)

    await good.probe()
    with pytest.raises(Unwell, match="unexpected status: 204"):
        await bad.probe()
    server.close()
    with pytest.raises(Unwell, match="error while checking"):
        await good.probe()

    assert asked[0].startswith(b"HEAD /up HTTP/1.1\r\n")
    assert "X-Why: health, ch\u011bck\r\n".encode() in asked[0]


@pytest.mark.enable_socket
async def test_authority_that_names_no_key_usage_can_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many a private one does not, and the same URL is well for one Python as for another."""
    authority = Authority(tmp_path)
    sealed = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    sealed.load_cert_chain(*authority.pair("server"))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    server, port, asked = await serving(b"200 OK", sealed)
    [check] = made(HealthConfig(http=(HttpCheckConfig(uri=f"https://localhost:{port}/up"),)))

    await check.probe()
    server.close()

    assert asked[0].startswith(b"HEAD /up HTTP/1.1\r\n")


def test_checks_that_look_alike_are_told_apart() -> None:
    """One of them that passes says nothing of the other."""
    config = HealthConfig(http=tuple(HttpCheckConfig(uri=f"http://a/?{n}") for n in range(2)))

    assert [check.name for check in made(config)] == ["http://a/", "http://a/ (2)"]


@pytest.mark.enable_socket
async def test_what_opens_a_url_is_used_and_not_shown() -> None:
    """A check is named by its URL, in the log and to whoever asks for the health."""
    server, port, asked = await serving(b"204 No Content")
    login = HttpCheckConfig(uri=f"http://me:s%40cret@127.0.0.1:{port}/up?token=s3cret")
    [check] = made(HealthConfig(http=(login,)))

    with pytest.raises(Unwell, match="unexpected status: 204"):
        await check.probe()
    server.close()
    with pytest.raises(Unwell) as caught:
        await check.probe()

    assert asked[0].startswith(b"HEAD /up?token=s3cret HTTP/1.1\r\n")
    assert basic_credentials("me", "s@cret").encode() in asked[0]
    assert check.name == f"http://127.0.0.1:{port}/up"
    assert "cret" not in str(caught.value)


@pytest.mark.enable_socket
async def test_address_has_to_take_connections() -> None:
    """Nothing is said there."""
    server, port, _ = await serving(b"200 OK")
    [check] = made(HealthConfig(tcp=(TcpCheckConfig(address=f"127.0.0.1:{port}"),)))

    await check.probe()
    server.close()
    await server.wait_closed()

    with pytest.raises(Unwell, match=r"connection to .* failed"):
        await check.probe()


async def debug(config: Config, *failures: tuple[str, str]) -> Debug:
    """The second address of a server in which *failures* were found."""
    shared = Watched(config, 1)
    for failure in failures:
        shared.health.tell(*failure)
    return Debug(config.debug, shared.at(0))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/debug/health", 503),
        ("HEAD", "/debug/health", 503),
        ("POST", "/debug/health", 404),
        ("GET", "/debug/vars", 200),
        ("GET", "/debug/pprof/", 404),
        ("GET", "/v2/", 404),
        ("GET", "/metrics", 404),
        ("GET", "/numbers", 200),
    ],
)
async def test_second_address_answers_whatever_the_health(
    method: str, path: str, status: int
) -> None:
    """Operators have to see what fails; nothing else is there."""
    config = built({"debug.metrics": True, "debug.metrics_path": "/numbers"})

    answer = await (await debug(config, ("x", "it hurts")))(Request(method, path))

    assert answer.status == status
    if path == "/debug/health" and method == "GET":
        assert json.loads(bytes(answer.body)) == {"x": "it hurts"}  # type: ignore[arg-type]  # bytes


async def test_what_was_counted_of_an_endpoint_stands_beside_it() -> None:
    """By the names that Distribution has for it there."""
    endpoints = tuple(EndpointConfig(name=name, url="http://a") for name in ("a", "b"))
    station = Watched(built({"notifications.endpoints": endpoints}), 1).at(0)
    station.notifications = lambda: [{"name": each.name} for each in endpoints]
    station.meter.add(metrics.NOTICES, "Events", "a", by=2)
    station.meter.add(metrics.NOTICES_STATUS, "200 OK", "a")
    station.meter.set(metrics.NOTICES_PENDING, 1, "a")

    told: Any = await station.variables()

    nothing = {"Pending": 0, "Events": 0, "Successes": 0, "Failures": 0, "Errors": 0}
    assert told["registry"]["notifications"]["endpoints"] == [
        {
            "name": "a",
            "Metrics": nothing | {"Pending": 1, "Events": 2, "Statuses": {"200 OK": 1}},
        },
        {"name": "b", "Metrics": nothing | {"Statuses": {}}},
    ]


async def test_health_is_told_as_an_object() -> None:
    """Empty means well; metrics are there only if somebody wants them."""
    face = await debug(built({}))

    well = await face(Request("GET", "/debug/health"))
    hidden = await face(Request("GET", "/metrics"))

    assert (well.status, well.body) == (200, b"{}")
    assert hidden.status == 404


async def test_failure_and_recovery_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Not at every look."""
    caplog.set_level(logging.INFO)

    await looked(Check(name="x", probe=failing, interval=SHORT), Health(), 5)

    assert [record.getMessage() for record in caplog.records] == [
        "health check fails: every request is answered by 503"
    ]

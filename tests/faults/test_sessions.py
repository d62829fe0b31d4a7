"""Several clients at one thing: an upload has one writer, and what was answered is seen by all."""

import contextlib
import http.client
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.running import Answer, Server, digest, eventually

ROUNDS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two workers."""
    root: Path = tmp_path_factory.mktemp("sessions") / "data"
    with Server(root, "--workers", "2") as running:
        yield running
        assert "Traceback" not in running.log.read_text()


def at_once(
    server: Server, method: str, path: str, bodies: list[bytes], headers: dict[str, str]
) -> list[Answer]:
    """One request from each of several connections, let go at the same moment."""
    start = threading.Barrier(len(bodies))
    answers: dict[int, Answer] = {}

    def send(number: int) -> None:
        with server.client() as ask:
            assert ask("GET", "/v2/").status == 200
            start.wait()
            answers[number] = ask(method, path, bodies[number], headers)

    threads = [threading.Thread(target=send, args=(each,)) for each in range(len(bodies))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return [answers[each] for each in range(len(bodies))]


@pytest.mark.parametrize("size", [1000, 400_000])
def test_one_of_two_writers_wins_and_the_other_is_told_where_it_stands(
    server: Server, size: int
) -> None:
    """Both send the first chunk: one 202, one 416 with the current range, and the data is right."""
    with server.client() as ask:
        for _ in range(ROUNDS):
            chunks = [os.urandom(size), os.urandom(size)]
            where = ask.begin("a")

            span = {"Content-Range": f"0-{size - 1}"}
            answers = at_once(server, "PATCH", where, chunks, span)

            assert sorted(each.status for each in answers) == [202, 416], answers
            loser = next(each for each in answers if each.status == 416)
            upper = int(loser.headers["Range"].partition("-")[2])
            assert loser.headers["Range"] == f"0-{upper}"
            assert upper < size
            assert loser.headers["Location"] == where
            assert ask("GET", where).headers["Range"] == f"0-{size - 1}"
            closing = [ask("PUT", f"{where}?digest={digest(each)}").status for each in chunks]
            # The first try may name the loser's bytes, which ends the session.
            assert closing in ([201, 404], [400, 404]), closing
            if closing[0] == 201:
                assert ask("GET", f"/v2/a/blobs/{digest(chunks[0])}").body == chunks[0]
            assert ask("HEAD", f"/v2/a/blobs/{digest(chunks[1])}").status == 404


def test_one_of_two_closing_requests_wins(server: Server) -> None:
    """Both bring all the bytes: one 201; the other learns that it was late. Nothing is doubled."""
    with server.client() as ask:
        for number in range(ROUNDS):
            data = os.urandom(300_000 if number % 2 else 500)
            where = ask.begin("a")

            path = f"{where}?digest={digest(data)}"
            span = {"Content-Range": f"0-{len(data) - 1}"}
            answers = at_once(server, "PUT", path, [data, data], span)

            statuses = sorted(each.status for each in answers)
            assert statuses[0] == 201, answers
            assert statuses[1] in {404, 416}, answers
            assert ask("GET", f"/v2/a/blobs/{digest(data)}").body == data


@pytest.mark.parametrize("size", [2000, 600_000])
def test_silent_writer_yields_to_one_that_sends(server: Server, size: int) -> None:
    """A connection that hangs must not hold an upload; when it wakes up it is told, too."""
    data = os.urandom(size)
    half = size // 2
    with server.client() as silent, server.client() as ask:
        where = ask.begin("a")
        silent.connection.putrequest("PATCH", where)
        silent.connection.putheader("Content-Length", str(size))
        silent.connection.endheaders()
        silent.connection.send(data[:half])

        def stands() -> bool:
            return bool(ask("GET", where).headers["Range"] == f"0-{half - 1}")

        eventually(stands)
        answer = ask("PUT", f"{where}?digest={digest(data)}", data[half:])
        silent.connection.send(data[half:])
        late = silent.connection.getresponse()
        late.read()

        assert answer.status == 201, answer
        assert late.status in {404, 416}
        assert ask("GET", f"/v2/a/blobs/{digest(data)}").body == data


def test_many_writers_on_one_stream_lose_and_double_nothing(server: Server) -> None:
    """Eight clients append without saying where: who was told 202 is in it, and in one piece."""
    with server.client() as ask:
        for _ in range(ROUNDS // 6):
            bodies = [bytes([number]) * (70_000 + number) for number in range(8)]
            where = ask.begin("a")

            answers = at_once(server, "PATCH", where, bodies, {})

            assert 202 in {each.status for each in answers}
            assert {each.status for each in answers} <= {202, 416}
            size = int(ask("GET", where).headers["Range"].partition("-")[2]) + 1
            file = server.root / "uploads" / where.rpartition("/")[2]
            written = file.read_bytes()
            assert len(written) == size
            for answer, body in zip(answers, bodies, strict=True):
                # Of what was refused, a beginning may be there; nothing is there twice.
                assert written.count(body[:1]) <= len(body)
                assert answer.status == 416 or body in written
            assert ask("DELETE", where).status == 204


def test_push_is_seen_by_a_hundred_connections_as_soon_as_it_was_answered(server: Server) -> None:
    """A moved tag has one meaning for everybody; no connection lags behind."""
    with contextlib.ExitStack() as held:
        everybody = [held.enter_context(server.client()) for _ in range(100)]
        for each in everybody:
            assert each("GET", "/v2/").status == 200
        for number in range(8):
            ask = everybody[number * 11]
            config = b"%d" % number
            assert ask.push("b", config).status == 201
            manifest = _manifest(config)
            answer = ask("PUT", "/v2/b/manifests/latest", manifest, {"Content-Type": _IMAGE})
            assert answer.status == 201, answer

            for each in everybody:
                _request(each.connection, "/v2/b/manifests/latest")
            for each in everybody:
                assert each.connection.getresponse().read() == manifest

        assert ask("DELETE", "/v2/b/manifests/latest").status == 202
        for each in everybody:
            assert each("HEAD", "/v2/b/manifests/latest").status == 404


_IMAGE = "application/vnd.oci.image.manifest.v1+json"


def _request(connection: http.client.HTTPConnection, path: str) -> None:
    connection.request("GET", path)


def _manifest(config: bytes) -> bytes:
    return (
        b'{"schemaVersion":2,"mediaType":"%s","layers":[],"config":'
        b'{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%d}}'
        % (_IMAGE.encode(), digest(config).encode(), len(config))
    )

"""The real server is killed while it tells endpoints what happened: nothing is lost, order is kept."""

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lading.testing import samples
from tests.faults.running import PATIENCE, Server, command, digest, eventually
from tests.peers.receiver import Receiver, Told


def _settings(*receivers: Receiver, more: str = "") -> dict[str, str]:
    endpoints = ", ".join(
        f"{{name: e{number}, url: '{each.url}', timeout: 2s{more}}}"
        for number, each in enumerate(receivers)
    )
    return {"NOTIFICATIONS__ENDPOINTS": f"[{endpoints}]"}


def _first_told(events: Sequence[dict[str, Any]]) -> list[str]:
    """The content that was told of, in the order in which it was for the first time."""
    by_id = {each["id"]: each["target"]["digest"] for each in events}
    return list(by_id.values())


def test_nothing_is_lost_when_the_server_is_killed_while_it_tells(
    tmp_path: Path, kills: int
) -> None:
    """Again and again: what was pushed is told in order, and told twice only under the same id."""
    expected: list[str] = []
    with Receiver() as receiver:
        settings = _settings(receiver)
        for life in range(max(3, kills // 4)):
            with Server(tmp_path / "data", "--workers", "2", settings=settings) as server:
                with server.client() as client:
                    for number in range(40):
                        data = f"{life} {number}".encode()
                        assert client.push("team/app", data).status == 201
                        expected.append(digest(data))
                # It has told some of it by now.
                receiver.wait(len(expected) - 20)
                server.kill()
        with Server(tmp_path / "data", settings=settings):
            eventually(lambda: len(_first_told(receiver.events)) >= len(expected))

        assert _first_told(receiver.events) == expected
        ids = {(each["id"], each["target"]["digest"]) for each in receiver.events}
        assert len(ids) == len(expected)


def test_push_that_changes_nothing_is_told_in_its_place(tmp_path: Path) -> None:
    """Or whoever listens would believe that what was deleted is there; a restart loses none."""
    image = samples.image()
    name, path = str(image.manifest.digest), "/v2/team/app/manifests/"
    kind = {"Content-Type": image.manifest.media_type}
    # Nobody is told before the server is killed: what was answered is in the log by then.
    with Receiver(lambda _told: 500) as receiver:
        settings = _settings(receiver, more=", ignore_actions: [pull]") | {"DELETES": "true"}
        with Server(tmp_path / "data", settings=settings) as server, server.client() as client:
            for content in image.blobs:
                assert client.push("team/app", content).status == 201
            for reference in ("v1", name, "v1"):
                answer = client("PUT", path + reference, image.manifest.body, kind)
                assert answer.status == 201
            assert client("DELETE", path + name).status == 202
            server.kill()
        receiver.answer = lambda _told: 200
        with Server(tmp_path / "data", settings=settings):
            receiver.wait(len(image.blobs) + 5)

        _, log = command("events", "tail", "--root", str(tmp_path / "data"))
        told = [(each["action"], each["target"].get("tag")) for each in receiver.events]
        assert told[len(image.blobs) :] == [
            ("push", "v1"),
            ("push", None),
            ("push", "v1"),
            ("delete", None),
            ("delete", "v1"),
        ]
        assert len(log["items"]) == len(image.blobs) + 5


@pytest.mark.parametrize(
    ("host", "front"), [("", "/v2/"), ("https://r.example/", "https://r.example/v2/")]
)
def test_what_happened_is_named_by_a_path_unless_the_registry_has_a_url(
    tmp_path: Path, host: str, front: str
) -> None:
    """As locations are."""
    with Receiver() as receiver:
        settings = {
            **_settings(receiver),
            "NOTIFICATIONS__RELATIVE_URLS": "true",
            "HTTP__HOST": host,
        }
        with Server(tmp_path / "data", settings=settings) as server, server.client() as client:
            client.push("team/app", b"content")
            [told] = receiver.wait(1)

    assert told["target"]["url"] == f"{front}team/app/blobs/{digest(b'content')}"


def test_another_worker_goes_on_when_the_one_that_tells_dies(tmp_path: Path) -> None:
    """No restart of the server is needed."""
    with (
        Receiver() as receiver,
        Server(tmp_path / "data", "--workers", "2", settings=_settings(receiver)) as server,
    ):
        expected = []
        for number in range(30):
            with server.client() as client:
                data = str(number).encode()
                assert client.push("team/app", data).status == 201
                expected.append(digest(data))
            if number % 10 == 5:
                os.kill(server.workers[0], signal.SIGKILL)
                eventually(lambda: len(server.workers) == 2)
        eventually(lambda: len(set(_first_told(receiver.events))) == 30)

        assert _first_told(receiver.events) == expected


def test_endpoint_that_hangs_holds_up_neither_the_server_nor_others(tmp_path: Path) -> None:
    """A receiver that takes connections and says nothing is alone with that."""
    over = threading.Event()

    def silence(_told: Told) -> int:
        over.wait(PATIENCE)
        return 200

    with (
        Receiver(silence) as hung,
        Receiver() as well,
        Server(tmp_path / "data", settings=_settings(hung, well)) as server,
        server.client() as client,
    ):
        expected = []
        for number in range(20):
            data = str(number).encode()
            assert client.push("team/app", data).status == 201
            expected.append(digest(data))
        well.wait(20)
        over.set()
        eventually(lambda: len(set(_first_told(hung.events))) == 20)

        assert _first_told(well.events) == expected
        assert _first_told(hung.events) == expected


def test_pulls_are_told_and_every_worker_tells_its_own(tmp_path: Path) -> None:
    """Whoever pulls is named with what was pulled, without a write for it."""
    with Receiver() as receiver:
        with Server(tmp_path / "data", "--workers", "2", settings=_settings(receiver)) as server:
            with server.client() as client:
                client.push("team/app", b"content")
            for _ in range(20):
                with server.client() as client:
                    assert client("GET", f"/v2/team/app/blobs/{digest(b'content')}").status == 200
            server.stop()

        pulls = [each for each in receiver.events if each["action"] == "pull"]
        assert len(pulls) == 20
        assert {each["target"]["digest"] for each in pulls} == {digest(b"content")}
        assert len({each["id"] for each in pulls}) == 20


def test_operator_sees_what_fails_and_may_skip_it(tmp_path: Path) -> None:
    """Commands work on the directory beside the server that tells."""
    root = tmp_path / "data"
    with Receiver(lambda told: 500 if digest(b"bad") in told.body.decode() else 200) as receiver:
        settings = _settings(receiver, more=", threshold: 2, backoff: 1h")
        with Server(root, settings=settings) as server, server.client() as client:
            client.push("team/app", b"bad")
            client.push("team/app", b"good")
            eventually(lambda: receiver.refused >= 2)
            words = ("events", "status", "--root", str(root))
            eventually(lambda: command(*words)[1]["endpoints"][0]["failures"] >= 2)
            [before] = command(*words)[1]["endpoints"]
            _, tail = command("events", "tail", "--root", str(root))

            code, _ = command("events", "skip", "e0", "--root", str(root))
            eventually(lambda: len(receiver.told) == 1)
            eventually(lambda: command(*words)[1]["endpoints"][0]["pending"] == 0)
            [after] = command(*words)[1]["endpoints"]

        assert (before["endpoint"], before["pending"]) == ("e0", 2)
        assert "500" in before["reason"]
        assert [each["digest"] for each in tail["items"]] == [digest(b"bad"), digest(b"good")]
        assert code == 0
        assert receiver.events[0]["target"]["digest"] == digest(b"good")
        assert (after["failures"], after["failingSince"]) == (0, None)

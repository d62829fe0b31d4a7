"""A disk that is full, read-only, or changed behind the server's back; a database that is held."""

import contextlib
import http.client
import json
import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.pushers import CONFIG, IMAGE, LAYER
from tests.faults.running import Answer, Client, Server, blob_file, command, digest

CONFIGURATION = b"{}"


class Mounted:
    """A small file system of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        _mount("-t", "tmpfs", "-o", "size=24m", "none", str(place))

    def fill(self, _server: Server) -> None:
        """Nothing can be written any more."""
        with (self.place / "filler").open("wb", buffering=0) as filler:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        filler.write(bytes(size))

    def free(self, _server: Server) -> None:
        """There is room again."""
        (self.place / "filler").unlink()

    def close(self) -> None:
        """Take it away."""
        subprocess.run(["umount", "-l", str(self.place)], check=True)


class Limited:
    """Where mounting is forbidden: a server that may not make a file longer than it is."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def fill(self, server: Server) -> None:
        """Nothing can be written any more."""
        self._limit(server, 0)

    def free(self, server: Server) -> None:
        """There is room again."""
        self._limit(server, resource.RLIM_INFINITY)

    def _limit(self, server: Server, most: int) -> None:
        for pid in (server.process.pid, *server.workers):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def close(self) -> None:
        """Nothing to take away."""


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


@pytest.fixture(params=["mounted", "limited"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mounted | Limited]:
    """A disk that can be filled; who may not mount gets the second kind twice."""
    place = tmp_path / "disk"
    place.mkdir()
    found: Mounted | Limited = Limited(place)
    if request.param == "mounted":
        with contextlib.suppress(subprocess.CalledProcessError, FileNotFoundError):
            found = Mounted(place)
    yield found
    found.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with two workers."""
    with Server(tmp_path / "data", "--workers", "2") as running:
        yield running


def push_image(ask: Client, repository: str, tag: str, layer: bytes) -> bytes:
    """Push a small image; its manifest."""
    for data in (layer, CONFIGURATION):
        assert ask.push(repository, data).status == 201
    manifest = _manifest(layer)
    answer = put(ask, repository, tag, manifest)
    assert answer.status == 201, answer
    return manifest


def put(ask: Client, repository: str, tag: str, manifest: bytes) -> Answer:
    """PUT a manifest."""
    path = f"/v2/{repository}/manifests/{tag}"
    return ask("PUT", path, manifest, {"Content-Type": IMAGE})


def _manifest(layer: bytes) -> bytes:
    described = [
        {"mediaType": kind, "digest": digest(data), "size": len(data)}
        for kind, data in ((CONFIG, CONFIGURATION), (LAYER, layer))
    ]
    document = {"schemaVersion": 2, "mediaType": IMAGE, "config": described[0]}
    return json.dumps(document | {"layers": described[1:]}).encode()


def refused(answer: Answer, *statuses: int) -> None:
    """Check that *answer* is an error of the server's that a person can follow up."""
    assert answer.status in statuses, answer
    assert answer.headers["X-Request-Id"]
    assert answer.code in {"UNAVAILABLE", "UNKNOWN"}


def no_damage(server: Server) -> None:
    """Nothing is damaged, and nothing surprised the server."""
    assert command("fsck", "--root", str(server.root))[0] == 0
    assert "Traceback" not in server.log.read_text()


def test_full_disk_is_said_and_nothing_is_lost(disk: Mounted | Limited) -> None:
    """507 for what does not fit; reads go on; with room again, everything goes on."""
    with Server(disk.place / "data", "--workers", "2") as server, server.client() as ask:
        layer, more = os.urandom(3 << 20), os.urandom(2 << 20)
        manifest = push_image(ask, "a", "latest", layer)
        where = ask.begin("a")
        assert ask("PATCH", where, more[:100_000]).status == 202

        disk.fill(server)
        for data in (os.urandom(2 << 20), os.urandom(100_000)):
            refused(ask.push("a", data), 507)
        refused(ask("PATCH", where, os.urandom(1 << 20)), 507)
        statuses = [put(ask, "a", f"t{number}", manifest).status for number in range(2000 // 8)]
        read = [ask("GET", "/v2/a/manifests/latest"), ask("GET", f"/v2/a/blobs/{digest(layer)}")]
        disk.free(server)

        assert 507 in statuses
        assert set(statuses) <= {201, 507}
        assert [each.body for each in read] == [manifest, layer]
        status = ask("GET", where)
        offset = int(status.headers["Range"].partition("-")[2]) + 1
        assert 100_000 <= offset < 100_000 + (1 << 20)
        for number, acknowledged in enumerate(statuses):
            found = ask("HEAD", f"/v2/a/manifests/t{number}").status
            assert found == (200 if acknowledged == 201 else 404)
        push_image(ask, "a", "after", more)
        no_damage(server)


def test_collection_makes_room_on_a_full_disk(disk: Mounted | Limited) -> None:
    """Stale uploads go without the database, and what nothing names follows in the room they had."""
    with Server(disk.place / "data", "--workers", "2") as server, server.client() as ask:
        layer = os.urandom(3 << 20)
        manifest = push_image(ask, "a", "latest", layer)
        assert ask("DELETE", f"/v2/a/manifests/{digest(manifest)}").status == 202
        assert ask("PATCH", ask.begin("a"), os.urandom(2 << 20)).status == 202
        (upload,) = (server.root / "uploads").iterdir()
        os.utime(upload, (0, 0))

        disk.fill(server)
        code, collected = command("gc", "--root", str(server.root), "--grace", "0")
        disk.free(server)

        assert (code, collected["uploads"], collected["blobs"]) == (0, 1, 2)
        assert collected["freed"] == (5 << 20) + len(CONFIGURATION)
        no_damage(server)


def test_upload_that_met_a_full_disk_can_be_finished(disk: Mounted | Limited) -> None:
    """What was kept is kept, the session says how much that is, and goes on from there."""
    data = os.urandom(4 << 20)
    with Server(disk.place / "data", "--workers", "2") as server, server.client() as ask:
        where = ask.begin("a")
        assert ask("PATCH", where, data[: 1 << 20]).status == 202
        disk.fill(server)
        refused(ask("PATCH", where, data[1 << 20 :]), 507)
        disk.free(server)

        offset = int(ask("GET", where).headers["Range"].partition("-")[2]) + 1
        answer = ask("PUT", f"{where}?digest={digest(data)}", data[offset:])

        assert answer.status == 201, answer
        assert ask("GET", f"/v2/a/blobs/{digest(data)}").body == data
        no_damage(server)


@contextlib.contextmanager
def read_only(place: Path) -> Iterator[None]:
    """Nothing can be made or removed in *place*."""
    if os.geteuid():
        place.chmod(0o550)
        yield
        place.chmod(0o750)
        return
    try:
        _mount("--bind", str(place), str(place))
    except subprocess.CalledProcessError:
        # A superuser who may not mount: the attribute stands in for the file system.
        subprocess.run(["chattr", "+i", str(place)], check=True)
        yield
        subprocess.run(["chattr", "-i", str(place)], check=True)
        return
    try:
        _mount("-o", "remount,bind,ro", str(place))
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_disk_that_turns_read_only_is_said_and_may_turn_back(server: Server) -> None:
    """Pushes get 503 and pulls go on; when it can be written again, so do pushes."""
    with server.client() as ask:
        layer = os.urandom(300_000)
        manifest = push_image(ask, "a", "latest", layer)

        with read_only(server.root / "uploads"):
            refused(ask.push("a", b"new"), 503)
            refused(ask("POST", "/v2/a/blobs/uploads/"), 503)
            assert ask("GET", f"/v2/a/blobs/{digest(layer)}").body == layer
            assert ask("GET", "/v2/a/manifests/latest").body == manifest

        push_image(ask, "a", "next", os.urandom(300_000))
    no_damage(server)


def test_server_does_not_start_on_a_read_only_disk(server: Server) -> None:
    """One line that says so."""
    assert server.stop() == 0

    with read_only(server.root / "metadata"):
        done = subprocess.run(
            [*_serve(server.root)], capture_output=True, text=True, timeout=30, check=False
        )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert str(server.root) in done.stderr


def _serve(root: Path) -> list[str]:
    return [*Server.COMMAND, "--root", str(root), "--listen", "127.0.0.1:0"]


def test_blob_that_was_cut_short_is_no_answer(server: Server) -> None:
    """A truncated file is never sent as if it were whole; others are not affected."""
    with server.client() as ask:
        big, other = os.urandom(500_000), os.urandom(400_000)
        push_image(ask, "a", "big", big)
        push_image(ask, "a", "other", other)
        file = blob_file(server.root, digest(big))

        for length in (499_999, 1, 0):
            os.truncate(file, length)
            for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=-1"}):
                refused(ask("GET", f"/v2/a/blobs/{digest(big)}", headers=headers), 500, 503)
        assert ask("GET", f"/v2/a/blobs/{digest(other)}").body == other

        code, verdict = command("fsck", "--root", str(server.root))
        assert (code, verdict["damage"]) == (1, 1)
        assert digest(big) in verdict["items"][0]["subject"]


def test_blob_that_is_missing_is_no_404(server: Server) -> None:
    """404 would tell a client that it never was there; a push heals it."""
    with server.client() as ask:
        data = os.urandom(500_000)
        push_image(ask, "a", "latest", data)

        blob_file(server.root, digest(data)).unlink()

        refused(ask("GET", f"/v2/a/blobs/{digest(data)}"), 500, 503)
        assert command("fsck", "--root", str(server.root))[0] == 1
        assert ask.push("a", data).status == 201
        assert ask("GET", f"/v2/a/blobs/{digest(data)}").body == data
    no_damage(server)


def test_blob_whose_bits_were_flipped_is_found_and_put_aside(server: Server) -> None:
    """Only reading all of it tells: ``lading fsck``, whose ``--repair`` deletes nothing."""
    with server.client() as ask:
        data = os.urandom(500_000)
        push_image(ask, "a", "latest", data)
        file = blob_file(server.root, digest(data))
        flipped = bytes([data[0] ^ 1]) + data[1:]
        file.write_bytes(flipped)

        assert command("fsck", "--fast", "--root", str(server.root))[0] == 0
        code, verdict = command("fsck", "--repair", "--root", str(server.root))

        assert (code, verdict["damage"], verdict["repaired"]) == (1, 1, 1)
        kept = [each.read_bytes() for each in (server.root / "quarantine").iterdir()]
        assert kept == [flipped]
        assert ask("GET", f"/v2/a/blobs/{digest(data)}").status == 404
        assert ask("HEAD", f"/v2/a/blobs/{digest(data)}").status == 404
        assert ask.push("a", data).status == 201
        assert ask("GET", f"/v2/a/blobs/{digest(data)}").body == data
    no_damage(server)


@pytest.mark.parametrize("damaged", [b"{)", b"{", b"", b"{}{}"])
def test_small_blob_that_was_changed_is_no_answer(server: Server, damaged: bytes) -> None:
    """What is short enough to be read in full is never sent when it is wrong."""
    with server.client() as ask:
        push_image(ask, "a", "latest", os.urandom(10))

        blob_file(server.root, digest(CONFIGURATION)).write_bytes(damaged)

        for headers in ({}, {"Range": "bytes=0-0"}):
            path = f"/v2/a/blobs/{digest(CONFIGURATION)}"
            refused(ask("GET", path, headers=headers), 500)
        assert ask.push("a", CONFIGURATION).status == 201
        assert ask("GET", path).body == CONFIGURATION
    no_damage(server)


def test_waste_is_no_damage(server: Server) -> None:
    """Bytes that nobody may read: exit code 0, and a collection takes them."""
    orphan = b"published, but never linked"
    file = blob_file(server.root, digest(orphan))
    file.parent.mkdir(parents=True)
    file.write_bytes(orphan)

    code, verdict = command("fsck", "--root", str(server.root))

    assert (code, verdict["damage"], verdict["waste"]) == (0, 0, 1)
    assert verdict["wasted"] == len(orphan)
    assert command("gc", "--grace", "0", "--root", str(server.root))[0] == 0
    assert not file.exists()
    assert command("fsck", "--root", str(server.root))[1]["waste"] == 0


def test_blob_that_shrinks_while_it_is_sent_is_cut_off(server: Server) -> None:
    """The client sees fewer bytes than were announced, and can tell."""
    data = os.urandom(64 << 20)
    with server.client() as ask:
        assert ask.push("a", data).status == 201
        ask.connection.request("GET", f"/v2/a/blobs/{digest(data)}")
        answer = ask.connection.getresponse()
        assert answer.status == 200

        os.truncate(blob_file(server.root, digest(data)), 32 << 20)

        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            answer.read()
    assert "Traceback" not in server.log.read_text()


def test_database_that_somebody_holds_is_waited_for_and_then_said(server: Server) -> None:
    """Pulls go on meanwhile, pushes get 503, and succeed once it is let go of."""
    with server.client() as ask, server.client() as reader:
        layer = os.urandom(1000)
        manifest = push_image(ask, "a", "latest", layer)
        holder = sqlite3.connect(server.root / "metadata/registry.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")

        ask.connection.request("PUT", "/v2/a/manifests/next", manifest, {"Content-Type": IMAGE})
        read = [reader("GET", "/v2/a/manifests/latest").body for _ in range(20)]
        found = ask.connection.getresponse()
        answer = Answer(found.status, found.headers, found.read())

        holder.execute("ROLLBACK")
        holder.close()
        assert set(read) == {manifest}
        refused(answer, 503)
        assert ask("HEAD", "/v2/a/manifests/next").status == 404
        assert put(ask, "a", "next", manifest).status == 201
    no_damage(server)


@pytest.mark.parametrize("part", ["head", "all"])
def test_corrupt_database_is_one_line(server: Server, part: str) -> None:
    """No command shows a traceback, and with the database back everything is as it was."""
    with server.client() as ask:
        manifest = push_image(ask, "a", "latest", os.urandom(1000))
    assert server.stop() == 0
    database = _whole(server.root)
    shutil.copy(database, server.root / "kept")
    _garble(database, 100 if part == "head" else database.stat().st_size)

    for words in (
        _serve(server.root)[1:],
        ["fsck", "--root", str(server.root)],
        ["gc", "--root", str(server.root)],
    ):
        done = subprocess.run(
            [Server.COMMAND[0], *words], capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 1, (words, done)
        assert done.stderr.count("\n") <= 1, done.stderr
        assert "Traceback" not in done.stderr
        assert "registry.db" in done.stderr + done.stdout

    for each in database.parent.glob("registry.db*"):
        each.unlink()
    shutil.copy(server.root / "kept", database)
    with Server(server.root) as again, again.client() as ask:
        assert ask("GET", "/v2/a/manifests/latest").body == manifest
        no_damage(again)


def test_database_that_is_garbled_under_a_running_server_is_said(server: Server) -> None:
    """Every answer is an error with a request id, none a lie; put right, all is as it was."""
    with server.client() as ask:
        manifests = {f"t{i}": push_image(ask, "a", f"t{i}", b"%d" % i) for i in range(40)}
        assert server.stop() == 0
        database = _whole(server.root)
        kept = database.read_bytes()
    with Server(server.root, "--workers", "2") as running:
        _garble(database, len(kept))

        with running.client() as ask:
            for tag, manifest in manifests.items():
                answer = ask("GET", f"/v2/a/manifests/{tag}")
                if answer.status != 200 or answer.body != manifest:
                    refused(answer, 500, 503)
            refused(ask.push("a", b"not now"), 500, 503)
            with database.open("r+b") as file:
                file.write(kept)

            for tag, manifest in manifests.items():
                assert ask("GET", f"/v2/a/manifests/{tag}").body == manifest
            push_image(ask, "a", "after", b"again")
        no_damage(running)


def _whole(root: Path) -> Path:
    """The database file of a server that is not running, with all that was in its log."""
    file = root / "metadata/registry.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


def _garble(file: Path, length: int) -> None:
    with file.open("r+b") as opened:
        opened.write(b"\xa5" * length)

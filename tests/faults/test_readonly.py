"""A server that is switched to read-only while it serves."""

import time
from pathlib import Path

from tests.faults.running import Server, blob_file, command, digest, eventually

INDEX = (
    b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}'
)
MEDIA = {"Content-Type": "application/vnd.oci.image.index.v1+json"}
BLOB = b"named by nothing"


def files(root: Path) -> dict[str, bytes]:
    """All that is below *root*, but for what readers of the database share."""
    return {
        str(path): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }


def test_switched_server_leaves_its_directory_alone(tmp_path: Path) -> None:
    """No worker takes a push, collects or records anything, until it is switched back."""
    root = tmp_path / "data"
    settings = {"COLLECTOR__EVERY": "1s", "COLLECTOR__GRACE": "3s"}
    with Server(root, "--workers", "2", settings=settings) as server, server.client() as ask:
        assert ask("PUT", "/v2/a/manifests/v1", INDEX, MEDIA).status == 201
        assert ask.push("a", BLOB).status == 201

        code, said = command("readonly", "on", "--root", str(root))
        before = files(root)
        # Several rounds of collection would have begun, and the grace ended.
        end = time.monotonic() + 5
        answers = set()
        while time.monotonic() < end:
            with server.client() as each:
                answers.add(
                    (
                        each("POST", "/v2/a/blobs/uploads/").status,
                        each("GET", "/v2/a/manifests/v1").status,
                        each("HEAD", f"/v2/a/blobs/{digest(BLOB)}").status,
                    )
                )
        after = files(root)
        command("readonly", "off", "--root", str(root))
        eventually(lambda: ask("POST", "/v2/a/blobs/uploads/").status == 202)
        eventually(lambda: not blob_file(root, digest(BLOB)).exists())

        assert (code, said["readOnly"]) == (0, True)
        assert answers == {(405, 200, 200)}
        assert after == before

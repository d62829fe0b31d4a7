"""A registry is backed up while it is pushed to, deleted from and collected."""

import json
import threading
from pathlib import Path

from tests.faults.running import Client, Server, command, digest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"


def image(ask: Client, seed: str) -> bytes:
    """Push an image of two blobs, and return its manifest."""
    described = []
    for kind in (CONFIG, LAYER):
        data = f"{kind} {seed}".encode() * 50
        assert ask.push("app", data).status == 201
        described.append({"mediaType": kind, "digest": digest(data), "size": len(data)})
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described[0],
            "layers": described[1:],
        }
    ).encode()
    answer = ask("PUT", f"/v2/app/manifests/{seed}", manifest, {"Content-Type": MANIFEST})
    assert answer.status == 201
    return manifest


def test_backup_under_load_is_restored_whole(tmp_path: Path) -> None:
    """Whatever moment it is of, nothing is missing and nothing is too much."""
    root, copy = tmp_path / "data", tmp_path / "copy"
    settings = {"COLLECTOR__EVERY": "1s", "COLLECTOR__GRACE": "1s"}
    failures: list[BaseException] = []
    over = threading.Event()

    def push_and_delete(name: str) -> None:
        try:
            with server.client() as ask:
                number = 0
                while not over.is_set():
                    manifest = image(ask, f"{name}-{number}")
                    if number % 2:
                        gone = ask("DELETE", f"/v2/app/manifests/{digest(manifest)}")
                        assert gone.status == 202
                    number += 1
        except BaseException as error:
            failures.append(error)
            raise

    with Server(root, "--workers", "2", settings=settings) as server, server.client() as ask:
        kept = image(ask, "kept")
        threads = [threading.Thread(target=push_and_delete, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        try:
            for number in range(4):
                assert command("backup", "--root", str(root), str(copy))[0] == 0
                there = tmp_path / f"restored-{number}"
                source = copy
                if number % 2:
                    source = tmp_path / f"backup-{number}.tar"
                    assert command("backup", "--root", str(root), str(source))[0] == 0
                code, said = command("restore", "--root", str(there), str(source))
                found = command("fsck", "--root", str(there))[1]

                assert (code, said["lost"]) == (0, 0)
                assert (found["damage"], found["waste"], found["items"]) == (0, 0, [])
        finally:
            over.set()
            for thread in threads:
                thread.join()

    assert failures == []
    with Server(there) as restored, restored.client() as ask:
        assert ask("GET", "/v2/app/manifests/kept").body == kept

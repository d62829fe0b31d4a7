"""What is left of a store whose process is killed."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from lading.bodies import Bytes
from lading.interfaces.blobs import UploadId
from lading.oci.digest import Digest
from lading.storage.filesystem import open_filesystem
from lading.testing.samples import content_of

ROUNDS = 6

PUSHER = """
import asyncio, os, sys
from pathlib import Path
from lading.bodies import Bytes
from lading.oci.digest import Digest
from lading.storage.filesystem import open_filesystem
from lading.testing.samples import blob

async def push(store, number, lane):
    content = blob((number * 7919) % 300_000, (lane, number))
    writer = await store.create(f"{sys.argv[2]}-{lane}-{number}")
    await writer.write(Bytes(content))
    await writer.commit(Digest.of(content))
    os.write(1, f"{Digest.of(content)} {len(content)}\\n".encode())

async def forever(store, lane):
    number = 0
    while True:
        await push(store, number, f"{sys.argv[2]}-{lane}")
        number += 1

async def main():
    async with open_filesystem(Path(sys.argv[1])) as store:
        await asyncio.gather(*(forever(store, lane) for lane in range(4)))

asyncio.run(main())
"""


def _killed_at(root: Path, name: str, acknowledged: int) -> list[tuple[Digest, int]]:
    """Push until so many blobs were acknowledged, kill, and say which those were."""
    command = [sys.executable, "-c", PUSHER, str(root), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as pusher:
        assert pusher.stdout is not None
        lines = [pusher.stdout.readline() for _ in range(acknowledged)]
        os.kill(pusher.pid, signal.SIGKILL)
        lines += pusher.stdout.readlines()
    words = [line.decode().split() for line in lines if line.endswith(b"\n")]
    return [(Digest.parse(digest), int(size)) for digest, size in words]


async def test_killed_store_has_whole_blobs_only(tmp_path: Path) -> None:
    """After SIGKILL every acknowledged blob is there, no partial one is, and uploads can go on."""
    acknowledged = []
    for number in range(ROUNDS):
        killed = asyncio.to_thread(_killed_at, tmp_path, f"r{number}", random.randint(1, 40))
        acknowledged += await killed

    async with open_filesystem(tmp_path) as store:
        for digest, size in acknowledged:
            assert await store.stat(digest) == size
            assert Digest.of(await content_of(await store.open(digest))) == digest
        async for blob in store.walk():
            assert await store.measure(blob.digest) == blob.digest
        for staged in list((tmp_path / "uploads").iterdir()):
            writer = await store.resume(UploadId(staged.name))
            rest = staged.read_bytes()
            await writer.write(Bytes(b"!"))
            await writer.commit(Digest.of(rest + b"!"))
        assert await store.count_uploads() == 0

"""The loads: what clients do to a server, each in processes of their own.

Every function here that `apart` runs measures itself, so that the start of its process
does not count.
"""

import hashlib
import json
import mmap
import multiprocessing
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO, ParamSpec, TypeVar

from bench.wire import (
    INDEX,
    MANIFEST,
    Connection,
    UnexpectedAnswer,
    closing,
    digest_of,
    manifest_of,
)
from tests.peers.programs import program

MIB = 1 << 20
BIG = 256 * MIB
PART = 8 * MIB
SMALL_IMAGE = (2_000, 48_000, 150_000, 500_000, 1_500_000)
TINY = [(digest_of(b"{}"), 2), (digest_of(b"layer"), 5)]
PREPARED_WITHIN_SECONDS = 120
_SPARE = 1.25
"""How much more memory is used than will be written, at least."""
_AMPLE = 6
"""The same, as long as half of what is free is enough for it: what was given back last is not what
is taken next.

Measured with three rows of 256 MiB behind each other on tmpfs: with the spare alone, the third took
3.2 ms of Lading's and 4.1 of Distribution's processor time for a MiB, and with this 2.1 and 2.8.
"""
_SPAWN = multiprocessing.get_context("spawn")


_P = ParamSpec("_P")
_T = TypeVar("_T")
_start: Barrier | None = None


def apart(function: Callable[_P, _T], /, *arguments: _P.args, **named: _P.kwargs) -> _T:
    """Call *function* in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=_SPAWN) as pool:
        return pool.submit(function, *arguments, **named).result()


def crowd(
    function: Callable[..., tuple[float, float]],
    arguments: Sequence[tuple[Any, ...]],
    *,
    writing: int = 0,
) -> float:
    """Call *function* in one process for each of *arguments*, all beginning at one time.

    Each call prepares itself, calls `together`, works, and returns the monotonic times of
    its begin and its end. Returns the seconds from the first begin to the last end.
    *writing* is how many bytes the server is going to write.
    """
    barrier = _SPAWN.Barrier(len(arguments), partial(touch_memory, writing))
    with ProcessPoolExecutor(
        len(arguments), mp_context=_SPAWN, initializer=_meet_at, initargs=(barrier,)
    ) as pool:
        times = [call.result() for call in [pool.submit(function, *each) for each in arguments]]
    return max(end for _, end in times) - min(begin for begin, _ in times)


def touch_memory(size: int) -> None:
    """Use as much memory as it takes to write *size* bytes, and give it back.

    A virtual machine's host takes back what is free, and gives it again page by page: then
    whoever writes waits for that, four times as long as for the writing, and the more so the
    faster they are.
    """
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    used = max(size * _SPARE, min(size * _AMPLE, free / 2))
    block = bytes(MIB)
    with tempfile.TemporaryFile(dir="/dev/shm") as file:
        for _ in range(int(used / MIB)):
            file.write(block)


def _meet_at(barrier: Barrier) -> None:
    global _start  # noqa: PLW0603 - the one value that a worker process is born with
    _start = barrier


def together() -> float:
    """Wait until all calls of the crowd are prepared; the monotonic time after that."""
    if _start is not None:
        _start.wait(PREPARED_WITHIN_SECONDS)
    return time.monotonic()


def requests_per_second(
    url: str,
    *,
    connections: int,
    seconds: int,
    accept: str,
    headers: Mapping[str, str] | None = None,
) -> float:
    """GET *url* by wrk with one thread; raise `UnexpectedAnswer` when any answer is no success."""
    command = [str(program("wrk")), "-t1", f"-c{connections}", f"-d{seconds}s"]
    for name, value in {"Accept": accept, **(headers or {})}.items():
        command += ["-H", f"{name}: {value}"]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    if rate is None or "Non-2xx" in said or "Socket errors" in said:
        raise UnexpectedAnswer(said)
    return float(rate.group(1))


def pull_sealed(url: str, times: int) -> float:
    """Read a big blob by curl, over one connection with TLS and HTTP/1.1; return seconds."""
    sink = ["-o", "/dev/null", url]
    command = [str(program("curl")), "-sSfk", "--http1.1", *(sink * times)]
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - began


def pull(address: str, path: str, connections: int, times: int) -> tuple[float, int]:
    """Read a big blob over several connections at once; return seconds and bytes."""
    opened = [Connection(address) for _ in range(connections)]
    received = [0] * connections

    def read(number: int) -> None:
        for _ in range(times):
            received[number] += opened[number].discard(path)

    began = time.monotonic()
    threads = [Thread(target=read, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    if sum(received) % connections:
        raise UnexpectedAnswer("some connection got less than the others")
    for connection in opened:
        connection.close()
    return took, sum(received)


def make_big_file(file: Path, size: int = BIG) -> None:
    """Fill *file* with *size* random bytes."""
    with file.open("wb") as out:
        for _ in range(size // MIB):
            out.write(os.urandom(MIB))


def push(address: str, repository: str, file: Path, shape: str) -> float:
    """Push *file* with fresh content as *shape* says, and return the seconds it took."""
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as mapped:
        mapped[: 1 << 12] = os.urandom(1 << 12)
        with memoryview(mapped) as content, Connection(address) as connection:
            digest = digest_of(content)
            began = time.monotonic()
            _SHAPES[shape](connection, repository, _Body(opened, content), digest)
            return time.monotonic() - began


@dataclass(frozen=True, slots=True)
class _Body:
    """What is pushed, as a file for ``sendfile`` and as memory for everything else."""

    file: BinaryIO
    content: memoryview


def _push_put(connection: Connection, repository: str, body: _Body, digest: str) -> None:
    location = closing(connection.begin_upload(repository), digest)
    fields = {"Content-Length": str(len(body.content)), "Content-Type": "application/octet-stream"}
    connection.send_head("PUT", location, fields)
    connection.socket.sendfile(body.file)
    connection.answer("PUT", expected=201)


def _push_stream(connection: Connection, repository: str, body: _Body, digest: str) -> None:
    location = connection.patch_whole(connection.begin_upload(repository), body.content)
    connection.request("PUT", closing(location, digest), expected=201)


def _push_parts(connection: Connection, repository: str, body: _Body, digest: str) -> None:
    location = connection.begin_upload(repository)
    for start in range(0, len(body.content), PART):
        location = connection.patch_part(
            location, body.file, start, min(PART, len(body.content) - start)
        )
    connection.request("PUT", closing(location, digest), expected=201)


_SHAPES = {"put": _push_put, "stream": _push_stream, "parts": _push_parts}


def small_images(address: str, repository: str, count: int) -> tuple[float, float]:
    """Push *count* small images of fresh content over one connection."""
    images = []
    for _ in range(count):
        blobs = [os.urandom(size) for size in SMALL_IMAGE]
        named = [(digest_of(blob), blob) for blob in blobs]
        images.append((named, manifest_of([(digest, len(blob)) for digest, blob in named])))
    with Connection(address) as connection:
        began = together()
        for named, manifest in images:
            for digest, blob in named:
                connection.push_blob(repository, blob, digest)
            connection.put_manifest(repository, f"t-{os.urandom(6).hex()}", manifest)
        return began, time.monotonic()


def put_manifests(
    address: str, repository: str, prefix: str, first: int, count: int
) -> tuple[float, float]:
    """Store *count* manifests, each under a new tag."""
    made = [
        (f"{prefix}{number:06}", manifest_of(TINY, annotations={"number": f"{prefix}{number}"}))
        for number in range(first, first + count)
    ]
    with Connection(address) as connection:
        began = together()
        for tag, manifest in made:
            connection.put_manifest(repository, tag, manifest)
        return began, time.monotonic()


def put_referrers(
    address: str, repository: str, subject: str, first: int, count: int
) -> tuple[float, float]:
    """Store *count* manifests that refer to *subject*."""
    named = {"mediaType": MANIFEST, "digest": subject, "size": 2}
    with Connection(address) as connection:
        began = together()
        for number in range(first, first + count):
            manifest = manifest_of(
                TINY,
                artifactType="application/x-sbom",
                subject=named,
                annotations={"number": str(number)},
            )
            connection.put_manifest(repository, digest_of(manifest), manifest)
        return began, time.monotonic()


def put_repositories(address: str, first: int, count: int) -> tuple[float, float]:
    """Make *count* repositories, each with one small index."""
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
    with Connection(address) as connection:
        began = together()
        for number in range(first, first + count):
            connection.put_manifest(f"many/r{number:06}", "v1", index, media_type=INDEX)
        return began, time.monotonic()


def milliseconds(address: str, path: str, times: int) -> list[float]:
    """GET a listing again and again over one connection; the milliseconds of each answer.

    Raises `UnexpectedAnswer` when the listing is empty, for then nothing was measured.
    """
    took = []
    with Connection(address) as connection:
        for _ in range(times):
            began = time.monotonic()
            answer = connection.request("GET", path, expected=200)
            took.append((time.monotonic() - began) * 1_000)
    if not any(isinstance(part, list) and part for part in json.loads(answer.body).values()):
        raise UnexpectedAnswer(f"GET {path}: nothing is listed")
    return took


def delete_manifests(address: str, repository: str, digests: Sequence[str]) -> list[float]:
    """DELETE each of *digests*; the milliseconds of each answer."""
    took = []
    with Connection(address) as connection:
        for digest in digests:
            began = time.monotonic()
            connection.request("DELETE", f"/v2/{repository}/manifests/{digest}", expected=202)
            took.append((time.monotonic() - began) * 1_000)
    return took


def digest_by_tag(address: str, repository: str, tag: str) -> str:
    """The digest that *tag* points at."""
    with Connection(address) as connection:
        answer = connection.request(
            "HEAD",
            f"/v2/{repository}/manifests/{tag}",
            expected=200,
            headers={"Accept": MANIFEST},
        )
    return answer.headers["docker-content-digest"]


def push_repeated(address: str, repository: str, file: Path, times: int) -> str:
    """Push a blob that is *file* repeated *times*, in one PUT; return its digest."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        hasher = hashlib.sha256()
        for _ in range(times):
            hasher.update(mapped)
        digest = f"sha256:{hasher.hexdigest()}"
        with Connection(address) as connection:
            location = closing(connection.begin_upload(repository), digest)
            connection.send_head("PUT", location, {"Content-Length": str(len(mapped) * times)})
            for _ in range(times):
                connection.socket.sendall(mapped)
            connection.answer("PUT", expected=201)
    return digest


def uploads_at_once(address: str, repository: str, count: int, size: int) -> int:
    """Have *count* uploads of *size* bytes under way at the same time, then finish all."""
    contents = [os.urandom(size) for _ in range(8)]
    opened = [Connection(address) for _ in range(count)]
    for number, connection in enumerate(opened):
        content = contents[number % len(contents)]
        location = closing(connection.begin_upload(repository), digest_of(content))
        connection.send_head("PUT", location, {"Content-Length": str(size)})
    for part in range(4):
        for number, connection in enumerate(opened):
            content = contents[number % len(contents)]
            connection.socket.sendall(content[part * size // 4 : (part + 1) * size // 4])
    for connection in opened:
        connection.answer("PUT", expected=201)
        connection.close()
    return count

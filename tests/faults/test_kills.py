"""What 201 promises: the whole server is killed at random moments, and nothing acknowledged is lost."""

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from tests.faults.pushers import Common, Pusher
from tests.faults.running import LADING, Server, blob_file, command, digest, eventually

CLIENTS = 5

GREEDY = {
    "COLLECTOR__GRACE": "0",
    "COLLECTOR__EVERY": "300ms",
    "COLLECTOR__SWEEP": "500ms",
    "UPLOADS__EXPIRY": "2s",
}
"""Everything that nothing names goes as soon as it can."""

PATIENT = {"COLLECTOR__EVERY": "300ms", "COLLECTOR__SWEEP": "500ms"}
"""Everything stays for the default of a day."""


@pytest.mark.soak
@pytest.mark.parametrize(
    ("settings", "share"), [(GREEDY, 0.7), (PATIENT, 0.3)], ids=["without-grace", "with-grace"]
)
def test_nothing_acknowledged_is_lost_when_the_server_is_killed(
    tmp_path: Path, kills: int, settings: dict[str, str], share: float
) -> None:
    """After every restart each tag, manifest and blob is what the clients were told it is."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    root = tmp_path / "data"
    common = Common()
    names = [f"client/{number}" for number in range(CLIENTS)]
    keeps = settings is PATIENT
    pushers = [Pusher(name, names, common, chance.getrandbits(32), keeps) for name in names]
    checked = 0

    with contextlib.ExitStack() as running:
        for _ in range(max(1, round(kills * share))):
            server = running.enter_context(Server(root, "--workers", "2", settings=settings))
            with collecting(root, settings):
                checked += _settled(server, pushers)
                with pushing(server, pushers):
                    time.sleep(chance.uniform(0.05, 0.4))
                    server.kill()
            assert not common.mishaps, "\n".join(common.mishaps)
            assert b"Traceback" not in server.log.read_bytes(), server.log.read_text()
            running.pop_all().close()

        last = running.enter_context(Server(root, "--workers", "2", settings=settings))
        checked += _settled(last, pushers)
        print(f"{common.acknowledged} requests acknowledged, {checked} manifests read back")
        assert checked
        if not keeps:
            _swept(last, settings)


def test_server_that_is_asked_to_stop_under_load_leaves_no_doubt(tmp_path: Path) -> None:
    """SIGTERM ends it with exit code 0, and what it had acknowledged is there."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    common = Common()
    names = [f"client/{number}" for number in range(CLIENTS)]
    pushers = [Pusher(name, names, common, chance.getrandbits(32), True) for name in names]

    for _ in range(3):
        with Server(tmp_path / "data", "--workers", "2", settings=PATIENT) as server:
            _settled(server, pushers)
            with pushing(server, pushers):
                time.sleep(chance.uniform(0.1, 0.4))
                code = server.stop()

            assert code == 0
            assert not common.mishaps, "\n".join(common.mishaps)
            assert "requests were cut off" not in server.log.read_text()
    with Server(tmp_path / "data", settings=PATIENT) as last:
        assert _settled(last, pushers)


def _settled(server: Server, pushers: list[Pusher]) -> int:
    """Read everything back while ``lading fsck`` looks for damage."""
    checks = subprocess.Popen(
        [LADING, "fsck", "--root", str(server.root)], stdout=subprocess.PIPE, text=True
    )
    checked = sum(pusher.settle(server.port) for pusher in pushers)
    said, _ = checks.communicate(timeout=60)
    assert checks.returncode == 0, said
    return checked


def _swept(server: Server, settings: dict[str, str]) -> None:
    """What the kills left, and what a kill in the worst moment would leave, goes by itself."""
    orphan = b"published, but never linked"
    file = blob_file(server.root, digest(orphan))
    file.parent.mkdir(parents=True)
    file.write_bytes(orphan)

    eventually(lambda: not file.exists())
    eventually(lambda: not any((server.root / "uploads").iterdir()))
    eventually(lambda: _waste(server.root, settings) == 0)


def _waste(root: Path, settings: dict[str, str]) -> int:
    code, verdict = command("fsck", "--root", str(root), settings=settings)
    assert code == 0, verdict
    return int(verdict["waste"])


@contextmanager
def pushing(server: Server, pushers: list[Pusher]) -> Iterator[None]:
    """All clients at work, until the server is gone."""
    over = threading.Event()
    threads = [threading.Thread(target=pusher.work, args=(server.port, over)) for pusher in pushers]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in threads:
            each.join()


@contextmanager
def collecting(root: Path, settings: dict[str, str]) -> Iterator[None]:
    """``lading gc`` beside the server, as often as it can, and killed as well in the end."""
    grace = settings.get("COLLECTOR__GRACE", "24h")
    code = f'while "{LADING}" gc --root "{root}" --grace {grace} >/dev/null; do :; done'
    with TemporaryFile() as said:
        loop = subprocess.Popen(["/bin/sh", "-c", code], stderr=said, start_new_session=True)
        try:
            yield
        finally:
            failed = loop.poll()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(loop.pid, signal.SIGKILL)
            loop.wait()
        said.seek(0)
        assert failed is None, said.read()

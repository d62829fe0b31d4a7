"""Processes that do the same work, whatever the work is."""

import signal
import subprocess
import sys

PREAMBLE = """
import os, sys
from lading.app import logs
from lading.app.workers import Crew, Post
from lading.errors import StorageBusy
logs.configure(format="json", level="info")
def say(text):
    os.write(1, f"{text}\\n".encode())
def crew(work, count=1, then=None):
    def ready():
        say("ready")
        if then: os.kill(os.getpid(), then)
    stop = lambda: say("stop")
    sys.exit(Crew(work, count, patience=0.0, on_ready=ready, on_stop=stop).run())
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run a crew to its end in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", PREAMBLE + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_server_whose_workers_cannot_start_gives_up() -> None:
    """The reason is one line, then the server ends, instead of trying for ever."""
    done = run("async def work(post):\n    raise StorageBusy('the database')\ncrew(work)")

    assert done.returncode == 1
    assert "worker failed: storage is busy: the database" in done.stderr
    assert "giving up" in done.stderr
    assert "ready" not in done.stdout
    assert "Traceback" not in done.stderr


def test_mistake_in_a_worker_is_logged_with_its_traceback() -> None:
    """What nobody expected has to be found again."""
    done = run("async def work(post):\n    raise RuntimeError('inside')\ncrew(work)")

    assert done.returncode == 1
    assert "RuntimeError: inside" in done.stderr


def test_crew_ends_when_it_is_asked_to() -> None:
    """A signal to the parent reaches every worker, and the exit code is 0."""
    done = run(
        "async def work(post):\n"
        "    post.ready()\n"
        "    await post.stopping.wait()\n"
        "    say(f'left {post.index}')\n"
        "crew(work, 3, then=15)"
    )

    assert done.returncode == 0
    assert done.stdout.splitlines()[:2] == ["ready", "stop"]
    assert sorted(done.stdout.splitlines()[2:]) == ["left 0", "left 1", "left 2"]


def test_worker_that_does_not_stop_is_killed() -> None:
    """A server that was asked to stop does end, and its exit code tells that it was not nice."""
    done = run(
        "import time, lading.app.workers as w\n"
        "w._LAST_WAIT = 0.2\n"
        "async def work(post):\n"
        "    post.ready()\n"
        "    time.sleep(60)\n"
        "crew(work, then=2)"
    )

    assert done.returncode == 1
    assert "worker does not stop, killing it" in done.stderr
    assert signal.SIGINT.name in done.stderr

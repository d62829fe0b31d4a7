"""The loop a command runs in, and how it ends when it is interrupted."""

import asyncio
import gc
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import click

from lading.cli.output import say

Result = TypeVar("Result")

TERMINATED = 143
"""What a command ends with that was ended by SIGTERM."""


def run(work: Coroutine[Any, Any, Result], *, interrupted: str = "") -> Result:
    """Carry out *work* on a loop of its own.

    Ctrl-C and SIGTERM let it clean up; *interrupted* is what is said then.
    """
    # What was imported until now stays; and a command that ends soon makes little garbage.
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    try:
        return asyncio.run(_ended_by_signal(work))
    except KeyboardInterrupt:
        if interrupted:
            say(f"lading: interrupted. {interrupted}")
        raise
    except asyncio.CancelledError:
        if interrupted:
            say(f"lading: ended by SIGTERM. {interrupted}")
        raise click.exceptions.Exit(TERMINATED) from None


async def _ended_by_signal(work: Coroutine[Any, Any, Result]) -> Result:
    """Carry out *work*; SIGTERM cancels it, so that nothing half done is left behind."""
    task = asyncio.current_task()
    assert task is not None, "it is run by itself"
    # Only the main thread hears signals; elsewhere whoever runs it has its own ways.
    with suppress(ValueError, RuntimeError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work

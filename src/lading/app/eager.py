"""Work that is carried out on the spot, and becomes a task only when it has to wait.

Most requests are answered without waiting for anything; to make a task of each and let it wait for
its turn costs a quarter more. Python 3.12 and later have tasks that begin at once. What is begun
here on 3.11 is in no task until it waits: it must not ask for the current one.
"""

import asyncio
import contextvars
import sys
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

if sys.version_info >= (3, 12):

    def begin(
        work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
    ) -> asyncio.Task[None] | None:
        """Carry out *work*; ``None`` when it is done, and else the task that goes on with it."""
        task = asyncio.Task(work, loop=loop, eager_start=True)
        if not task.done():
            return task
        task.result()
        return None

else:

    def begin(
        work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
    ) -> asyncio.Task[None] | None:
        """Carry out *work*; ``None`` when it is done, and else the task that goes on with it."""
        context = contextvars.copy_context()
        try:
            waited_for = context.run(work.send, None)
        except StopIteration:
            return None
        return loop.create_task(_going_on(work, waited_for), context=context)

    @types.coroutine
    def _going_on(begun: Coroutine[Any, Any, None], waited_for: Any) -> Generator[Any, Any, None]:
        """The rest of a coroutine that was begun outside of a task and now waits."""
        while True:
            step: Callable[[Any], Any] = begun.send
            try:
                argument = yield waited_for
            except BaseException as error:  # noqa: BLE001  # cancellation is passed on like the rest
                step, argument = begun.throw, error
            try:
                waited_for = step(argument)
            except StopIteration:
                return

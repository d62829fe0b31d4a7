"""Files in pieces, for answers that pass through the event loop.

What is in memory is read on the spot; only what a disk has to be asked for is left to a thread,
which is then one piece ahead.
"""

import asyncio
import errno
import os
from collections.abc import AsyncGenerator
from concurrent.futures import Executor

from lading.errors import BodyIncomplete
from lading.storage.root import in_memory

_PIECE = 256 * 1024


async def pieces(
    file: int, offset: int, length: int, threads: Executor
) -> AsyncGenerator[memoryview | bytes, None]:
    """The *length* bytes of *file* from *offset* on; when this is left, no thread reads it.

    Raises:
        BodyIncomplete: there are fewer.
    """
    loop = asyncio.get_running_loop()
    end = offset + length

    def fetch(start: int) -> asyncio.Future[bytes]:
        return loop.run_in_executor(threads, os.pread, file, min(_PIECE, end - start), start)

    ahead: asyncio.Future[bytes] | None = None
    try:
        while offset < end:
            piece: memoryview | bytes | None = None
            if ahead is None:
                piece = _at_once(file, offset, min(_PIECE, end - offset))
            if piece is None:
                piece = await (ahead or fetch(offset))
                after = offset + len(piece)
                # A thread has the next one ready when this one is encrypted and sent.
                ahead = fetch(after) if piece and after < end else None
            else:
                # A receiver faster than the sender never makes it wait, and others have turns.
                await asyncio.sleep(0)
            if not piece:
                raise BodyIncomplete("the file is shorter than it was")
            yield piece
            offset += len(piece)
    finally:
        if ahead is not None:
            # Its thread reads the file, which is closed after this.
            await asyncio.wait((ahead,))


def _at_once(file: int, offset: int, length: int) -> memoryview | None:
    """Bytes of *file* that are in memory; ``None`` if they are not, or nobody can tell."""
    piece = memoryview(bytearray(length))
    try:
        got = os.preadv(file, [piece], offset, os.RWF_NOWAIT)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP or not in_memory(os.fstat(file).st_dev):
            return None
        # Such a file system does not know the question, and has nothing to wait for either.
        got = os.preadv(file, [piece], offset)
    return piece[:got] if got else None

"""How a process writes: batches of changes, one durable commit for each, one batch at a time.

Transactions of all processes run under one ``flock``; waiting for it, and for the disk, is done in
threads and not on the event loop.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

import apsw

from lading.errors import LadingError, StorageFailed
from lading.metadata.connection import Connection
from lading.metadata.sqlite_connection import SqliteConnection, damaged, is_refusal
from lading.metadata.write_lock import WriteLock

log = logging.getLogger(__name__)

BATCH = 256
"""How many changes share a commit at most."""

CHECKPOINT_PAGES = 4_000
"""When the write-ahead log is copied into the database: at 16 MiB, looked at now and then.

Pages that changed many times meanwhile are copied once.
"""

_LOOK = 16
"""After how many commits is looked how long the log is: that is a question to the database."""

_OVERDUE = 4
"""At how many times that readers are waited for, because they kept the log from being reused."""

Work = Callable[[Connection], Any]


def untimed(_seconds: float) -> None:
    """Be told how long a commit took, and do nothing about it."""


class Task:
    """A piece of work that waits for a transaction, and then its outcome.

    ``settled`` says, to threads, that there is one; ``answered``, on the loop, that it was told.
    """

    __slots__ = ("answered", "error", "future", "late", "outcome", "settled", "work")

    def __init__(self, work: Work, future: asyncio.Future[Any] | None = None) -> None:
        self.work = work
        self.future = future
        self.late: asyncio.Future[None] | None = None
        self.settled = False
        self.answered = False
        self.outcome: Any = None
        self.error: BaseException | None = None

    def answer(self) -> None:
        """Tell whoever waits, if anybody still does."""
        self.answered = True
        if self.late is not None:
            self.late.set_result(None)
        if self.future is None or self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.outcome)

    def result(self) -> Any:
        """The outcome; raises why there is none."""
        if self.error is not None:
            raise self.error
        return self.outcome

    async def outlast(self) -> None:
        """Wait until it is answered, however often that is cancelled."""
        while not self.answered:
            self.late = self.late or asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait([self.late])
            except asyncio.CancelledError:
                continue


class Transactions:
    """Runs batches on a connection of its own, which it opens again when the database failed.

    *timed* is told how many seconds each commit took.
    """

    def __init__(
        self, connect: Callable[[], SqliteConnection], timed: Callable[[float], object] = untimed
    ) -> None:
        self._connect = connect
        self._timed = timed
        self._connection: SqliteConnection | None = None
        self._log_pages = 0
        self._unseen = 0
        self._overdue = CHECKPOINT_PAGES * _OVERDUE
        self._place: tuple[int, int] | None = None

    def transact(self, tasks: Sequence[Task], *, wait: bool = True) -> bool:
        """Do all of *tasks* in one commit; each that is refused leaves nothing.

        ``False``, and nothing is done, if that would take long and is not to be waited for: the
        database has to be opened first, or a program that is not ours is writing to it.
        """
        if self._connection is None and not wait:
            return False
        try:
            connection = self._connected()
        except StorageFailed as error:
            _fail(tasks, error)
            return True
        began = time.perf_counter()
        try:
            if not connection.begin(wait=wait):
                return False
            if len(tasks) == 1:
                connection.run("COMMIT" if _done(connection, tasks[0]) else "ROLLBACK")
            else:
                for task in tasks:
                    _attempt(connection, task)
                connection.run("COMMIT")
        except apsw.Error as error:
            failure = connection.translated(error)
            # What failed may have left the connection in any state; a new one begins clean.
            self.close()
            _fail(tasks, failure)
        self._timed(time.perf_counter() - began)
        return True

    def _connected(self) -> SqliteConnection:
        if self._connection is None:
            self._connection = self._connect()
            self._place = self._place or self._connection.place()
            self.require_place()
        return self._connection

    def require_place(self) -> None:
        """Refuse to write into a file that has lost its name: all would be gone with the process.

        Raises:
            StorageDamaged: the file was removed or replaced while it was in use.
        """
        connection = self._connection
        if connection is not None and connection.place() != self._place:
            raise damaged(
                f"{connection.name} was removed or replaced while in use; nothing is written until "
                "the server is stopped and the file is put back"
            )

    def look_sometimes(self) -> None:
        """After a commit: find out how long the log is, if that is long ago."""
        self._unseen += 1
        if self._unseen >= _LOOK:
            self._unseen = 0
            self.look()

    def look(self) -> None:
        """Find out how long the log is."""
        if self._connection is None:
            return
        try:
            self._log_pages = self._connection.log_pages()
        except apsw.Error as error:
            log.warning("the log cannot be looked at", extra={"reason": str(error)})

    @property
    def checkpoint_is_due(self) -> bool:
        """Whether the log has grown so much that it is to be copied into the database."""
        return self._log_pages >= CHECKPOINT_PAGES

    def checkpoint(self) -> None:
        """Copy the log into the database when it has grown."""
        pages, self._log_pages = self._log_pages, 0
        if self._connection is None or pages < CHECKPOINT_PAGES:
            return
        if pages <= CHECKPOINT_PAGES * _OVERDUE:
            self._overdue = CHECKPOINT_PAGES * _OVERDUE
        patient = pages > self._overdue
        if patient:
            # A reader may stay for long, such as one that copies the database: it is waited for
            # once in a while, and not at every commit.
            self._overdue = pages + CHECKPOINT_PAGES
        try:
            self._connection.checkpoint(patient=patient)
        except apsw.Error as error:
            # Nothing is lost: what was committed is in the log, and the next look tries again.
            log.warning("checkpoint failed", extra={"reason": str(error)})

    def finish(self) -> None:
        """Copy the whole log into the database and close."""
        self._log_pages = CHECKPOINT_PAGES
        self.checkpoint()
        self.close()

    def close(self) -> None:
        """Close the connection; the next batch opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _attempt(connection: SqliteConnection, task: Task) -> None:
    """Do one of several tasks, so that the others stay when it is refused."""
    connection.run("SAVEPOINT change")
    if not _done(connection, task):
        connection.run("ROLLBACK TO change")
    connection.run("RELEASE change")


def _done(connection: SqliteConnection, task: Task) -> bool:
    """Whether the task could be done; when it was refused, all that it wrote has to go."""
    try:
        task.outcome = task.work(connection)
    except apsw.Error as error:
        if not is_refusal(error):
            raise
        task.error = connection.translated(error)
    except Exception as error:  # noqa: BLE001 - belongs to whoever asked, not to this thread
        task.error = error
    return task.error is None


def _fail(tasks: Sequence[Task], failure: StorageFailed) -> None:
    for task in tasks:
        # Each waiter gets an error of its own: raising one writes to its traceback.
        task.error = type(failure)(failure.subject)
        task.error.__cause__ = failure.__cause__


class Writer:
    """Gathers work and does it in batches, one at a time.

    Work that is asked for on the event loop is done by a thread of the writer's own, or there if
    nothing has to be waited for. A thread that asks does its work itself when its turn comes, unless
    it was done along with somebody else's: so nobody has to be woken for it.
    """

    def __init__(self, transactions: Transactions, lock: WriteLock) -> None:
        self._transactions = transactions
        self._lock = lock
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._waiting: SimpleQueue[Task] = SimpleQueue()
        self._turn = threading.Lock()
        # What the thread is woken for: true to look for work, false to end.
        self._calls: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="metadata-writer", daemon=True)
        self._thread.start()

    async def do(self, work: Work) -> Any:
        """Do *work* in a transaction; when this returns, it is durable or was refused."""
        self._require_open()
        future: asyncio.Future[Any] = self._loop.create_future()
        task = Task(work, future)
        self._waiting.put(task)
        self._calls.put(True)
        try:
            return await future
        except asyncio.CancelledError:
            # The caller may hold a lock until the outcome is there, so that has to come first.
            await task.outlast()
            raise

    def do_blocking(self, work: Work) -> Any:
        """As `do`, for a thread that is not that of the event loop."""
        self._require_open()
        task = Task(work)
        self._waiting.put(task)
        with self._turn:
            while not task.settled:
                self._do_what_waits()
        self._have_log_copied()
        return task.result()

    def do_at_once(self, work: Work) -> Task | None:
        """Do *work* on the spot; ``None`` if others write or wait, here or in another process."""
        self._require_open()
        # What waits came first, and may take long.
        if not self._waiting.empty() or not self._turn.acquire(blocking=False):
            return None
        try:
            task = Task(work)
            done = self._do_batch([task], wait=False)
        finally:
            self._turn.release()
        self._have_log_copied()
        return task if done else None

    async def aclose(self) -> None:
        """Do what is waiting, and end the thread."""
        self._closed = True
        self._calls.put(False)
        await asyncio.to_thread(self._thread.join)

    def _have_log_copied(self) -> None:
        if self._transactions.checkpoint_is_due:
            # Not by whoever waits for an answer.
            self._calls.put(True)

    def _require_open(self) -> None:
        if self._closed:
            raise StorageFailed("the metadata store is closed")

    def _run(self) -> None:
        while self._calls.get():
            with self._turn:
                self._do_what_waits(checkpoint=True)
        with self._turn, self._lock:
            self._transactions.finish()

    def _do_what_waits(self, *, checkpoint: bool = False) -> None:
        """One batch, if anything waits; called by whoever has the turn."""
        tasks: list[Task] = []
        self._gather(tasks)
        if tasks or (checkpoint and self._transactions.checkpoint_is_due):
            self._do_batch(tasks, checkpoint=checkpoint)

    def _do_batch(self, tasks: list[Task], *, checkpoint: bool = False, wait: bool = True) -> bool:
        """Do *tasks*; ``False`` if others write, and are not to be waited for."""
        try:
            # Not under the lock, which others wait for.
            self._transactions.require_place()
            if not self._lock.acquire(wait=wait):
                return False
            try:
                if wait:
                    # Those that came while the lock was waited for share the commit.
                    self._gather(tasks)
                if tasks and not self._transactions.transact(tasks, wait=wait):
                    return False
                self._settle(tasks)
                # They are committed: what fails from here on is not theirs.
                tasks = []
                self._transactions.look_sometimes()
                if checkpoint:
                    self._transactions.checkpoint()
            finally:
                self._lock.release()
        except LadingError as error:
            self._give_up(tasks, error)
        except Exception as error:
            # A mistake of ours must not end the one thread that everybody waits for.
            log.exception("a batch of changes failed")
            self._transactions.close()
            self._give_up(tasks, StorageFailed(repr(error)))
        return True

    def _gather(self, tasks: list[Task]) -> None:
        """Add what waits by now."""
        # Nobody else takes any: whoever gathers has the turn.
        while len(tasks) < BATCH and not self._waiting.empty():
            tasks.append(self._waiting.get_nowait())

    def _settle(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            task.settled = True
        asked_on_loop = [task for task in tasks if task.future is not None]
        if asked_on_loop:
            self._loop.call_soon_threadsafe(_answer, asked_on_loop)

    def _give_up(self, tasks: Sequence[Task], error: LadingError) -> None:
        for task in tasks:
            task.error = task.error or error
        self._settle(tasks)


def _answer(tasks: Sequence[Task]) -> None:
    for task in tasks:
        task.answer()

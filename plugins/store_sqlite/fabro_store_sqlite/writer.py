"""The one thread that writes. Everything that waits when it is free is committed as one transaction.

One flush to disk serves the whole group, which is what makes durable appends fast. An operation checks before it
writes, so a refused one leaves nothing behind and the rest of its group goes through.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

from fabro_core.store import StoreError, StoreFenced, StoreUnavailable, Wakeup
from fabro_store_sqlite.changes import newest_change
from fabro_store_sqlite.connections import Database, HeldConnection
from fabro_store_sqlite.faults import DRIVER_FAULTS, concerns_one_statement, unavailable
from fabro_store_sqlite.fence import is_fenced

T = TypeVar("T")

GROUP_LIMIT: Final = 256

WAITING_LIMIT: Final = 10_000
"""Operations that wait, given up ones included: with more the thread stands still, as its disk does."""


class Transaction:
    """What an operation gets: the connection inside an open transaction, and a place for hints."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.wakeups: list[Wakeup] = []
        self.first_change = 0
        """The first change number taken; 0: none."""
        self.last_change = 0
        self.fenced = is_fenced(connection)

    def look_for_fence(self) -> None:
        """Something was done about the fence, for those that come after it."""
        self.fenced = is_fenced(self.connection)

    def next_changes(self, count: int) -> int:
        """Take the next `count` numbers of the order of all events, those of other processes too; returns the last."""
        if not self.first_change:
            self.last_change = newest_change(self.connection)
            self.first_change = self.last_change + 1
        self.last_change += count
        return self.last_change


Operation = Callable[[Transaction], T]
Committed = Callable[[Transaction], None]


class _Job(Generic[T]):
    """An operation, its outcome, and who waits for it. `on_fence`: it is about the fence itself."""

    __slots__ = ("_error", "_on_fence", "_operation", "_result", "waiter")

    def __init__(self, operation: Operation[T], waiter: asyncio.Future[T], on_fence: bool) -> None:
        self._operation: Operation[T] | None = operation
        self._on_fence = on_fence
        self._result: T | None = None
        self._error: BaseException | None = None
        self.waiter = waiter

    def run(self, transaction: Transaction) -> None:
        self._error = None
        operation = self._operation
        if operation is None:
            return
        try:
            if self._on_fence:
                self._result = operation(transaction)
                transaction.look_for_fence()
            elif transaction.fenced:
                raise StoreFenced
            else:
                self._result = operation(transaction)
        except StoreError as refusal:
            self._error = refusal

    def abandon(self) -> None:
        """Nobody waits any more: what has not begun is not done, and what it holds is let go."""
        self._operation = None

    def fail(self, error: BaseException) -> None:
        self._error = error

    def settle(self) -> None:
        # The caller may have been cancelled meanwhile; what it asked for is done or refused all the same.
        if self.waiter.done():
            return
        if self._error is None:
            self.waiter.set_result(self._result)  # type: ignore[arg-type]  # T may be None itself
        else:
            self.waiter.set_exception(self._error)


class Writer:
    """Takes operations from the event loop that it was made on and answers them after their commit."""

    def __init__(self, database: Database, committed: Committed) -> None:
        self._database = database
        self._held = HeldConnection(database)
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="fabro-sqlite-write", daemon=True)
        self._thread.start()

    async def run(self, operation: Operation[T]) -> T:
        """The result of `operation`, once it is on disk.

        Raises the `StoreError` that the operation raised, or `StoreUnavailable` when it was not committed. The
        operation may run more than once; only its last run counts.
        """
        return await self._done(operation, on_fence=False)

    async def run_on_fence(self, operation: Operation[T]) -> T:
        """As `run`, for what puts up or lifts the fence of the store, and may therefore pass it."""
        return await self._done(operation, on_fence=True)

    async def _done(self, operation: Operation[T], *, on_fence: bool) -> T:
        if self._closed:
            raise StoreUnavailable("The store is not open.")
        if self._jobs.qsize() >= WAITING_LIMIT:
            raise StoreUnavailable(f"The database {self._database.path} has finished nothing for too long.")
        waiter: asyncio.Future[T] = self._loop.create_future()
        job = _Job(operation, waiter, on_fence)
        self._jobs.put(job)
        try:
            return await waiter
        except asyncio.CancelledError:
            job.abandon()
            raise

    def close(self) -> None:
        """Finish what was accepted, then end. Blocks; call from a thread."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        open_ = True
        while open_:
            group: list[_Job[Any]] = []
            job = self._jobs.get()
            while job is not None:
                group.append(job)
                if len(group) == GROUP_LIMIT or self._jobs.empty():
                    break
                job = self._jobs.get()
            else:
                open_ = False
            if group:
                self._write(group)
        self._held.drop()

    def _write(self, group: list[_Job[Any]]) -> None:
        transaction = None
        try:
            transaction = self._commit(group)
        except Exception as fault:  # noqa: BLE001 - whatever went wrong, every waiter must get an answer
            if len(group) > 1 and concerns_one_statement(fault):
                for job in group:
                    self._write([job])
                return
            for job in group:
                job.fail(self._for_caller(fault))
        with suppress(RuntimeError):  # the loop has ended meanwhile, and nobody waits any more
            self._loop.call_soon_threadsafe(self._settle, group, transaction)

    def _commit(self, group: list[_Job[Any]]) -> Transaction:
        try:
            connection = self._held.get()
            connection.execute("BEGIN IMMEDIATE")
            transaction = Transaction(connection)
            for job in group:
                job.run(transaction)
            self._database.require_files()
            connection.execute("COMMIT")
        except BaseException:
            # Closing rolls back, and a new connection is the surest way out of a state that nobody foresaw.
            self._held.drop()
            raise
        return transaction

    def _settle(self, group: list[_Job[Any]], transaction: Transaction | None) -> None:
        for job in group:  # first: who asked goes on before those who are told of it
            job.settle()
        if transaction is not None:
            self._committed(transaction)

    def _for_caller(self, fault: Exception) -> Exception:
        if not isinstance(fault, DRIVER_FAULTS):
            return fault
        error = unavailable(self._database.path, fault)
        error.__cause__ = fault
        return error

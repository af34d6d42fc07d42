"""Where a read runs: on the event loop when it is short for certain, in a thread when it may be long.

A page query takes some 50 microseconds and a hop into a thread several times that, so the common reads do not hop.
They never wait for a lock either: one that meets a lock is repeated in a thread, which has the patience.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from fabro_core.store import RunPage, RunQuery, StoreUnavailable
from fabro_store_sqlite import run_lists
from fabro_store_sqlite.connections import Database, HeldConnection, snapshot
from fabro_store_sqlite.faults import DRIVER_FAULTS, is_lock, unavailable
from fabro_store_sqlite.page_cache import PageCache

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

SLOW_READS_AT_ONCE: Final = 2


class Readers:
    """The read connections of a store. Every method answers from one snapshot or raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held = HeldConnection(database, "PRAGMA query_only = ON", "PRAGMA busy_timeout = 0")
        self._threads = ThreadPoolExecutor(SLOW_READS_AT_ONCE, thread_name_prefix="fabro-sqlite-read")
        self._turns = asyncio.Semaphore(SLOW_READS_AT_ONCE)
        self._opening = asyncio.Lock()
        self._closed = False
        self._pages: PageCache | None = None

    async def quick(self, work: Work[T]) -> T:
        """For work that an index bounds: runs on the event loop."""
        return await self._on_loop(work, snapshot)

    async def statement(self, work: Work[T]) -> T:
        """For one statement that an index bounds, read to its end: it needs no transaction to see one state, which
        would take as long again."""
        return await self._on_loop(work, _by_itself)

    async def _on_loop(self, work: Work[T], run: Callable[[sqlite3.Connection, Work[T]], T]) -> T:
        connection = self._held.connection
        if connection is None:
            await self._open()
            return await self.slow(work)
        try:
            return run(connection, work)
        except DRIVER_FAULTS as fault:
            self._held.drop()
            if not is_lock(fault):
                raise unavailable(self._database.path, fault) from fault
        except BaseException:
            self._held.drop()
            raise
        return await self.slow(work)

    def require_file(self) -> None:
        """Return when the database is the file that was opened. Raises `StoreUnavailable`."""
        self._database.require_file()

    async def page(self, query: RunQuery) -> RunPage:
        """A page that an index bounds, from memory while the database has not changed."""
        kept = self._kept_page(query)
        return kept if kept is not None else await self.quick(partial(self._page, query=query))

    def _kept_page(self, query: RunQuery) -> RunPage | None:
        pages = self._pages
        if pages is None or pages.connection is not self._held.connection:
            return None
        try:
            return pages.kept(query)
        except DRIVER_FAULTS:
            return None  # the whole query meets the fault again, and says what follows from it

    def _page(self, connection: sqlite3.Connection, query: RunQuery) -> RunPage:
        if connection is not self._held.connection:  # in a thread, because the held one met a lock
            return run_lists.page(connection, query)
        if self._pages is None or self._pages.connection is not connection:
            self._pages = PageCache(connection)
        return self._pages.page(query)

    async def slow(self, work: Work[T]) -> T:
        """For work whose cost depends on the caller: runs in a thread and waits for locks."""
        return await self._hop(partial(self._in_thread, work))

    def close(self) -> None:
        """Wait for the reads that run, then close. Blocks; call from a thread."""
        self._closed = True
        self._threads.shutdown()
        self._held.drop()

    async def _open(self) -> None:
        # In a thread: a new connection reads the schema, which touches the disk and may meet a lock.
        async with self._opening:
            if self._held.connection is None:
                await self._hop(self._hold)

    async def _hop(self, call: Callable[[], T]) -> T:
        if self._closed:
            raise StoreUnavailable("The store is not open.")
        async with self._turns:  # whoever gives up waiting leaves nothing behind, also while the threads hang
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _hold(self) -> None:
        try:
            self._held.get()
        except DRIVER_FAULTS as fault:
            raise unavailable(self._database.path, fault) from fault

    def _in_thread(self, work: Work[T]) -> T:
        try:
            with self._database.connection() as connection:
                return snapshot(connection, work)
        except DRIVER_FAULTS as fault:
            raise unavailable(self._database.path, fault) from fault


def _by_itself(connection: sqlite3.Connection, work: Work[T]) -> T:
    return work(connection)

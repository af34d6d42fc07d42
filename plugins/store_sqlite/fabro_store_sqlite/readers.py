"""Where a read runs: on the event loop when it is short for certain, in a thread when it may be long.

A page query takes some 50 microseconds and a hop into a thread several times that, so the common reads do not hop.
They never wait for a lock either: one that meets a lock is repeated in a thread, which has the patience.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from fabro_core.errors import StoreUnavailable
from fabro_store_sqlite.connections import Database, HeldConnection, snapshot
from fabro_store_sqlite.faults import DRIVER_FAULTS, is_lock, unavailable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

SLOW_READS_AT_ONCE: Final = 2


class Readers:
    """The read connections of a store. Every method answers from one snapshot or raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held = HeldConnection(database, "PRAGMA query_only = ON", "PRAGMA busy_timeout = 0")
        self._threads = ThreadPoolExecutor(SLOW_READS_AT_ONCE, thread_name_prefix="fabro-sqlite-read")
        self._closed = False

    async def quick(self, work: Work[T]) -> T:
        """For work that an index bounds: runs on the event loop."""
        if self._closed:
            raise StoreUnavailable("The store is not open.")
        try:
            return snapshot(self._held.get(), work)
        except DRIVER_FAULTS as fault:
            self._held.drop()
            if not is_lock(fault):
                raise unavailable(fault) from fault
        except BaseException:
            self._held.drop()
            raise
        return await self.slow(work)

    async def slow(self, work: Work[T]) -> T:
        """For work whose cost depends on the caller: runs in a thread and waits for locks."""
        if self._closed:
            raise StoreUnavailable("The store is not open.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._in_thread, work)

    def close(self) -> None:
        """Wait for the reads that run, then close. Blocks; call from a thread."""
        self._closed = True
        self._threads.shutdown()
        self._held.drop()

    def _in_thread(self, work: Work[T]) -> T:
        try:
            with self._database.connection() as connection:
                return snapshot(connection, work)
        except DRIVER_FAULTS as fault:
            raise unavailable(fault) from fault

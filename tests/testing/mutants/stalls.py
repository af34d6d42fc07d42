"""Stores whose driver does not answer: what they hold meanwhile, and what is left when somebody has given up."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, suppress

from msgspec.structs import replace

from fabro_core.errors import StoreUnavailable
from fabro_core.store import records
from fabro_core.testing.store.stalling import StallConformance
from fabro_store_sqlite import SqliteRunStore
from tests.testing.bugs import breaks


@breaks("does not hold the event loop", found_by=StallConformance)
class WaitsOnTheLoop(SqliteRunStore):
    """Waits for the lock on the event loop."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        with closing(sqlite3.connect(self._path, timeout=20, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        return await super().append(batch)


@breaks("a call that is given up ends", found_by=StallConformance)
class DoesNotGiveUp(SqliteRunStore):
    """Waits for the end of what it has begun, whoever gives up."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        writing = asyncio.ensure_future(super().put_doc(write))
        while not writing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([writing])
        return writing.result()


@breaks("who is not answered gets StoreUnavailable", found_by=StallConformance)
class RaisesItsOwnError(SqliteRunStore):
    """Has a limit of its own, and an error of its own."""

    async def purge(self, now_ms: int, /) -> int:
        try:
            async with asyncio.timeout(0.05):
                return await super().purge(now_ms)
        except TimeoutError as error:
            raise ConnectionError("no answer from 10.0.0.7") from error


@breaks("as soon as its driver answers", found_by=StallConformance)
class KeepsItsLock(SqliteRunStore):
    """Does not give its lock back when somebody gives up waiting."""

    _lock: asyncio.Lock | None = None

    async def append(self, batch: records.AppendBatch, /) -> int:
        if self._lock is None:
            self._lock = asyncio.Lock()
        await self._lock.acquire()
        try:
            seq = await super().append(batch)
        except StoreUnavailable:
            self._lock.release()
            raise
        self._lock.release()
        return seq


@breaks("as soon as its driver answers", found_by=StallConformance)
class GoneForGood(SqliteRunStore):
    """Takes a call that somebody gave up for the end of its driver."""

    _gone = False

    async def append(self, batch: records.AppendBatch, /) -> int:
        if self._gone:
            raise StoreUnavailable("The database is gone.")
        try:
            return await super().append(batch)
        except asyncio.CancelledError:
            self._gone = True
            raise

    async def ping(self) -> None:
        if self._gone:
            raise StoreUnavailable("The database is gone.")
        await super().ping()


@breaks("keeps no connection and no lock", found_by=StallConformance)
class LosesConnections(SqliteRunStore):
    """Has a hundred connections for appends, and does not get back those of callers that gave up."""

    _free: asyncio.Semaphore | None = None

    async def append(self, batch: records.AppendBatch, /) -> int:
        if self._free is None:
            self._free = asyncio.Semaphore(100)
        await self._free.acquire()
        seq = await super().append(batch)
        self._free.release()
        return seq


@breaks("never half a batch", found_by=StallConformance)
class GoesOnWithHalf(SqliteRunStore):
    """Writes a batch in two steps, of which the first is done also for a caller that has given up."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        if len(batch.events) == 1:
            return await super().append(batch)
        first = replace(batch, events=batch.events[:1], row=replace(batch.row, seq=batch.events[0].seq))
        seq = await asyncio.shield(asyncio.ensure_future(super().append(first)))
        return await super().append(replace(batch, expected_seq=seq, events=batch.events[1:]))

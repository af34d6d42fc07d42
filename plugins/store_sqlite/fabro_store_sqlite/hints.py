"""Hints about appends: at once for this process's own, by looking every tenth of a second for those of others.

SQLite cannot notify another process, so each append takes the next number of one counter, and whoever has seen the
counter at N asks for the rows beyond N. Reading the counter costs a few microseconds, no more than asking SQLite
whether the file has changed, which is no answer to "by whom".
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from sqlalchemy import bindparam, select

from fabro_core.store import StoreUnavailable, Wakeup, WakeupHub
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.readers import Readers
from fabro_store_sqlite.schema import CHANGE_COUNTER, RUNS
from fabro_store_sqlite.writer import Transaction

POLL_SECONDS: Final = 0.1
MOST_AT_ONCE: Final = 1_000
"""Bounds one look, which happens on the event loop; the next one goes on from there."""

_R = RUNS.c
_NEWEST: Final = sql(select(CHANGE_COUNTER.c.newest))
_SINCE: Final = sql(
    select(_R.id, _R.seq, _R.change_no)
    .where(_R.change_no > bindparam("seen"))
    .order_by(_R.change_no)
    .limit(bindparam("limit"))
)


class Hints:
    """Feeds `watch()`. Lives on the event loop; `announce` and `follow_others` take turns by construction."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._hub = WakeupHub()
        self._seen = 0

    async def start(self) -> None:
        """Look from the present on."""
        self._seen = await self._readers.quick(newest)

    def watch(self) -> AsyncIterator[Wakeup]:
        return self._hub.watch()

    def announce(self, transaction: Transaction) -> None:
        """Hand out the hints of an own transaction that has been committed."""
        self._hub.announce(transaction.wakeups)
        if transaction.first_change == self._seen + 1:
            self._seen = transaction.last_change

    async def follow_others(self, logger: logging.Logger) -> None:
        """Announce what other processes append, until cancelled. A store that is down for a while is waited for."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self._look()
            except StoreUnavailable as fault:
                logger.debug("cannot look for the appends of other processes: %s", fault)

    async def _look(self) -> None:
        if not self._hub.watched:
            self._seen = await self._readers.quick(newest)
            return
        rows = await self._readers.quick(partial(since, seen=self._seen))
        self._hub.announce(Wakeup(run_id=run_id, seq=seq) for run_id, seq, _ in rows)
        if rows:
            self._seen = max(self._seen, rows[-1][2])

    def close(self) -> None:
        """End every watch."""
        self._hub.close()


def newest(connection: sqlite3.Connection) -> int:
    """The newest number the counter has given."""
    (number,) = connection.execute(_NEWEST).fetchone()
    return int(number)


def since(connection: sqlite3.Connection, seen: int) -> list[tuple[str, int, int]]:
    """(run id, newest sequence number, change number) of runs that changed after `seen`, oldest change first."""
    return connection.execute(_SINCE, {"seen": seen, "limit": MOST_AT_ONCE}).fetchall()

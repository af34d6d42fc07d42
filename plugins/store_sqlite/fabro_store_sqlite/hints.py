"""Hints about appends: at once for this process's own, by looking every tenth of a second for those of others.

SQLite cannot notify another process, so whoever has seen the change number N asks for the events beyond N. Reading the
newest number costs a few microseconds, no more than asking SQLite whether the file has changed, which is no answer to
"by whom".
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from sqlalchemy import bindparam, func, select

from fabro_core.store import StoreUnavailable, Wakeup, WakeupHub
from fabro_store_sqlite.changes import newest_change
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.event_keys import run_of_event, seq_of_event
from fabro_store_sqlite.readers import Readers
from fabro_store_sqlite.schema import EVENTS, RUNS
from fabro_store_sqlite.writer import Transaction

POLL_SECONDS: Final = 0.1
MOST_AT_ONCE: Final = 4_000
"""Events that one look covers, which happens on the event loop; the next one goes on from there."""

_E = EVENTS.c
_new = (
    select(run_of_event.label("run"), seq_of_event.label("seq"), _E.change_no)
    .where(_E.change_no > bindparam("seen"))
    .order_by(_E.change_no)
    .limit(bindparam("limit"))
    .subquery()
)
_runs = (
    select(_new.c.run, func.max(_new.c.seq).label("seq"), func.max(_new.c.change_no).label("change_no"))
    .group_by(_new.c.run)
    .subquery()
)
SINCE: Final = sql(
    select(RUNS.c.id, _runs.c.seq, _runs.c.change_no).select_from(_runs.join(RUNS, RUNS.c.run == _runs.c.run))
)


class Hints:
    """Feeds `watch()`. Lives on the event loop; `announce` and `follow_others` take turns by construction."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._hub = WakeupHub()
        self._seen = 0

    async def start(self) -> None:
        """Look from the present on."""
        self._seen = await self._readers.statement(newest_change)

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
            self._seen = await self._readers.statement(newest_change)
            return
        rows = await self._readers.statement(partial(since, seen=self._seen))
        self._hub.announce(Wakeup(run_id=run_id, seq=seq) for run_id, seq, _ in rows)
        if rows:
            self._seen = max(self._seen, *(change for _, _, change in rows))

    def close(self) -> None:
        """End every watch."""
        self._hub.close()


def since(connection: sqlite3.Connection, seen: int) -> list[tuple[str, int, int]]:
    """(run id, newest sequence number, change number) of the runs that the next events after `seen` belong to."""
    return connection.execute(SINCE, {"seen": seen, "limit": MOST_AT_ONCE}).fetchall()

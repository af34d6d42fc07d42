"""Pages of runs that need not be read again while nothing in the database has changed.

A page is kept together with `PRAGMA data_version` of the connection that read it, taken in the same snapshot. That
number changes whenever another connection, of this process or any other, commits a change. The connection that reads
is `query_only`, so every change is another connection's: while the number stands, the page is what a new query
would answer.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from fabro_core.store import RunPage, RunQuery, RunSort
from fabro_store_sqlite import run_lists

MAX_HITS: Final = 4_000
"""Runs in all kept pages together: some ten megabytes."""

_Key = tuple[object, ...]


class PageCache:
    """The pages of one connection, all of one version of the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._version: int | None = None
        self._pages: dict[_Key, RunPage] = {}
        self._hits = 0

    def kept(self, query: RunQuery) -> RunPage | None:
        """The page of `query` if it is kept and still stands; None: ask for it with `page`.

        Outside of a transaction the statement looks at the database by itself, so it is a snapshot of its own.
        """
        page = self._pages.get(_key(query))
        return page if page is not None and self._read_version() == self._version else None

    def page(self, query: RunQuery) -> RunPage:
        """The page of `query`. Call it inside a snapshot of the connection."""
        version = self._read_version()
        if version != self._version:
            self._forget()
            self._version = version
        key = _key(query)
        page = self._pages.get(key)
        if page is None:
            page = run_lists.page(self.connection, query)
            if query.sort is not RunSort.ELAPSED:  # whose order moves with the clock
                self._keep(key, page)
        return page

    def _read_version(self) -> int:
        version: int
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        return version

    def _keep(self, key: _Key, page: RunPage) -> None:
        if self._hits + len(page.hits) > MAX_HITS:
            self._forget()
        self._pages[key] = page
        self._hits += len(page.hits)

    def _forget(self) -> None:
        self._pages.clear()
        self._hits = 0


def _key(query: RunQuery) -> _Key:
    """Everything of a query but the instant, which only `elapsed` looks at."""
    return (
        query.buckets,
        query.sort,
        query.direction,
        query.limit,
        query.offset,
        query.parent_id,
        query.automation_id,
    )

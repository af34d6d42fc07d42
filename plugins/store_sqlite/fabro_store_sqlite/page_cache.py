"""Pages of runs that need not be read again while no run has changed.

A page is kept together with `PRAGMA data_version` of the connection that read it, taken in the same snapshot. That
number changes whenever another connection, of this process or any other, commits a change. The connection that reads
is `query_only`, so every change is another connection's: while the number stands, the page is what a new query
would answer.

When it has changed, that may have been for a document, as of a sign-in, which no page shows. So pages are also kept
with the `RunsState` of their snapshot: the newest change number and how many runs there are. An append gives new change
numbers, and none is ever given twice; nothing else but a deletion changes runs, and that leaves fewer. Where both are
what they were, neither has happened.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from fabro_core.store import RunPage, RunQuery, RunSort
from fabro_store_sqlite import run_lists
from fabro_store_sqlite.run_lists import RunsState, runs_state

MAX_BYTES: Final = 16 * 1024 * 1024
"""Of all kept pages together."""

_PAGE_BYTES: Final = 1_024
_HIT_BYTES: Final = 512
"""What a page, and a run on it, take beside the bytes of bodies and the texts that a client has asked with."""

_Key = tuple[object, ...]


class PageCache:
    """The pages of one connection, all of one version of the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._version: int | None = None
        self._state: RunsState | None = None
        """That of the pages that are kept."""
        self._pages: dict[_Key, RunPage] = {}
        self._bytes = 0

    def kept(self, query: RunQuery) -> RunPage | None:
        """The page of `query` if it is kept and still stands; None: ask for it with `page`. Needs no snapshot."""
        key = _key(query)
        if key not in self._pages:
            return None
        self._bring_up_to_date()
        return self._pages.get(key)

    def page(self, query: RunQuery) -> RunPage:
        """The page of `query`. Call it inside a snapshot of the connection."""
        self._bring_up_to_date()
        key = _key(query)
        page = self._pages.get(key)
        if page is None:
            page = run_lists.page(self.connection, query)
            if query.sort is not RunSort.ELAPSED:  # whose order moves with the clock
                self._keep(key, page)
        return page

    def _bring_up_to_date(self) -> None:
        """Forget the pages unless they still stand.

        Outside of a snapshot something may be committed between the two statements. The state is then newer than the
        version that is remembered with it, so that whoever comes next asks for the state again.
        """
        version = self._read_version()
        if version != self._version:
            state = runs_state(self.connection)
            if state != self._state:
                self._forget()
            self._version, self._state = version, state

    def _read_version(self) -> int:
        version: int
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        return version

    def _keep(self, key: _Key, page: RunPage) -> None:
        size = _size(key, page)
        if self._bytes + size > MAX_BYTES:
            self._forget()
        if size <= MAX_BYTES:
            self._pages[key] = page
            self._bytes += size

    def _forget(self) -> None:
        self._pages.clear()
        self._bytes = 0


def _size(key: _Key, page: RunPage) -> int:
    texts = sum(len(each) for each in key if isinstance(each, str))
    return _PAGE_BYTES + texts + sum(_HIT_BYTES + len(hit.body) for hit in page.hits)


def _key(query: RunQuery) -> _Key:
    """Everything of a query but the instant, which only `elapsed` looks at."""
    return (
        query.buckets,
        query.sort,
        query.direction,
        query.limit,
        query.offset,
        *query.facets,
    )

"""Reading the events of all runs in the order of their change numbers, which is the order of the commits."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Final

from sqlalchemy import bindparam, select

from fabro_core.store import FeedEvent, FeedPage, FeedQuery, first_page
from fabro_store_sqlite.changes import newest_change
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.event_keys import run_of_event, seq_of_event
from fabro_store_sqlite.schema import EVENTS, RUNS

_E = EVENTS.c
_SINCE: Final = sql(
    select(_E.change_no, RUNS.c.id, seq_of_event, _E.body)
    .select_from(EVENTS.join(RUNS, RUNS.c.run == run_of_event))
    .where(_E.change_no > bindparam("after"))
    .order_by(_E.change_no)
    .limit(bindparam("limit"))
)


def feed_page(connection: sqlite3.Connection, query: FeedQuery) -> FeedPage:
    """The page; call it inside a snapshot, so that its position speaks of the events that it reads."""
    position = newest_change(connection)
    if query.after is None:
        return FeedPage(events=(), position=position, has_more=False)
    with closing(connection.execute(_SINCE, {"after": query.after, "limit": query.limit + 1})) as rows:
        following = (
            FeedEvent(position=number, run_id=run_id, seq=seq, body=body) for number, run_id, seq, body in rows
        )
        events, has_more = first_page(following, query)
    return FeedPage(events=events, position=events[-1].position if has_more else position, has_more=has_more)

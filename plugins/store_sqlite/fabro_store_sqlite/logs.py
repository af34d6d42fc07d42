"""Reading a run's log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Final

import msgspec
from sqlalchemy import BindParameter, bindparam, select

from fabro_core.store import EventPage, EventQuery, EventRecord, FeedQuery, first_page
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.event_keys import MAX_SEQ, event_key_of, seq_of_event
from fabro_store_sqlite.schema import EVENT_TAGS, EVENTS, RUNS

LOOP_EVENTS: Final = 200
LOOP_BYTES: Final = 2 * 1024 * 1024
"""What a page may have when it is read on the event loop; copying so much takes a millisecond."""

_E, _T = EVENTS.c, EVENT_TAGS.c
_COLUMNS = (seq_of_event, _E.kind, _E.tags, _E.body)
_RUN = select(RUNS.c.run).where(RUNS.c.id == bindparam("id")).scalar_subquery()

_plain = select(*_COLUMNS).where(
    _E.event > event_key_of(_RUN, bindparam("after")), _E.event <= event_key_of(_RUN, bindparam("last"))
)
_tagged = (
    select(*_COLUMNS)
    .select_from(EVENT_TAGS.join(EVENTS, _E.event == event_key_of(_T.run, _T.seq)))
    .where(_T.run == _RUN, _T.tag == bindparam("tag"), _T.seq > bindparam("after"), _T.seq <= bindparam("last"))
)


_LIMIT: BindParameter[int] = bindparam("limit")

_PAGE: Final = sql(_plain.order_by(_E.event).limit(_LIMIT))
_PAGE_REVERSED: Final = sql(_plain.order_by(_E.event.desc()).limit(_LIMIT))
_TAGGED_PAGE: Final = sql(_tagged.order_by(_T.seq).limit(_LIMIT))
_TAGGED_PAGE_REVERSED: Final = sql(_tagged.order_by(_T.seq.desc()).limit(_LIMIT))


def is_short(query: EventQuery | FeedQuery) -> bool:
    """The page may be read on the event loop."""
    bounded = query.max_bytes is not None and query.max_bytes <= LOOP_BYTES
    return query.limit == 1 or (bounded and query.limit <= LOOP_EVENTS)


def event_page(connection: sqlite3.Connection, query: EventQuery) -> EventPage:
    """The page; empty for an unknown run."""
    if query.tag is None:
        text = _PAGE_REVERSED if query.reverse else _PAGE
    else:
        text = _TAGGED_PAGE_REVERSED if query.reverse else _TAGGED_PAGE
    binds = {
        "id": query.run_id,
        "tag": query.tag,
        "after": min(query.after_seq, MAX_SEQ),
        "last": MAX_SEQ if query.before_seq is None else min(query.before_seq - 1, MAX_SEQ),
        "limit": query.limit + 1,
    }
    # Closed before the snapshot ends: a cursor that was not read to its end would keep it open.
    with closing(connection.execute(text, binds)) as rows:
        matching = (
            EventRecord(seq=seq, kind=kind, body=body, tags=_TAGS.decode(tags) if tags else ())
            for seq, kind, tags, body in rows
        )
        events, has_more = first_page(matching, query)
    return EventPage(events=events, has_more=has_more)


_TAGS = msgspec.json.Decoder(tuple[str, ...])

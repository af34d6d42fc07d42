"""Reading a run's log, and the events of all runs.

The server works out where a page ends, from the sizes of bodies, which it knows without reading them: what is not on
the page is not sent.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Select, Text, bindparam, case, func, literal_column, or_, select, true

from fabro_core.store import EventPage, EventQuery, EventRecord, FeedEvent, FeedPage, FeedQuery
from fabro_store_postgres.compiling import sql
from fabro_store_postgres.connections import Connections
from fabro_store_postgres.long_texts import folded
from fabro_store_postgres.schema import EVENT_TAGS, EVENTS, POSITIONS

MOST: Final = 2**63 - 1

_E, _T = EVENTS.c, EVENT_TAGS.c
_RUN: Final = bindparam("run_id", type_=Text)
_AFTER: Final = bindparam("after", type_=BigInteger)
_BEFORE: Final = bindparam("before", type_=BigInteger)
_LIMIT: Final = bindparam("limit", type_=BigInteger)
_ONE: Final[ColumnElement[int]] = literal_column("1")


def _page_of(matching: Select[Any], order: str, *, descending: bool = False) -> Select[Any]:
    """The events that a page has of all that match, and one more if there is one, which has no body."""
    key: ColumnElement[Any] = literal_column(order)
    direction = key.desc() if descending else key.asc()
    found = matching.order_by(direction).limit(_LIMIT + _ONE).subquery("found")
    along = found.c[order].desc() if descending else found.c[order].asc()
    number = func.row_number().over(order_by=along).label("number")
    size = func.sum(func.octet_length(found.c.body)).over(order_by=along, rows=(None, 0)).label("size")
    sized = select(found, number, size).subquery("sized")
    fits = or_(sized.c.number == _ONE, sized.c.size <= bindparam("max_bytes", type_=BigInteger))
    body = case(((sized.c.number <= _LIMIT) & fits, sized.c.body)).label("body")
    columns = [sized.c[column.name] for column in matching.selected_columns if column.name != "body"]
    return select(*columns, body, sized.c.number)


_columns = (_E.seq.label("seq"), _E.kind, _E.tags, _E.body)
_plain = select(*_columns).where(_E.run_id == _RUN, _E.seq > _AFTER, _E.seq < _BEFORE)
_tagged = (
    select(*_columns)
    .select_from(EVENT_TAGS.join(EVENTS, (_E.run_id == _T.run_id) & (_E.seq == _T.seq)))
    .where(_T.run_id == _RUN, _T.tag == bindparam("tag", type_=Text), _T.seq > _AFTER, _T.seq < _BEFORE)
)
_PAGES: Final = {
    (tagged, reverse): sql(_page_of(matching, "seq", descending=reverse).order_by(literal_column("number")))
    for tagged, matching in ((False, _plain), (True, _tagged))
    for reverse in (False, True)
}
"""By whether a tag is asked for, and whether the newest come first."""

_following = select(_E.position.label("position"), _E.run_id, _E.seq, _E.body).where(_E.position > _AFTER)
_next = _page_of(_following, "position").lateral("next")
_FEED: Final = sql(
    select(POSITIONS.c.newest, _next.c.position, _next.c.run_id, _next.c.seq, _next.c.body)
    .select_from(POSITIONS.outerjoin(_next, true()))
    .order_by(_next.c.number)
)
_PRESENT: Final = sql(select(POSITIONS.c.newest))


async def event_page(connections: Connections, query: EventQuery) -> EventPage:
    """The page; empty for an unknown run."""
    binds = {
        "run_id": query.run_id,
        "tag": None if query.tag is None else folded(query.tag),
        "after": min(query.after_seq, MOST),
        "before": MOST if query.before_seq is None else min(query.before_seq, MOST),
        "limit": query.limit,
        "max_bytes": MOST if query.max_bytes is None else query.max_bytes,
    }
    rows = await connections.rows(_PAGES[query.tag is not None, query.reverse], binds)
    events = tuple(
        EventRecord(seq=seq, kind=kind, body=body, tags=_TAGS.decode(tags) if tags else ())
        for seq, kind, tags, body, _ in rows
        if body is not None
    )
    return EventPage(events=events, has_more=len(rows) > len(events))


async def newest_position(connections: Connections) -> int:
    """The newest position that was given."""
    ((newest,),) = await connections.rows(_PRESENT, {})
    return int(newest)


async def feed_page(connections: Connections, query: FeedQuery) -> FeedPage:
    """The page, and the position that it leads to, from one snapshot."""
    if query.after is None:
        return FeedPage(events=(), position=await newest_position(connections), has_more=False)
    binds = {
        "after": query.after,
        "limit": query.limit,
        "max_bytes": MOST if query.max_bytes is None else query.max_bytes,
    }
    rows = await connections.rows(_FEED, binds)
    events = tuple(
        FeedEvent(position=position, run_id=run_id, seq=seq, body=body)
        for _, position, run_id, seq, body in rows
        if body is not None
    )
    has_more = any(position is not None and body is None for _, position, _, _, body in rows)
    newest = rows[0][0]
    return FeedPage(events=events, position=events[-1].position if has_more else newest, has_more=has_more)


_TAGS = msgspec.json.Decoder(tuple[str, ...])

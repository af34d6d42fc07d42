"""Reading a run's log and the feed of all runs."""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.store import EventPage, EventQuery, EventRecord, FeedEvent, FeedPage, FeedQuery
from fabro_store_redis import scripts
from fabro_store_redis.packing import argument, lua_string
from fabro_store_redis.runs import tag_key
from fabro_store_redis.scripts import Script

_AFTER_ANY_SEQ: Final = 2**63 - 1


class _StoredEvent(msgspec.Struct, frozen=True, array_like=True):
    seq: int
    kind: str
    body: bytes
    tags: tuple[str, ...]


class _StoredPage(msgspec.Struct, frozen=True, array_like=True):
    has_more: bool
    events: tuple[_StoredEvent, ...]


class _StoredFeedEvent(msgspec.Struct, frozen=True, array_like=True):
    position: int
    run_id: str
    event: _StoredEvent


class _StoredFeedPage(msgspec.Struct, frozen=True, array_like=True):
    position: int
    has_more: bool
    gap: bool
    events: tuple[_StoredFeedEvent, ...]


_PAGE: Final = msgspec.msgpack.Decoder(_StoredPage)
_FEED: Final = msgspec.msgpack.Decoder(_StoredFeedPage)


def read_script(query: EventQuery) -> tuple[Script, tuple[str | bytes | int, ...]]:
    """The script that answers the query, and its arguments."""
    first = query.after_seq + 1
    last = _AFTER_ANY_SEQ if query.before_seq is None else max(query.before_seq - 1, 0)
    if query.tag is None:
        command, start, stop = ("XREVRANGE", last, first) if query.reverse else ("XRANGE", first, last)
        return scripts.READ, (query.run_id, command, start, stop, query.limit, _bound(query))
    start_key, stop_key = (lua_string(b"[" + tag_key(query.tag, seq)) for seq in (first, last))
    if query.reverse:
        start_key, stop_key = stop_key, start_key
    bounds = {} if query.max_bytes is None else {"max_bytes": query.max_bytes}
    asked = argument(
        id=query.run_id, start=start_key, stop=stop_key, reverse=query.reverse, limit=query.limit, **bounds
    )
    return scripts.READ_TAGGED, (asked,)


def event_page(answer: bytes) -> EventPage:
    """The page, from what its script has found."""
    found = _PAGE.decode(answer)
    events = tuple(EventRecord(seq=each.seq, kind=each.kind, body=each.body, tags=each.tags) for each in found.events)
    return EventPage(events=events, has_more=found.has_more)


def feed_arguments(query: FeedQuery) -> tuple[str | int, ...]:
    """The arguments of the script `read_feed`."""
    return "" if query.after is None else query.after, query.limit, _bound(query)


def feed_page(answer: bytes) -> FeedPage:
    """The page, from what its script has found."""
    found = _FEED.decode(answer)
    events = tuple(
        FeedEvent(position=each.position, run_id=each.run_id, seq=each.event.seq, body=each.event.body)
        for each in found.events
    )
    return FeedPage(events=events, position=found.position, has_more=found.has_more, gap=found.gap)


def _bound(query: EventQuery | FeedQuery) -> str | int:
    """Of bytes, as a script takes it: what is no number is no bound."""
    return "" if query.max_bytes is None else query.max_bytes

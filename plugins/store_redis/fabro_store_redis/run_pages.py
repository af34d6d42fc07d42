"""Which script makes a page of runs, and from which sorted sets.

Every run is filed under its bucket in three lists at most: that of all runs, its parent's, its automation's. For each
list, sort key and direction there is a sorted set a bucket, and one of the ids alone.
"""

from __future__ import annotations

from fabro_core.store.records import RunQuery, RunSort
from fabro_store_redis import scripts
from fabro_store_redis.packing import argument, lua_string
from fabro_store_redis.runs import BEGUN
from fabro_store_redis.scripts import Script

_AFTER_ANY_ID = b"\xff"


def page_script(query: RunQuery) -> tuple[Script, bytes]:
    """The script that answers the query, and its argument."""
    lists = _lists(query)
    if query.id_prefix or len(lists) > 1:
        return scripts.PAGE_OF_MATCHES, _matches(query, lists)
    if query.sort is RunSort.STATUS:
        sets = [_ids(bucket, lists[0]) for bucket in _buckets(query)]
        return scripts.PAGE_OF_BUCKETS, argument(sets=sets, offset=query.offset, limit=query.limit)
    return scripts.PAGE_OF_ORDERS, argument(sources=_sources(query, lists[0]), offset=query.offset, limit=query.limit)


def _lists(query: RunQuery) -> list[str]:
    """The lists that the query's runs are in; that of all runs when no filter names another."""
    named = []
    if query.parent_id is not None:
        named.append(f"parent:{query.parent_id}")
    if query.automation_id is not None:
        named.append(f"automation:{query.automation_id}")
    return named or ["all"]


def _buckets(query: RunQuery) -> list[int]:
    """In the order of `sort=status`."""
    return sorted(query.buckets, reverse=query.direction == "desc")


def _ids(bucket: int, list_name: str) -> str:
    return f"ids:{bucket}:{list_name}"


def _sources(query: RunQuery, list_name: str) -> list[tuple[str, int]]:
    def sources_of(key: str, shift: int) -> list[tuple[str, int]]:
        return [(f"order:{key}:{query.direction}:{int(each)}:{list_name}", shift) for each in query.buckets]

    if query.sort is RunSort.ELAPSED:
        return [*sources_of(RunSort.ELAPSED, 0), *sources_of(BEGUN, _shift(query))]
    return sources_of(query.sort, 0)


def _shift(query: RunQuery) -> int:
    """What makes a key of `BEGUN` one of `RunSort.ELAPSED`.

    The sets that are read for a descending page hold `~begun`, which is `-begun - 1`; those that are read for an
    ascending page hold `begun` where the others hold `~elapsed`.
    """
    return query.now_ms + 1 if query.direction == "desc" else -query.now_ms - 1


def _matches(query: RunQuery, lists: list[str]) -> bytes:
    buckets = _buckets(query)
    first, *also = [[_ids(bucket, each) for bucket in buckets] for each in lists]
    prefix = (query.id_prefix or "").encode()
    return argument(
        buckets=buckets,
        sets=first,
        also=also[0] if also else None,
        first=lua_string(b"[" + prefix),
        last=lua_string(b"[" + prefix + _AFTER_ANY_ID),
        sort=query.sort,
        descending=query.direction == "desc",
        shift=_shift(query),
        offset=query.offset,
        limit=query.limit,
    )

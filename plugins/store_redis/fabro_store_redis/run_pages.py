"""Which script makes a page of runs, and from which sorted sets.

Every run is filed under its bucket in three lists at most: that of all runs, its parent's, its automation's. For each
list, sort key and direction there is a sorted set a bucket, and one of the ids alone.
"""

from __future__ import annotations

from fabro_core.store import Bucket, RunIdPage, RunIdQuery, RunQuery, RunSort
from fabro_store_redis import scripts
from fabro_store_redis.packing import argument, lua_string
from fabro_store_redis.runs import BEGUN
from fabro_store_redis.scripts import Script

_ALL = "all"
_AFTER_ANY_ID = b"\xff"


def page_script(query: RunQuery) -> tuple[Script, bytes]:
    """The script that answers the query, and its argument."""
    if query.sort is RunSort.STATUS:
        in_order = sorted(query.buckets, reverse=query.direction == "desc")
        sets = [_ids(bucket, _list_of(query)) for bucket in in_order]
        return scripts.PAGE_OF_BUCKETS, argument(sets=sets, offset=query.offset, limit=query.limit)
    return scripts.PAGE_OF_ORDERS, argument(sources=_sources(query), offset=query.offset, limit=query.limit)


def ids_argument(query: RunIdQuery) -> bytes:
    """The argument of the script that lists ids; one more than the page has, when there is one."""
    within = f"[{query.prefix}".encode()
    beyond = f"({query.after_id}".encode() if query.after_id is not None and query.after_id >= query.prefix else within
    return argument(
        sets=[_ids(bucket, _ALL) for bucket in Bucket],
        first=lua_string(beyond),
        last=lua_string(within + _AFTER_ANY_ID),
        limit=query.limit + 1,
    )


def id_page(answer: list[bytes], query: RunIdQuery) -> RunIdPage:
    """The page of what the script has found in each bucket."""
    ids = sorted(run_id.decode() for run_id in answer)
    return RunIdPage(ids=tuple(ids[: query.limit]), has_more=len(ids) > query.limit)


def _list_of(query: RunQuery) -> str:
    """The list that the query's runs are in."""
    if query.parent_id is not None:
        return f"parent:{query.parent_id}"
    return _ALL if query.automation_id is None else f"automation:{query.automation_id}"


def _ids(bucket: int, list_name: str) -> str:
    return f"ids:{int(bucket)}:{list_name}"


def _sources(query: RunQuery) -> list[tuple[str, int]]:
    list_name = _list_of(query)

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

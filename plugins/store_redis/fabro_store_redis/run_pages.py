"""Which script makes a page of runs, and from which sorted sets.

Every run is filed under its bucket: in the list of all runs, with a sorted set for each sort key and direction and one
of the ids alone, and in the lists of its facets, with the order of creation and the ids alone. What no set is in the
order of is a search: each run of a list is looked at.
"""

from __future__ import annotations

from fabro_core.store import Bucket, RunIdPage, RunIdQuery, RunQuery, RunSort
from fabro_store_redis import scripts
from fabro_store_redis.packing import argument, lua_string, number_key
from fabro_store_redis.runs import BEGUN
from fabro_store_redis.scripts import Script

_ALL = "all"
_AFTER_ANY_ID = b"\xff"
_ORDERS_OF_FACETS = (RunSort.CREATED_AT, RunSort.STATUS)


def page_script(query: RunQuery) -> tuple[Script, bytes]:
    """The script that answers the query, and its argument."""
    if query.is_search or (query.facets and query.sort not in _ORDERS_OF_FACETS):
        return scripts.SEARCH, _search_argument(query)
    if query.sort is RunSort.STATUS:
        in_order = sorted(query.buckets, reverse=query.direction == "desc")
        sets = [_ids(bucket, _list_of(query)) for bucket in in_order]
        return scripts.PAGE_OF_BUCKETS, argument(sets=sets, offset=query.offset, limit=query.limit)
    return scripts.PAGE_OF_ORDERS, argument(sources=_sources(query), offset=query.offset, limit=query.limit)


def _search_argument(query: RunQuery) -> bytes:
    first, last = query.created_from_ms, query.created_to_ms
    return argument(
        facets=query.facets,
        words=[lua_string(word.encode()) for word in query.words],
        first=lua_string(b"-" if first is None else b"[" + number_key(first)),
        last=lua_string(b"+" if last is None else b"(" + number_key(last)),
        buckets=[int(bucket) for bucket in query.buckets],
        sort=query.sort,
        ascending=query.direction == "asc",
        shift=query.now_ms + 1,
        offset=query.offset,
        limit=query.limit,
        max_rows=query.max_rows if query.is_search else None,
    )


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
    return f"={query.facets[0]}" if query.facets else _ALL


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

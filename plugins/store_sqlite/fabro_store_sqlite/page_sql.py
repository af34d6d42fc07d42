"""The SQL of run lists (runs.md R7), one text for each shape of query, made when the shape is first asked for.

*Wide* queries name buckets only. Each bucket is an arm that walks an index in the order of the sort key; SQLite
merges the arms and stops after the page, so the cost does not depend on how many runs there are. *Narrow* queries
name a parent or an automation, whose index finds the matches; those are then sorted.

Both pick the page from index columns alone and join the bodies of the page's rows afterwards. An outer join, because
SQLite always reads the left side of one first and in its order: the order of the page.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Integer,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)

from fabro_core.store import Bucket, RunSort
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.schema import LAST_ON_SHELF, RUNS, SHELF

Direction = Literal["asc", "desc"]
Buckets = frozenset[Bucket]

_R = RUNS.c

HIT_COLUMNS: Final = (
    _R.id,
    _R.seq,
    _R.bucket,
    _R.begun_ms,
    _R.elapsed_ms.is_(None),
    _R.body,
    _R.children_count,
)
"""What `run_lists` makes a `RunHit` of, in this order."""

_ENDED: Final = _R.elapsed_ms.is_not(None)
_LIVE: Final = _R.elapsed_ms.is_(None)

_KEYS: Final[dict[RunSort, ColumnElement[Any]]] = {
    RunSort.CREATED_AT: _R.created_ms,
    RunSort.UPDATED_AT: _R.updated_ms,
    RunSort.STATUS: _R.bucket,
    RunSort.ELAPSED: func.coalesce(_R.elapsed_ms, bindparam("now_ms", type_=Integer) - _R.begun_ms),
    RunSort.REPO: _R.repo_key,
    RunSort.TITLE: _R.title_key,
    RunSort.WORKFLOW: _R.workflow_key,
    RunSort.CHANGES: _R.changes,
    RunSort.SIZE: _R.size,
}

_FILTERS: Final[dict[str, ColumnElement[bool]]] = {
    "parent_id": _R.parent_id == bindparam("parent_id"),
    "automation_id": _R.automation_id == bindparam("automation_id"),
}

# A set of buckets as bits, so that one text serves every set.
_IN_BUCKETS: Final = bindparam("buckets", type_=Integer).bitwise_rshift(_R.bucket).bitwise_and(1) == 1


# -- wide -----------------------------------------------------------------------------------------------------------


@cache
def wide_page(buckets: Buckets, sort: RunSort, direction: Direction) -> str:
    """Hits of a page of everything in `buckets` (at least one). Not for `elapsed`. Binds `limit` and `offset`."""
    key = _KEYS[sort]
    if buckets == SHELF and sort is RunSort.CREATED_AT:
        page: _Walk = _arm(key, _R.bucket <= LAST_ON_SHELF)
    else:
        page = _merged(key, buckets)
    return sql(_hits(_one_page(_ordered(page, direction))))


@cache
def wide_ended(buckets: Buckets, direction: Direction) -> str:
    """(key, id, run) of all ended runs in `buckets`, by their duration in milliseconds: one part of `elapsed`."""
    return sql(_ordered(_merged(_R.elapsed_ms, buckets, _ENDED), direction))


@cache
def wide_live(buckets: Buckets, direction: Direction) -> str:
    """(key, id, run) of all live runs in `buckets`, by the instant they began: the other part of `elapsed`.

    Whoever began earlier has taken longer, so the order by that instant is the opposite one.
    """
    return sql(_ordered(_merged(_R.begun_ms, buckets, _LIVE), "asc" if direction == "desc" else "desc"))


# -- narrow ---------------------------------------------------------------------------------------------------------


@cache
def narrow_page(filter_name: str, sort: RunSort, direction: Direction) -> str:
    """Hits of a page of what the filter leaves. Binds the filter, `buckets`, `limit` and `offset`."""
    return sql(_hits(_one_page(_ordered(_arm(_KEYS[sort], _FILTERS[filter_name], _IN_BUCKETS), direction))))


# -- parts ----------------------------------------------------------------------------------------------------------

_Walk = Select[Any] | CompoundSelect[Any]


def _arm(key: ColumnElement[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(key.label("key"), _R.id.label("id"), _R.run.label("run")).where(*conditions)


def _merged(key: ColumnElement[Any], buckets: Buckets, *conditions: ColumnElement[bool]) -> _Walk:
    return union_all(*(_arm(key, _R.bucket == bucket, *conditions) for bucket in sorted(buckets)))


def _ordered(walk: _Walk, direction: Direction) -> _Walk:
    key: ColumnElement[Any] = literal_column("key")
    return walk.order_by(key.asc() if direction == "asc" else key.desc(), literal_column("id").desc())


def _one_page(walk: _Walk) -> FromClause:
    return walk.limit(bindparam("limit")).offset(bindparam("offset")).subquery("page")


def _hits(page: FromClause) -> Select[Any]:
    return select(*HIT_COLUMNS).select_from(page.outerjoin(RUNS, _R.run == page.c.run))

"""The SQL of run lists (runs.md R7), one text for each shape of query, made when the shape is first asked for.

*Wide* queries name buckets only. Each bucket is an arm that walks an index in the order of the sort key; SQLite
merges the arms and stops after the page, so the cost does not depend on how many runs there are. *Narrow* queries
name a facet as well. Its runs stand in the order of their creation, so that a page by that key is a walk, too; for
another one they are sorted. *Searches* look at the runs of one facet, or of all, and leave out what does not match.

All pick the page from index columns alone and join the bodies of the page's rows afterwards. An outer join, because
SQLite always reads the left side of one first and in its order: the order of the page.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Integer,
    Select,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    union_all,
)

from fabro_core.store import LAST_ON_SHELF, SHELF, Bucket, RunSort, shelf_of, whole_shelves
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.schema import RUN_FACETS, RUNS, SEARCHED

Direction = Literal["asc", "desc"]
Buckets = frozenset[Bucket]

SHAPES: Final = 128
"""Texts of searches that are kept; clients decide how many shapes there are."""

_R = RUNS.c
_F = RUN_FACETS.c

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

# A set of buckets as bits, so that one text serves every set.
_IN_BUCKETS: Final = bindparam("buckets", type_=Integer).bitwise_rshift(_R.bucket).bitwise_and(1) == 1


_OF_FACET: Final = _F.facet == bindparam("facet")
_SHELVES: Final[list[ColumnElement[int]]] = [
    literal_column(str(shelf)) for shelf in sorted({shelf_of(bucket) for bucket in Bucket})
]
_IN_ANY_BUCKET: Final = _R.bucket.in_([literal_column(str(int(bucket))) for bucket in Bucket])
"""Says nothing, but lets SQLite bound the creation by the index that begins with the bucket."""


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
def facet_walk(buckets: Buckets, direction: Direction) -> str:
    """Hits of a page by creation of what has a facet, in `buckets` (at least one).

    Binds `facet`, `limit` and `offset`, and `buckets` where they are not all of a shelf.
    """
    arms = []
    for shelf in sorted({shelf_of(bucket) for bucket in buckets}):
        columns = (_F.created_ms.label("key"), _F.id.label("id"), _F.run.label("run"))
        arm = select(*columns).where(_OF_FACET, _F.shelf == shelf)
        if not whole_shelves(frozenset(bucket for bucket in buckets if shelf_of(bucket) == shelf)):
            arm = arm.select_from(RUN_FACETS.join(RUNS, _R.run == _F.run)).where(_IN_BUCKETS)
        arms.append(arm)
    return sql(_hits(_one_page(_ordered(union_all(*arms), direction))))


@cache
def narrow_page(sort: RunSort, direction: Direction) -> str:
    """Hits of a page of what has a facet. Binds `facet`, `buckets`, `now_ms`, `limit` and `offset`."""
    of_facet = _arm(_KEYS[sort], _OF_FACET, _IN_BUCKETS).select_from(RUN_FACETS.join(RUNS, _R.run == _F.run))
    return sql(_hits(_one_page(_ordered(of_facet, direction))))


# -- searches -------------------------------------------------------------------------------------------------------


class Search(NamedTuple):
    """The shape of a search: which SQL it needs. Each text binds `facet` if there is one, the bounds of creation,
    `buckets`, `now_ms`, and `facet1` … and `word0` … for those that there are."""

    by_facet: bool
    """Whether it looks at the runs of a facet; else at all."""
    further_facets: int
    words: int


@lru_cache(SHAPES)
def search_candidates(search: Search) -> str:
    """How many runs it has to look at, counted up to `limit`."""
    looked_at: Select[Any] = select(literal_column("1"))
    if search.by_facet:
        looked_at = looked_at.where(_OF_FACET, _created_between(_F.created_ms))
    else:
        looked_at = looked_at.where(_IN_ANY_BUCKET, _created_between(_R.created_ms))
    return sql(select(func.count()).select_from(looked_at.limit(bindparam("limit")).subquery()))


@lru_cache(SHAPES)
def search_page(search: Search, sort: RunSort, direction: Direction) -> str:
    """Hits of its page. Binds `limit` and `offset`."""
    return sql(_hits(_one_page(_ordered(_matches(search, _KEYS[sort]), direction))))


@lru_cache(SHAPES)
def search_total(search: Search) -> str:
    """How many runs match."""
    return sql(select(func.count()).select_from(_matches(search, _R.created_ms).subquery()))


def _matches(search: Search, key: ColumnElement[Any]) -> Select[Any]:
    conditions = [
        _IN_BUCKETS,
        *(_has_facet(number + 1) for number in range(search.further_facets)),
        *(func.instr(SEARCHED.c.title_text, bindparam(f"word{number}")) > 0 for number in range(search.words)),
    ]
    source: FromClause = RUNS
    if search.by_facet:
        conditions += (_OF_FACET, _created_between(_F.created_ms))
        source = RUN_FACETS.join(RUNS, _R.run == _F.run)
    else:
        conditions += (_IN_ANY_BUCKET, _created_between(_R.created_ms))
    if search.words:
        source = source.join(SEARCHED, SEARCHED.c.run == _R.run)
    return _arm(key, *conditions).select_from(source)


def _has_facet(number: int) -> ColumnElement[bool]:
    other = RUN_FACETS.alias(f"other{number}").c
    return exists(
        select(literal_column("1")).where(
            other.facet == bindparam(f"facet{number}"),
            other.shelf.in_(_SHELVES),
            other.created_ms == _R.created_ms,
            other.id == _R.id,
        )
    )


# -- parts ----------------------------------------------------------------------------------------------------------

_Walk = Select[Any] | CompoundSelect[Any]


def _arm(key: ColumnElement[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(key.label("key"), _R.id.label("id"), _R.run.label("run")).where(*conditions)


def _created_between(column: ColumnElement[int]) -> ColumnElement[bool]:
    return column.between(bindparam("created_from_ms"), bindparam("created_last_ms"))


def _merged(key: ColumnElement[Any], buckets: Buckets, *conditions: ColumnElement[bool]) -> _Walk:
    return union_all(*(_arm(key, _R.bucket == bucket, *conditions) for bucket in sorted(buckets)))


def _ordered(walk: _Walk, direction: Direction) -> _Walk:
    key: ColumnElement[Any] = literal_column("key")
    return walk.order_by(key.asc() if direction == "asc" else key.desc(), literal_column("id").desc())


def _one_page(walk: _Walk) -> FromClause:
    return walk.limit(bindparam("limit")).offset(bindparam("offset")).subquery("page")


def _hits(page: FromClause) -> Select[Any]:
    return select(*HIT_COLUMNS).select_from(page.outerjoin(RUNS, _R.run == page.c.run))

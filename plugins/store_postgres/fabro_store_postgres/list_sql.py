"""The SQL of run lists (runs.md R7), one statement for each shape of query, made when the shape is first asked for.

Each answers a page with its total in one statement, hence from one snapshot. *Wide* queries name buckets only. Each
bucket is an arm that walks an index in the order of the sort key; the arms are merged, and the walk ends with the page,
so the cost does not depend on how many runs there are. *Narrow* queries name a facet as well. Its runs stand in the
order of their creation, so that a page by that key is a walk, too; for another one they are sorted. *Searches* look at
the runs of one facet, or of all, and leave out what does not match.

All pick the page from indexes and read the bodies of its runs afterwards. The connections tell the planner to walk
indexes wherever it can (`dialing`), as it would otherwise go by statistics, which a young table does not have.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    SmallInteger,
    Text,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    true,
    union_all,
)

from fabro_core.store import ALL_RUNS, LAST_ON_SHELF, SHELF, Bucket, RunSort, scope_of_parent, shelf_of, whole_shelves
from fabro_store_postgres.compiling import Statement, sql
from fabro_store_postgres.long_texts import is_long, is_short
from fabro_store_postgres.schema import HEADS, RUN_COUNTS, RUN_FACETS, RUNS, STATES

Direction = Literal["asc", "desc"]
Buckets = frozenset[Bucket]

SHAPES: Final = 128
"""Statements of searches that are kept; clients decide how many shapes there are."""

FROM_TOP: Final = 256
"""How far a queue position is counted from the newest end before it is counted from the oldest."""

_R, _H, _F, _C = RUNS.c, HEADS.c, RUN_FACETS.c, RUN_COUNTS.c


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(int(value)))


def _bind(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=BigInteger)


def _text(name: str) -> ColumnElement[str]:
    return bindparam(name, type_=Text)


_LIMIT, _OFFSET, _NOW = _bind("limit"), _bind("offset"), _bind("now_ms")
_DEPTH: Final = _LIMIT + _OFFSET
_ASKED: Final[ColumnElement[Any]] = bindparam("buckets", type_=ARRAY(SmallInteger))

_KEYS: Final[dict[RunSort, ColumnElement[Any]]] = {
    RunSort.CREATED_AT: _R.created_ms,
    RunSort.UPDATED_AT: _H.updated_ms,
    RunSort.STATUS: _R.bucket,
    RunSort.ELAPSED: func.coalesce(_R.elapsed_ms, _NOW - _R.begun_ms),
    RunSort.REPO: _R.repo_key,
    RunSort.TITLE: _R.title_key,
    RunSort.WORKFLOW: _R.workflow_key,
    RunSort.CHANGES: _R.changes,
    RunSort.SIZE: _R.size,
}

_TEXTS: Final = frozenset({RunSort.REPO, RunSort.TITLE, RunSort.WORKFLOW})

_IN_BUCKETS: Final = _R.bucket == any_(_ASKED)
_OF_FACET: Final = _F.facet == _text("facet")
_QUEUED: Final = _R.bucket == _number(Bucket.RUNNABLE)

# -- wide -----------------------------------------------------------------------------------------------------------


@cache
def wide_page(buckets: Buckets, sort: RunSort, direction: Direction) -> Statement:
    """A page of everything in `buckets` (at least one). Binds `scope`, `buckets`, `now_ms`, `limit` and `offset`."""
    return sql(_answer(_kept_total(), _wide_walk(buckets, sort, direction), direction))


def _wide_walk(buckets: Buckets, sort: RunSort, direction: Direction) -> Select[Any]:
    if sort is RunSort.ELAPSED:
        return _by_elapsed(buckets, direction)
    if buckets == SHELF and sort is RunSort.CREATED_AT:
        return _ordered(_arm(_R.created_ms, _R.bucket <= _number(LAST_ON_SHELF)), direction)
    if sort is RunSort.UPDATED_AT:
        arms = [_keyed(_H.updated_ms, _H.id).where(_H.bucket == _number(bucket)) for bucket in sorted(buckets)]
        return _merged(arms, direction)
    key = _KEYS[sort]
    if sort in _TEXTS:
        arms = [_arm(key, _R.bucket == _number(bucket), is_short(key)) for bucket in sorted(buckets)]
        return _merged([*arms, _arm(key, _IN_BUCKETS, is_long(key))], direction)
    return _merged_buckets(key, buckets, direction)


def _by_elapsed(buckets: Buckets, direction: Direction) -> Select[Any]:
    """The key of a live run changes with the clock, so no index has it. But whoever began earlier has taken longer:
    ended and live runs are walked in order each, as far as the page goes, and what was found is sorted."""
    turned: Direction = "asc" if direction == "desc" else "desc"
    ended = _merged_buckets(_R.elapsed_ms, buckets, direction, _R.elapsed_ms.is_not(None)).limit(_DEPTH).subquery()
    live = _merged_buckets(_R.begun_ms, buckets, turned, _R.elapsed_ms.is_(None)).limit(_DEPTH).subquery()
    both = union_all(_keyed(ended.c.key, ended.c.id), _keyed(_NOW - live.c.key, live.c.id)).subquery("both")
    return _ordered(_keyed(both.c.key, both.c.id), direction)


# -- narrow ---------------------------------------------------------------------------------------------------------


@cache
def facet_walk(buckets: Buckets, direction: Direction) -> Statement:
    """A page by creation of what has a facet, in `buckets` (at least one). Binds `facet` as well."""
    arms = []
    for shelf in sorted({shelf_of(bucket) for bucket in buckets}):
        arm = _keyed(_F.created_ms, _F.id).where(_OF_FACET, _F.shelf == _number(shelf))
        if not whole_shelves(frozenset(bucket for bucket in buckets if shelf_of(bucket) == shelf)):
            arm = arm.select_from(RUN_FACETS.join(RUNS, _R.id == _F.id)).where(_IN_BUCKETS)
        arms.append(arm)
    return sql(_answer(_kept_total(), _merged(arms, direction), direction))


@cache
def narrow_page(sort: RunSort, direction: Direction) -> Statement:
    """A page of what has a facet. Binds as `facet_walk` does."""
    source: FromClause = RUN_FACETS.join(RUNS, _R.id == _F.id)
    if sort is RunSort.UPDATED_AT:
        source = source.join(HEADS, _H.id == _R.id)
    walk = _arm(_KEYS[sort], _OF_FACET, _IN_BUCKETS).select_from(source)
    return sql(_answer(_kept_total(), _ordered(walk, direction), direction))


# -- searches -------------------------------------------------------------------------------------------------------


class Search(NamedTuple):
    """The shape of a search: which SQL it needs."""

    by_facet: bool
    """Whether it looks at the runs of a facet; else at all."""
    by_further_facets: bool
    words: int


@lru_cache(SHAPES)
def search_page(search: Search, sort: RunSort, direction: Direction) -> Statement:
    """A page of a search. Its rows have `candidates` as well: how many runs it would have to look at, counted up to
    `max_rows` + 1; with more than `max_rows` it has looked at none.

    Binds `facet` if there is one, the bounds of creation, `buckets`, `now_ms`, `max_rows`, `limit` and `offset`, and
    `facets`, the others, and `word0` … for those that there are.
    """
    looked_at: Select[Any] = select(_number(1).label("one"))
    if search.by_facet:
        looked_at = looked_at.where(_OF_FACET, _created_between(_F.created_ms))
    else:
        looked_at = looked_at.where(_created_between(_R.created_ms), _R.bucket == any_(_every_bucket()))
    candidates = select(func.count().label("n")).select_from(
        looked_at.limit(_bind("max_rows") + _number(1)).subquery("looked_at")
    )
    counted = candidates.cte("candidates")
    few = select(counted.c.n).scalar_subquery() <= _bind("max_rows")
    found = _matches(search, _KEYS[sort]).where(few).cte("found")
    total = select(
        select(func.count()).select_from(found).scalar_subquery().label("total"),
        select(counted.c.n).scalar_subquery().label("candidates"),
    ).subquery("totals")
    return sql(_answer(total, _ordered(_keyed(found.c.key, found.c.id), direction), direction))


def _matches(search: Search, key: ColumnElement[Any]) -> Select[Any]:
    conditions = [
        _IN_BUCKETS,
        *(func.strpos(_R.title_text, _text(f"word{number}")) > _number(0) for number in range(search.words)),
    ]
    source: FromClause = RUNS
    if search.by_further_facets:
        conditions.append(_HAS_OTHERS)
    if search.by_facet:
        conditions += (_OF_FACET, _created_between(_F.created_ms))
        source = RUN_FACETS.join(RUNS, _R.id == _F.id)
    else:
        conditions += (_created_between(_R.created_ms),)
    return _arm(key, *conditions).select_from(source.join(HEADS, _H.id == _R.id))


def _every_bucket() -> ColumnElement[Any]:
    """Says nothing, but lets an index that begins with the bucket bound the creation."""
    return literal_column(f"'{{{','.join(str(int(bucket)) for bucket in Bucket)}}}'::smallint[]")


def _every_shelf() -> ColumnElement[Any]:
    shelves = sorted({shelf_of(bucket) for bucket in Bucket})
    return literal_column(f"'{{{','.join(map(str, shelves))}}}'::smallint[]")


_other = RUN_FACETS.alias("other").c
_HAS_OTHERS: Final = select(func.count()).where(
    _other.facet == any_(bindparam("facets", type_=ARRAY(Text))),
    _other.shelf == any_(_every_shelf()),
    _other.created_ms == _R.created_ms,
    _other.id == _R.id,
).correlate(RUNS).scalar_subquery() == func.cardinality(bindparam("facets", type_=ARRAY(Text)))
"""As many of the facets as there are, in one look however many are asked for."""


# -- one run --------------------------------------------------------------------------------------------------------


@cache
def stored_run() -> Statement:
    """One run with its state. Binds `id`."""
    stored = (
        select(*_shown(), STATES.c.state)
        .select_from(HEADS.join(STATES, STATES.c.id == _H.id))
        .where(_H.id == _text("id"))
        .cte("hits")
    )
    return sql(select(*_hit(stored), stored.c.state).select_from(_placed(stored)))


# -- parts ----------------------------------------------------------------------------------------------------------


def _keyed(key: ColumnElement[Any], id_: ColumnElement[Any]) -> Select[Any]:
    return select(key.label("key"), id_.label("id"))


def _arm(key: ColumnElement[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
    return _keyed(key, _R.id).where(*conditions)


def _created_between(column: ColumnElement[int]) -> ColumnElement[bool]:
    return column.between(_bind("created_from_ms"), _bind("created_last_ms"))


def _merged_buckets(
    key: ColumnElement[Any], buckets: Buckets, direction: Direction, *conditions: ColumnElement[bool]
) -> Select[Any]:
    return _merged([_arm(key, _R.bucket == _number(bucket), *conditions) for bucket in sorted(buckets)], direction)


def _merged(arms: Iterable[Select[Any]], direction: Direction) -> Select[Any]:
    """The arms in one order. Each is put in order by itself, and goes no deeper than the page: only then does the
    planner walk and merge them, rather than sort all that they have together."""
    walks = [_ordered(arm, direction).limit(_DEPTH).subquery() for arm in arms]
    found = union_all(*(_keyed(walk.c.key, walk.c.id) for walk in walks)).subquery("arms")
    return _ordered(_keyed(found.c.key, found.c.id), direction)


def _ordered(walk: Select[Any], direction: Direction) -> Select[Any]:
    key, id_ = walk.selected_columns
    return walk.order_by(_towards(key.element, direction), id_.element.desc())


def _towards(key: ColumnElement[Any], direction: Direction) -> ColumnElement[Any]:
    return key.asc() if direction == "asc" else key.desc()


def _kept_total() -> FromClause:
    asked = select(_sum(_C.n).label("total")).where(_C.scope == _text("scope"), _C.bucket == any_(_ASKED))
    return asked.subquery("totals")


def _sum(numbers: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(numbers), _number(0)), BigInteger)


def _answer(totals: FromClause, walk: Select[Any], direction: Direction) -> Select[Any]:
    """The hits of the page that `walk` begins with, each with what `totals` says; one row without a hit for an empty
    page. Nothing is walked where the total says that the page is empty."""
    length = case((totals.c.total > _OFFSET, _LIMIT), else_=_number(0))
    page = walk.limit(length).offset(_OFFSET).correlate(totals).lateral("page")
    said = [totals.c[name] for name in totals.c.keys()]  # noqa: SIM118 - a collection of columns, whose values these are
    hits = (
        select(page.c.key, *_shown(), *said)
        .select_from(totals.outerjoin(page, true()).outerjoin(HEADS, _H.id == page.c.id))
        .cte("hits")
    )
    return (
        select(*_hit(hits), *(hits.c[column.name] for column in said))
        .select_from(_placed(hits))
        .order_by(_towards(hits.c.key, direction), hits.c.id.desc())
    )


def _shown() -> list[ColumnElement[Any]]:
    children = select(_sum(_C.n)).where(_C.scope == func.concat(_literal(scope_of_parent("")), _H.id))
    return [_H.id, _H.seq, _H.bucket, _H.begun_ms, _H.live, _H.body, children.scalar_subquery().label("children")]


def _hit(hits: CTE) -> list[ColumnElement[Any]]:
    """What `run_lists` makes a `RunHit` of, in this order."""
    columns = [hits.c[name] for name in ("id", "seq", "bucket", "begun_ms", "live", "body", "children")]
    return [*columns, literal_column("ranks.rank").label("queue_position")]


def _placed(hits: CTE) -> FromClause:
    """Hits with the 1-based ranks of those that are queued (runs.md R5.5): the lowest is counted from the nearer end,
    the others from the one before them."""
    queued = (
        select(hits.c.id, func.lag(hits.c.id).over(order_by=hits.c.id).label("before"))
        .where(hits.c.bucket == _number(Bucket.RUNNABLE))
        .subquery("queued")
    )
    id_, before = queued.c.id, queued.c.before
    newer = select(_number(1).label("one")).where(_QUEUED, _R.id >= id_).limit(_number(FROM_TOP))
    from_top = select(func.count()).select_from(newer.correlate(queued).subquery("newer")).scalar_subquery()
    length = select(_C.n).where(_C.scope == _literal(ALL_RUNS), _C.bucket == _number(Bucket.RUNNABLE)).scalar_subquery()
    lowest = case(
        (from_top < _number(FROM_TOP), length - from_top + _number(1)),
        else_=_count(_QUEUED, _R.id < id_) + _number(1),
    )
    step = case((before.is_(None), lowest), else_=_count(_QUEUED, _R.id > before, _R.id <= id_))
    ranks = select(id_, cast(func.sum(step).over(order_by=id_), BigInteger).label("rank")).subquery("ranks")
    return hits.outerjoin(ranks, ranks.c.id == hits.c.id)


def _count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(RUNS).where(*conditions).scalar_subquery()


def _literal(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'")

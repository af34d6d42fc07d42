"""Reading runs: one run, a page of them with its total, their ids, and the distinct workflows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, any_, bindparam, func, literal_column, select, true

from fabro_core.store import (
    ALL_RUNS,
    Bucket,
    RunHit,
    RunIdPage,
    RunIdQuery,
    RunPage,
    RunQuery,
    RunSort,
    StoredRun,
    TooBroad,
    WorkflowHit,
    scope_of_facet,
)
from fabro_store_postgres import list_sql
from fabro_store_postgres.compiling import sql
from fabro_store_postgres.connections import Connections
from fabro_store_postgres.long_texts import folded
from fabro_store_postgres.schema import RUN_COUNTS, RUNS

_R = RUNS.c
_BUCKETS: Final = tuple(Bucket)
_AFTER_ANY_ID: Final = "\U0010ffff"
_FIRST_MS: Final = -(2**63)
_LAST_MS: Final = 2**63 - 1

_IDS: Final = sql(
    select(_R.id)
    .where(_R.id >= bindparam("first_id", type_=Text), _R.id <= bindparam("last_id", type_=Text))
    .order_by(_R.id)
    .limit(bindparam("limit", type_=BigInteger))
)
_SIZES: Final = sql(
    select(RUN_COUNTS.c.scope, func.sum(RUN_COUNTS.c.n))
    .where(RUN_COUNTS.c.scope == any_(bindparam("scopes", type_=ARRAY(Text))))
    .group_by(RUN_COUNTS.c.scope)
)
_ONE: Final[ColumnElement[int]] = literal_column("1")
_newest = select(_R.workflow_id, _R.workflow, _R.id).order_by(_R.workflow_id.desc(), _R.id.desc())
_last = _newest.limit(_ONE).subquery("last")
_walk = select(*_last.c).cte("walk", recursive=True)
_before = _newest.where(_R.workflow_id < _walk.c.workflow_id).limit(_ONE).correlate(_walk).lateral("before")
_walk = _walk.union_all(select(*_before.c).select_from(_walk.join(_before, true())))
_WORKFLOWS: Final = sql(select(_walk.c.workflow, _walk.c.id))
"""One row for each distinct workflow: from each the index leads straight to the one before it."""


async def stored_run(connections: Connections, run_id: str) -> StoredRun | None:
    """The run and its state."""
    rows = await connections.rows(list_sql.stored_run(), {"id": run_id})
    if not rows:
        return None
    *columns, state = rows[0]
    return StoredRun(**msgspec.structs.asdict(_hit(columns)), state=state)


async def page(connections: Connections, query: RunQuery) -> RunPage:
    """The page and its total, from one snapshot. Raises `TooBroad`."""
    if not query.buckets:
        return RunPage(hits=(), total=0)
    if query.is_search:
        return await _search(connections, query)
    binds = _binds(query)
    if not query.facets:
        statement = list_sql.wide_page(query.buckets, query.sort, query.direction)
    elif query.sort is RunSort.CREATED_AT:
        statement = list_sql.facet_walk(query.buckets, query.direction)
    else:
        statement = list_sql.narrow_page(query.sort, query.direction)
    rows = await connections.rows(statement, binds)
    return _page([row[:8] for row in rows], rows[0][8])


async def _search(connections: Connections, query: RunQuery) -> RunPage:
    # The runs of the rarest facet are looked at, and the rest of the query is asked of each.
    distinct = tuple(dict.fromkeys(query.facets))
    facets = distinct if len(distinct) < 2 else await _rarest_first(connections, distinct)
    binds = dict(_binds(query)) | {
        "facet": folded(facets[0]) if facets else None,
        "created_from_ms": _FIRST_MS if query.created_from_ms is None else query.created_from_ms,
        "created_last_ms": _LAST_MS if query.created_to_ms is None else query.created_to_ms - 1,
        "max_rows": query.max_rows,
        "facets": [folded(facet) for facet in facets[1:]],
        **{f"word{number}": word for number, word in enumerate(query.words)},
    }
    search = list_sql.Search(bool(facets), len(facets) > 1, len(query.words))
    rows = await connections.rows(list_sql.search_page(search, query.sort, query.direction), binds)
    total, candidates = rows[0][8:]
    if candidates > query.max_rows:
        raise TooBroad
    return _page([row[:8] for row in rows], total)


async def _rarest_first(connections: Connections, facets: Sequence[str]) -> Sequence[str]:
    rows = await connections.rows(_SIZES, {"scopes": [_scope(facet) for facet in facets]})
    sizes = dict(map(tuple, rows))
    return sorted(facets, key=lambda facet: sizes.get(_scope(facet), 0))


async def id_page(connections: Connections, query: RunIdQuery) -> RunIdPage:
    """The page, from one range of the index."""
    binds = {
        "first_id": max(query.prefix, "" if query.after_id is None else query.after_id + "\x01"),
        "last_id": query.prefix + _AFTER_ANY_ID,
        "limit": query.limit + 1,
    }
    ids = [run_id for (run_id,) in await connections.rows(_IDS, binds)]
    return RunIdPage(ids=tuple(ids[: query.limit]), has_more=len(ids) > query.limit)


async def workflows(connections: Connections) -> Sequence[WorkflowHit]:
    """One hit for each distinct workflow."""
    found = [(msgspec.json.decode(workflow), newest) for workflow, newest in await connections.rows(_WORKFLOWS, {})]
    return [WorkflowHit(slug=slug, name=name, newest_run_id=newest) for (slug, name), newest in found]


def _scope(facet: str) -> str:
    return folded(scope_of_facet(facet))


def _binds(query: RunQuery) -> Mapping[str, Any]:
    return {
        "scope": _scope(query.facets[0]) if query.facets else ALL_RUNS,
        "facet": folded(query.facets[0]) if query.facets else None,
        "buckets": sorted(query.buckets),
        "now_ms": query.now_ms,
        "limit": query.limit,
        "offset": query.offset,
    }


def _page(rows: Sequence[Sequence[Any]], total: int) -> RunPage:
    return RunPage(hits=tuple(_hit(row) for row in rows if row[0] is not None), total=total)


def _hit(columns: Sequence[Any]) -> RunHit:
    run_id, seq, bucket, begun_ms, live, body, children, position = columns
    return RunHit(
        id=run_id,
        seq=seq,
        bucket=_BUCKETS[bucket],
        begun_ms=begun_ms,
        live=live,
        body=body,
        children_count=children,
        queue_position=position,
    )

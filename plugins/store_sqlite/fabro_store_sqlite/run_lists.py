"""Reading runs: one run, a page of them with its total, and the distinct workflows.

Plain functions on a connection that is inside a snapshot; `readers` decides where they run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice, pairwise
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, func, literal_column, select

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
    whole_shelves,
)
from fabro_store_sqlite import page_sql
from fabro_store_sqlite.changes import NEWEST_CHANGE
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.run_counts import counts
from fabro_store_sqlite.schema import RUN_COUNTS, RUNS, STATES

LOOP_OFFSET: Final = 2_000
"""Rows that a page may skip on the event loop; each costs a fraction of a microsecond."""

LOOP_MATCHES: Final = 500
"""Runs that a narrow query may look at on the event loop; each costs some microseconds."""

_FROM_TOP: Final = 256
"""How far a queue position is counted from the newest end before it is counted from the oldest."""

RunsState = tuple[int, int | None]
"""The newest change number, and how many runs there are (None: there were never any): no two states of all runs have
both in common."""

_AFTER_ANY_ID: Final = "\U0010ffff"
_FIRST_MS: Final = -(2**63)
_LAST_MS: Final = 2**63 - 1

_R = RUNS.c
_BUCKETS: Final = tuple(Bucket)
_QUEUED = _R.bucket == Bucket.RUNNABLE

_GET = sql(
    select(*page_sql.HIT_COLUMNS, STATES.c.state)
    .select_from(RUNS.join(STATES, STATES.c.run == _R.run))
    .where(_R.id == bindparam("id"))
)
_HITS_OF = sql(
    select(_R.run, *page_sql.HIT_COLUMNS).where(
        _R.run.in_(select(literal_column("value")).select_from(func.json_each(bindparam("runs"))))
    )
)
_QUEUED_FROM = sql(
    select(func.count()).select_from(
        select(literal_column("1")).where(_QUEUED, _R.id >= bindparam("id")).limit(bindparam("most")).subquery()
    )
)
_QUEUED_BEFORE = sql(select(func.count()).select_from(RUNS).where(_QUEUED, _R.id < bindparam("id")))
_QUEUED_BETWEEN = sql(
    select(func.count()).select_from(RUNS).where(_QUEUED, _R.id > bindparam("after"), _R.id <= bindparam("id"))
)
_IDS = sql(
    select(_R.id)
    .where(_R.id.between(bindparam("first_id"), bindparam("last_id")))
    .order_by(_R.id)
    .limit(bindparam("limit"))
)
_STATE = sql(
    select(
        NEWEST_CHANGE, select(func.sum(RUN_COUNTS.c.n)).where(RUN_COUNTS.c.scope == bindparam("all")).scalar_subquery()
    )
)
_LAST_WORKFLOW = sql(select(_R.workflow, _R.id).order_by(_R.workflow.desc(), _R.id.desc()).limit(1))
_WORKFLOW_BEFORE = sql(
    select(_R.workflow, _R.id)
    .where(_R.workflow < bindparam("workflow"))
    .order_by(_R.workflow.desc(), _R.id.desc())
    .limit(1)
)


def runs_state(connection: sqlite3.Connection) -> RunsState:
    """In one statement, hence of one state of the database."""
    newest, runs = connection.execute(_STATE, {"all": ALL_RUNS}).fetchone()
    return newest, runs


def stored_run(connection: sqlite3.Connection, run_id: str) -> StoredRun | None:
    """The run and its state."""
    row = connection.execute(_GET, {"id": run_id}).fetchone()
    if row is None:
        return None
    *columns, state = row
    (hit,) = _hits(connection, [columns])
    return StoredRun(**msgspec.structs.asdict(hit), state=state)


def page(connection: sqlite3.Connection, query: RunQuery) -> RunPage:
    """The page and its total. Raises `TooBroad`."""
    if query.is_search:
        return _search(connection, query)
    total = _size(connection, query)
    if query.offset >= total or query.limit < 1:
        return RunPage(hits=(), total=total)
    binds: dict[str, Any] = {"limit": query.limit, "offset": query.offset}
    if query.facets:
        binds |= _common_binds(query, query.facets[0])
        if query.sort is RunSort.CREATED_AT:
            text = page_sql.facet_walk(query.buckets, query.direction)
        else:
            text = page_sql.narrow_page(query.sort, query.direction)
        rows = connection.execute(text, binds).fetchall()
    elif query.sort is RunSort.ELAPSED:
        rows = _rows_by_elapsed(connection, query)
    else:
        rows = connection.execute(page_sql.wide_page(query.buckets, query.sort, query.direction), binds).fetchall()
    return RunPage(hits=tuple(_hits(connection, rows)), total=total)


def matches_many(connection: sqlite3.Connection, query: RunQuery) -> bool:
    """Whether a narrow query has more to look at than the event loop has time for."""
    if query.sort is RunSort.CREATED_AT and whole_shelves(query.buckets):
        return False  # its page is the first runs of a walk
    return _count(connection, query.facets[0]) > LOOP_MATCHES


def id_page(connection: sqlite3.Connection, query: RunIdQuery) -> RunIdPage:
    """The page, from one range of the index: two lower bounds would be read through from the first."""
    after = "" if query.after_id is None else query.after_id + "\x00"
    binds = {
        "first_id": max(query.prefix, after),
        "last_id": query.prefix + _AFTER_ANY_ID,
        "limit": query.limit + 1,
    }
    ids = [run_id for (run_id,) in connection.execute(_IDS, binds)]
    return RunIdPage(ids=tuple(ids[: query.limit]), has_more=len(ids) > query.limit)


def workflows(connection: sqlite3.Connection) -> Sequence[WorkflowHit]:
    """One hit for each distinct workflow: from each the index leads straight to the one before it."""
    found = []
    row = connection.execute(_LAST_WORKFLOW).fetchone()
    while row is not None:
        workflow, newest = row
        slug, name = msgspec.json.decode(workflow)
        found.append(WorkflowHit(slug=slug, name=name, newest_run_id=newest))
        row = connection.execute(_WORKFLOW_BEFORE, {"workflow": workflow}).fetchone()
    return found


# -- pages ----------------------------------------------------------------------------------------------------------


def _search(connection: sqlite3.Connection, query: RunQuery) -> RunPage:
    # The runs of the rarest facet are looked at, and the rest of the query is asked of each.
    facets = sorted(query.facets, key=lambda facet: _count(connection, facet))
    search = page_sql.Search(bool(facets), max(0, len(facets) - 1), len(query.words))
    binds = _common_binds(query, facets[0] if facets else None)
    binds["created_from_ms"] = _FIRST_MS if query.created_from_ms is None else query.created_from_ms
    binds["created_last_ms"] = _LAST_MS if query.created_to_ms is None else query.created_to_ms - 1
    (candidates,) = connection.execute(
        page_sql.search_candidates(search), {**binds, "limit": query.max_rows + 1}
    ).fetchone()
    if candidates > query.max_rows:
        raise TooBroad
    binds |= {f"facet{number}": facet for number, facet in enumerate(facets)}
    binds |= {f"word{number}": word for number, word in enumerate(query.words)}
    (total,) = connection.execute(page_sql.search_total(search), binds).fetchone()
    if query.offset >= total or query.limit < 1:
        return RunPage(hits=(), total=total)
    text = page_sql.search_page(search, query.sort, query.direction)
    rows = connection.execute(text, {**binds, "limit": query.limit, "offset": query.offset}).fetchall()
    return RunPage(hits=tuple(_hits(connection, rows)), total=total)


def _size(connection: sqlite3.Connection, query: RunQuery) -> int:
    """How many runs there are in the buckets, with the facet if there is one."""
    scope = scope_of_facet(query.facets[0]) if query.facets else ALL_RUNS
    return sum(n for bucket, n in counts(connection, scope) if bucket in query.buckets)


def _count(connection: sqlite3.Connection, facet: str) -> int:
    return sum(n for _, n in counts(connection, scope_of_facet(facet)))


def _common_binds(query: RunQuery, facet: str | None) -> dict[str, Any]:
    buckets = sum(1 << bucket for bucket in query.buckets)
    return {"facet": facet, "buckets": buckets, "now_ms": query.now_ms}


def _rows_by_elapsed(connection: sqlite3.Connection, query: RunQuery) -> list[Sequence[Any]]:
    # The key of a live run changes with the clock, so no index holds it, and SQLite would sort them all. The two parts
    # are in order each; merging them here stops after the page.
    ended_sql = page_sql.wide_ended(query.buckets, query.direction)
    live_sql = page_sql.wide_live(query.buckets, query.direction)
    with closing(connection.execute(ended_sql)) as ended, closing(connection.execute(live_sql)) as live:
        aged = ((query.now_ms - begun_ms, run_id, run) for begun_ms, run_id, run in live)
        sign = 1 if query.direction == "asc" else -1
        chosen = [run for _, _, run in islice(_merge(ended, aged, sign), query.offset, query.offset + query.limit)]
    found = {run: hit for run, *hit in connection.execute(_HITS_OF, {"runs": msgspec.json.encode(chosen).decode()})}
    return [found[run] for run in chosen]


_Keyed = tuple[int, str, int]


def _merge(first: Iterator[_Keyed], second: Iterator[_Keyed], sign: int) -> Iterator[_Keyed]:
    """Both in the order of `sign` times the key, then id descending."""
    a, b = next(first, None), next(second, None)
    while a is not None and b is not None:
        a_key, b_key = sign * a[0], sign * b[0]
        if a_key < b_key or (a_key == b_key and a[1] > b[1]):
            yield a
            a = next(first, None)
        else:
            yield b
            b = next(second, None)
    if a is not None:
        yield a
    if b is not None:
        yield b
    yield from first
    yield from second


def _hits(connection: sqlite3.Connection, rows: Iterable[Sequence[Any]]) -> list[RunHit]:
    rows = list(rows)
    queued = [row[0] for row in rows if row[2] == Bucket.RUNNABLE]
    positions = _queue_positions(connection, queued) if queued else {}
    return [
        RunHit(
            id=run_id,
            seq=seq,
            bucket=_BUCKETS[bucket],
            begun_ms=begun_ms,
            live=bool(live),
            body=body,
            children_count=children,
            queue_position=positions.get(run_id),
        )
        for run_id, seq, bucket, begun_ms, live, body, children in rows
    ]


# -- the queue ------------------------------------------------------------------------------------------------------


def _queue_positions(connection: sqlite3.Connection, ids: list[str]) -> dict[str, int]:
    """1-based ranks of runnable runs (runs.md R5.5): the lowest by counting from the nearer end, the rest from it."""
    ids.sort()
    positions = {ids[0]: _queue_position(connection, ids[0])}
    for after, run_id in pairwise(ids):
        (distance,) = connection.execute(_QUEUED_BETWEEN, {"after": after, "id": run_id}).fetchone()
        positions[run_id] = positions[after] + distance
    return positions


def _queue_position(connection: sqlite3.Connection, run_id: str) -> int:
    (from_top,) = connection.execute(_QUEUED_FROM, {"id": run_id, "most": _FROM_TOP}).fetchone()
    if from_top < _FROM_TOP:
        length: int = dict(counts(connection, ALL_RUNS))[Bucket.RUNNABLE]
        return length - int(from_top) + 1
    (before,) = connection.execute(_QUEUED_BEFORE, {"id": run_id}).fetchone()
    return int(before) + 1

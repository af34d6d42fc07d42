"""Latency and query plan of every shape of run list, on a database that `seed.py` made.

    python benchmarks/plans.py --path benchmarks/data/100k.db

Prints the median of direct calls of `RunStore.list_runs`, page and total included, and how SQLite goes about it. Exits
with 1 when the list that people open most, the default view, scans the table or sorts in a temporary B-tree.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.filing import SHELF
from fabro_core.store.records import RunQuery, RunSort
from fabro_store_sqlite import SqliteRunStore, page_sql

REPEATS = 200
DEEP_REPEATS = 5
DEEP_OFFSET = 50_000
DEFAULT_VIEW = RunQuery(buckets=SHELF, limit=20, now_ms=1_800_000_000_000)
FILLER = ("MERGE", "LEFT", "RIGHT", "CO-ROUTINE", "SCAN page")
"""What a plan says about its own shape rather than about tables."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Latency and query plan of every shape of run list.")
    parser.add_argument("--path", type=Path, required=True)
    path: Path = parser.parse_args().path
    if not path.is_file():
        parser.error(f"{path} does not exist; make it with seed.py")
    asyncio.run(report(path))
    with closing(sqlite3.connect(path)) as connection:
        faults = [step for step in plan(connection, DEFAULT_VIEW) if is_fault(step)]
    for fault in faults:
        print(f"default view: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


async def report(path: Path) -> None:
    """One line a shape."""
    store = SqliteRunStore(path)
    async with store.lifespan():
        with closing(sqlite3.connect(path)) as connection:
            for name, query in shapes():
                micros = await p50(store, query)
                steps = Counter(plan(connection, query))
                print(f"{name:24} {micros:9.0f} us  " + "; ".join(_times(step, n) for step, n in steps.items()))


def shapes() -> Iterator[tuple[str, RunQuery]]:
    """Everything that is measured, each under a name."""
    for sort in RunSort:
        yield f"{sort} desc", replace(DEFAULT_VIEW, sort=sort)
        yield f"{sort} asc", replace(DEFAULT_VIEW, sort=sort, direction="asc")
    for bucket in Bucket:
        yield f"only {bucket.label}", replace(DEFAULT_VIEW, buckets=frozenset({bucket}))
    yield "include_archived", replace(DEFAULT_VIEW, buckets=SHELF | {Bucket.ARCHIVED})
    yield "limit 100", replace(DEFAULT_VIEW, limit=100)
    for sort in (RunSort.CREATED_AT, RunSort.TITLE, RunSort.ELAPSED):
        yield f"{sort} desc, deep", replace(DEFAULT_VIEW, sort=sort, offset=DEEP_OFFSET)


async def p50(store: RunStore, query: RunQuery) -> float:
    """Median time of a call in microseconds, once the pages it needs are in memory."""
    took = []
    for _ in range(DEEP_REPEATS if query.offset else REPEATS):
        began = time.perf_counter()
        await store.list_runs(query)
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e6


def plan(connection: sqlite3.Connection, query: RunQuery) -> list[str]:
    """The steps of a wide query that touch a table or sort."""
    if query.sort is RunSort.ELAPSED:
        texts = [
            page_sql.wide_ended(query.buckets, query.direction),
            page_sql.wide_live(query.buckets, query.direction),
        ]
    else:
        texts = [page_sql.wide_page(query.buckets, query.sort, query.direction)]
    binds = {"limit": query.limit, "offset": query.offset}
    steps = [row[3] for text in texts for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", binds)]
    return [step for step in steps if not step.startswith(FILLER)]


def is_fault(step: str) -> bool:
    """Whether the cost of the step grows with the number of runs."""
    return "TEMP B-TREE" in step or (step.startswith("SCAN") and "INDEX" not in step)


def _times(step: str, n: int) -> str:
    return step if n == 1 else f"{n} x {step}"


if __name__ == "__main__":
    main()

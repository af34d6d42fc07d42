"""First pages out of 1,000 to 1,000,000 runs, for every sort key: they cost the same, however many there are.

    python -m benchmarks.pages redis [--runs 1000 10000 100000 1000000]
    python -m benchmarks.pages sqlite
    python -m benchmarks.pages postgres

Direct calls of `RunStore.list_runs` for 20 runs and their total, in microseconds (p50). All sizes are open at once and
asked in turn, so that whatever else the machine does weighs on all alike. Redis is a Valkey that this starts, which
does not write to disk: reads do not either, and filling it is over sooner. PostgreSQL is started by this, too.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import redis.asyncio
from msgspec.structs import replace

from benchmarks import postgres
from benchmarks.seed import seed
from fabro_core.models.status import Bucket
from fabro_core.runs.fold.facets import of_automation
from fabro_core.store.base import RunStore
from fabro_core.store.records import RunQuery, RunSort
from fabro_core.testing.store.case import NOW_MS, batch, row, run_id
from fabro_store_redis import RedisRunStore, RedisSettings
from fabro_store_sqlite import SqliteRunStore
from tests.plugins.store_redis.valkey import running

SHOWN: Final = frozenset(Bucket) - {Bucket.ARCHIVED, Bucket.REMOVING}
FIRST_PAGE: Final = RunQuery(buckets=SHOWN, limit=20, now_ms=NOW_MS)
UNSEEN: Final = row(run_id(0), bucket=Bucket.REMOVING)
"""A run that no list shows."""
ROUNDS: Final = 20
CALLS_A_ROUND: Final = 10
IN_MEMORY: Final = ("--appendonly", "no")


def main() -> None:
    parser = argparse.ArgumentParser(description="First pages of a store.")
    parser.add_argument("store", choices=["redis", "sqlite", "postgres"])
    parser.add_argument("--runs", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    options = parser.parse_args()
    asyncio.run(report(options.store, options.runs))


async def report(kind: str, sizes: Sequence[int]) -> None:
    """The table of a store."""
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        async with AsyncExitStack() as stack:
            if kind == "postgres":
                url = stack.enter_context(postgres.server()).url
                stores: list[RunStore] = [await stack.enter_async_context(postgres.filled(url, runs)) for runs in sizes]
            else:
                stores = [await stack.enter_async_context(_filled(kind, Path(work), runs)) for runs in sizes]
            heads = [f"{runs:,}" for runs in sizes]
            print(f"\n| {kind}, microseconds | {' | '.join(heads)} | largest to smallest |")
            print(f"|---|{'---:|' * (len(sizes) + 1)}")
            for name, query in _shapes():
                row = await _p50s(stores, query)
                told = " | ".join(f"{each:.0f}" for each in row)
                print(f"| {name} | {told} | {row[-1] / row[0]:.2f} |", flush=True)


@asynccontextmanager
async def _filled(kind: str, work: Path, runs: int) -> AsyncIterator[RunStore]:
    """An open store with so many runs; says what they take."""
    if kind == "sqlite":
        path = work / f"{runs}.db"
        await seed(SqliteRunStore(path), runs)
        print(f"{runs:,} runs: {path.stat().st_size / runs / 1_000:.1f} kB a run on disk", flush=True)
        async with _opened(SqliteRunStore(path)) as store:
            yield store
        return
    place = work / str(runs)
    place.mkdir()
    with running(place, *IN_MEMORY) as valkey:
        await seed(RedisRunStore(RedisSettings(url=valkey.url)), runs)
        async with redis.asyncio.Redis.from_url(valkey.url) as client:
            used = int((await client.info("memory"))["used_memory"])
        print(f"{runs:,} runs: {used / runs / 1_000:.1f} kB a run in memory", flush=True)
        async with _opened(RedisRunStore(RedisSettings(url=valkey.url))) as store:
            yield store


@asynccontextmanager
async def _opened(store: RunStore) -> AsyncIterator[RunStore]:
    async with store.lifespan():
        yield store


def _shapes() -> Iterator[tuple[str, RunQuery]]:
    for sort in RunSort:
        yield f"{sort}, descending", replace(FIRST_PAGE, sort=sort, direction="desc")
        yield f"{sort}, ascending", replace(FIRST_PAGE, sort=sort, direction="asc")
    yield "archived", replace(FIRST_PAGE, buckets=frozenset({Bucket.ARCHIVED}))
    yield "one status", replace(FIRST_PAGE, buckets=frozenset({Bucket.FAILED}), sort=RunSort.TITLE)
    of_one = replace(FIRST_PAGE, facets=(of_automation("auto-3"),), max_rows=10**9)
    yield "one automation", of_one
    yield "one automation, by title", replace(of_one, sort=RunSort.TITLE)
    yield "one automation, and a word", replace(of_one, words=("a",))


async def _p50s(stores: Sequence[RunStore], query: RunQuery) -> list[float]:
    """Of each store in microseconds. A run gets an event before each call, so that no page is a kept one."""
    taken: list[list[float]] = [[] for _ in stores]
    for _ in range(ROUNDS):
        for store, times in zip(stores, taken, strict=True):
            for _ in range(CALLS_A_ROUND):
                await _change(store)
                start = time.perf_counter()
                await store.list_runs(query)
                times.append(time.perf_counter() - start)
    return [statistics.median(times) * 1e6 for times in taken]


async def _change(store: RunStore) -> None:
    stored = await store.get_run(UNSEEN.id)
    await store.append(batch(replace(UNSEEN, seq=1 if stored is None else stored.seq + 1)))


if __name__ == "__main__":
    main()

"""Pages of runs and appends of the Redis store, on a Valkey that this starts and that writes to disk.

    python -m benchmarks.redis_lists [--runs 1000 10000 100000]

For each number of runs: the median of direct calls of `RunStore.list_runs`, page and total included, for every sort key
in both directions, beside the shortest question there is (PING over the same connection); memory a run; and durable
appends a second beside a bare pipeline of as many flushed writes.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import redis.asyncio
from msgspec.structs import replace

from benchmarks.seed import seed
from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import RunQuery, RunSort
from fabro_core.testing.store.case import NOW_MS, batch, row, run_id
from fabro_store_redis import RedisRunStore, RedisSettings
from tests.store.valkey import DURABLE, running

SHOWN: Final = frozenset(Bucket) - {Bucket.ARCHIVED, Bucket.REMOVING}
FIRST_PAGE: Final = RunQuery(buckets=SHOWN, limit=20, now_ms=NOW_MS)
REPEATS: Final = 200
APPENDS: Final = 3_200
WRITERS: Final = 32
BODY: Final = b"x" * 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description="Pages and appends of the Redis store.")
    parser.add_argument("--runs", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    for runs in parser.parse_args().runs:
        with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work, running(Path(work), *DURABLE) as valkey:
            asyncio.run(report(valkey.url, runs))


async def report(url: str, runs: int) -> None:
    """A table of one number of runs."""
    empty = await _memory(url)
    await seed(RedisRunStore(RedisSettings(url=url)), runs)
    async with _opened(url) as store:
        print(f"\n## {runs:,} runs, {(await _memory(url) - empty) / runs / 1_000:.1f} kB of memory each\n")
        print(f"{'ping':28} {await _p50_micros(store, None):8.0f} us")
        for name, query in _shapes(runs):
            print(f"{name:28} {await _p50_micros(store, query):8.0f} us", flush=True)
        appends = await _appends_a_second(store)
    bare = await _bare_writes_a_second(url)
    print(f"{'durable appends':28} {appends:8.0f} /s, {WRITERS} writers; {bare:.0f} /s in a bare pipeline")


def _shapes(runs: int) -> Iterator[tuple[str, RunQuery]]:
    for sort in RunSort:
        yield f"{sort} desc", replace(FIRST_PAGE, sort=sort, direction="desc")
        yield f"{sort} asc", replace(FIRST_PAGE, sort=sort, direction="asc")
    yield "page of 100", replace(FIRST_PAGE, limit=100)
    yield "in the middle", replace(FIRST_PAGE, offset=runs // 2)


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[RunStore]:
    store = RedisRunStore(RedisSettings(url=url))
    async with store.lifespan():
        yield store


async def _memory(url: str) -> int:
    async with redis.asyncio.Redis.from_url(url) as client:
        return int((await client.info("memory"))["used_memory_dataset"])


async def _p50_micros(store: RunStore, query: RunQuery | None) -> float:
    """Of `list_runs`; of `ping` without a query."""
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        await (store.ping() if query is None else store.list_runs(query))
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e6


async def _appends_a_second(store: RunStore) -> float:
    async def write(number: int) -> None:
        for seq in range(1, APPENDS // WRITERS + 1):
            await store.append(batch(row(run_id(number), seq, updated_ms=NOW_MS + seq, body=BODY)))

    start = time.perf_counter()
    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    return APPENDS / (time.perf_counter() - start)


async def _bare_writes_a_second(url: str) -> float:
    async with redis.asyncio.Redis.from_url(url) as client:
        start = time.perf_counter()
        for number in range(APPENDS // WRITERS):
            pipeline = client.pipeline(transaction=False)
            for writer in range(WRITERS):
                pipeline.set(f"bare:{writer}:{number}", BODY)
            await pipeline.execute()
        return APPENDS / (time.perf_counter() - start)


if __name__ == "__main__":
    main()

"""Durable appends of the stores, without HTTP, each as a ratio of what its engine does with the same bytes.

    python -m benchmarks.appends [--seconds 3] [--rounds 5]

SQLite with `synchronous=FULL` and PostgreSQL, beside bare transactions; Redis is a Valkey that flushes every write,
beside bare pipelines. Bare means as many events a transaction or a pipeline as there are writers, and none of what
makes them runs: no check of the sequence number, no indexes, no counts, no feed.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import redis
from msgspec.structs import replace

from benchmarks import postgres
from benchmarks.append_events import Case, Stored, transactions
from fabro_core.store.base import RunStore
from fabro_core.testing.store.case import NOW_MS, batch, event, row, run_id
from fabro_store_redis import RedisRunStore, RedisSettings
from fabro_store_sqlite import SqliteRunStore
from tests.plugins.store_redis.valkey import DURABLE, running

CASES: Final = (
    Case("1 writer", connections=1, runs=1, group=1),
    Case("32 writers, a run each", connections=32, runs=32, group=32),
)
STORED: Final = Stored(event=b"e" * 700, tags=("stage:build@1",), run=b"r" * 2_300, state=b"s" * 4_000)
"""About what an agent's event leaves."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Durable appends of the stores.")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fabro-bench-") as work:
        for line in measure(Path(work), seconds=options.seconds, rounds=options.rounds):
            print(line, flush=True)


def measure(work: Path, *, seconds: float, rounds: int) -> Iterator[str]:
    """The rows of a Markdown table."""
    heads = ("SQLite appends/s", "bare transactions", "ratio", "Redis appends/s", "bare pipelines", "ratio")
    yield f"| | {' | '.join((*heads, 'PostgreSQL appends/s', 'bare transactions', 'ratio'))} |"
    yield f"|---|{'---:|' * 9}"
    place = work / "valkey"
    place.mkdir()
    with running(place, *DURABLE) as valkey, postgres.server() as server:
        for case in CASES:
            sqlite, alone, ours, pipelines, rows, bare = [], [], [], [], [], []
            for number in range(rounds):
                file = SqliteRunStore(work / f"{case.group}-{number}.db")
                sqlite.append(asyncio.run(_appends(file, case, seconds)))
                alone.append(transactions(work, STORED, case, seconds))
                settings = RedisSettings(url=valkey.url, prefix=f"{case.group}-{number}")
                ours.append(asyncio.run(_appends(RedisRunStore(settings), case, seconds)))
                pipelines.append(_pipelines(valkey.url, case, seconds))
                schema = f"appends_{case.group}_{number}"
                rows.append(asyncio.run(_appends(postgres.store(server.url, schema), case, seconds)))
                bare.append(asyncio.run(postgres.transactions(server.url, STORED, case, seconds)))
            told = [statistics.median(each) for each in (sqlite, alone, ours, pipelines, rows, bare)]
            yield (
                f"| {case.name} | {told[0]:,.0f} | {told[1]:,.0f} | **{told[0] / told[1]:.2f}** "
                f"| {told[2]:,.0f} | {told[3]:,.0f} | **{told[2] / told[3]:.2f}** "
                f"| {told[4]:,.0f} | {told[5]:,.0f} | **{told[4] / told[5]:.2f}** |"
            )


async def _appends(store: RunStore, case: Case, seconds: float) -> float:
    """Appends a second of one process, each writer to a run of its own."""

    async def write(number: int) -> int:
        seq = 0
        while time.perf_counter() < end:
            seq += 1
            written = replace(event(seq, *STORED.tags), body=STORED.event)
            after = row(run_id(number), seq, updated_ms=NOW_MS + seq, body=STORED.run, state=STORED.state)
            await store.append(batch(after, written))
        return seq

    async with store.lifespan():
        began = time.perf_counter()
        end = began + seconds
        written = sum(await asyncio.gather(*(write(number) for number in range(case.connections))))
        return written / (time.perf_counter() - began)


def _pipelines(url: str, case: Case, seconds: float) -> float:
    """Events a second with nothing but the driver: a log and the bytes of a run, `case.group` a pipeline."""
    written = 0
    with redis.Redis.from_url(url) as client:
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            pipeline = client.pipeline(transaction=False)
            for run in range(case.group):
                pipeline.xadd(f"bare:log:{run}", {"e": STORED.event})
                pipeline.hset(f"bare:run:{run}", mapping={"body": STORED.run, "state": STORED.state})
            pipeline.execute()
            written += case.group
    return written / passed


if __name__ == "__main__":
    main()

"""PostgreSQL for the benchmarks: a server of its own, and schemas with as many runs as are asked for."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import asyncpg

from benchmarks.append_events import Case, Stored
from benchmarks.seed import seed
from fabro_store_postgres import PostgresRunStore, PostgresSettings
from fabro_store_postgres.settings import parse_address
from tests.plugins.store_postgres.server import Postgres, running

SEEDED: Final = 10_000
"""Runs that are appended one by one; more are copies of them, which the server makes by itself, and sooner."""

OPTIONS: Final = ("shared_buffers=512MB", "max_wal_size=4GB", "max_connections=60")

PATIENCE_SECONDS: Final = 60


@contextmanager
def server() -> Iterator[Postgres]:
    """A server that flushes every commit."""
    with running(*OPTIONS) as postgres:
        yield postgres


def store(url: str, schema: str) -> PostgresRunStore:
    """A store that waits for what a busy machine takes."""
    return PostgresRunStore(PostgresSettings(url=url, schema=schema, timeout_seconds=PATIENCE_SECONDS))


@asynccontextmanager
async def filled(url: str, runs: int) -> AsyncIterator[PostgresRunStore]:
    """An open store with so many runs in a schema of its own."""
    schema = f"runs_{runs}"
    await seed(store(url, schema), min(runs, SEEDED))
    connection = await _connected(url, schema)
    try:
        if runs > SEEDED:
            await connection.execute(_multiplying(runs // SEEDED))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    opened = store(url, schema)
    async with opened.lifespan():
        yield opened


async def transactions(url: str, stored: Stored, case: Case, seconds: float) -> float:
    """Events a second with nothing but the driver: a log and the bytes of a run, `case.group` a transaction."""
    connection = await _connected(url, "public", durable=True)
    written = 0
    try:
        await connection.execute("DROP TABLE IF EXISTS bare_log, bare_run")
        await connection.execute("CREATE TABLE bare_log (run int, seq int, body bytea, PRIMARY KEY (run, seq))")
        await connection.execute("CREATE TABLE bare_run (run int PRIMARY KEY, body bytea, state bytea)")
        rows = [(run, stored.run, stored.state) for run in range(case.group)]
        await connection.executemany("INSERT INTO bare_run VALUES ($1, $2, $3)", rows)
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            async with connection.transaction():
                seq = written // case.group
                events = [(run, seq, stored.event) for run in range(case.group)]
                await connection.executemany("INSERT INTO bare_log VALUES ($1, $2, $3)", events)
                await connection.executemany("UPDATE bare_run SET body = $2, state = $3 WHERE run = $1", rows)
            written += case.group
    finally:
        await connection.close()
    return written / passed


async def _connected(url: str, schema: str, *, durable: bool = False) -> asyncpg.Connection[asyncpg.Record]:
    address = parse_address(url)
    ((host, port),) = address.hosts
    return await asyncpg.connect(
        host=host,
        port=port,
        user=address.username,
        database=address.database,
        password="",
        ssl=False,
        server_settings={"search_path": schema, "synchronous_commit": "on" if durable else "off"},
    )


def _multiplying(times: int) -> str:
    """Add copies of all runs, each a second later than the one before; their logs and states are left out. The letter I
    stands in no id, so that no copy meets another run."""
    later = "n * 1000"
    id_ = "left(id, 20) || 'I' || lpad(n::text, 3, '0') || substr(id, 25)"
    copies = f"generate_series(1, {times - 1}) AS copies(n)"
    return f"""
        INSERT INTO runs
        SELECT {id_}, bucket, created_ms + {later}, begun_ms + {later}, elapsed_ms + n % 97, repo_key,
               title_key || ' ' || n, workflow_key, changes, size, workflow, workflow_id, parent_id, title_text, facets
        FROM runs, {copies};
        INSERT INTO heads
        SELECT {id_}, bucket, updated_ms + {later}, seq, begun_ms + {later}, live, body FROM heads, {copies};
        INSERT INTO run_facets SELECT facet, shelf, created_ms + {later}, {id_} FROM run_facets, {copies};
        UPDATE run_counts SET n = n * {times};
    """

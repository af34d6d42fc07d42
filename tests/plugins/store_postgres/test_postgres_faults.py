"""The PostgreSQL store when its server fails in the ways that servers do, beyond what the kit asks of all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import asyncpg
import pytest
import uvloop

from fabro_core.errors import SeqConflict, StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.store.records import ANY, BlobQuery, DocWrite, RunPage
from fabro_core.testing.store.case import NOW_MS, batch, event, ids, list_all, log_of, row, run_id
from fabro_core.testing.store.faults import recovered
from fabro_core.testing.store.watching import until
from fabro_store_postgres.faults import DRIVER_FAULTS
from tests.cli.terminal import wait_until
from tests.plugins.store_postgres.server import Postgres, open_postgres, running

pytestmark = pytest.mark.anyio

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    """Either event loop: they tell differently of what breaks, and a server uses uvloop where it exists."""
    return "asyncio", {"loop_factory": LOOPS[request.param]}


A, B, C = (run_id(n) for n in range(1, 4))
CONNECTIONS = 12


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running(f"max_connections={CONNECTIONS + 3}", "superuser_reserved_connections=3") as server:
        yield server


@pytest.fixture
async def schema(postgres: Postgres, anyio_backend: str) -> AsyncIterator[str]:
    yield "faults"
    await postgres.empty("faults")


@pytest.fixture
async def store(postgres: Postgres, schema: str) -> AsyncIterator[RunStore]:
    async with open_postgres(postgres.url, schema) as store:
        await store.append(batch(row(A)))
        yield store


async def outcomes(*calls: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


def written(key: str) -> DocWrite:
    return DocWrite(collection="c", key=key, body=b"", if_revision=ANY, now_ms=NOW_MS)


async def test_what_was_acknowledged_survives_the_crash_of_the_server(store: RunStore, postgres: Postgres) -> None:
    rows = [row(run_id(n), 2) for n in range(10, 30)]
    await asyncio.gather(*(store.append(batch(each, event(1), event(2, "stage:a@1"))) for each in rows))
    with postgres.away():
        assert {type(each) for each in await outcomes(store.ping(), list_all(store))} == {StoreUnavailable}
    await recovered(store)
    assert (await list_all(store)).total == 21
    for each in rows:
        assert len(await log_of(store, each.id)) == 2
    assert await store.append(batch(row(A, 2))) == 2, "the same instance goes on"


async def test_a_server_that_is_restarted_in_order_costs_nobody_who_asks_afterwards(
    store: RunStore, postgres: Postgres
) -> None:
    await asyncio.gather(*(list_all(store) for _ in range(4)))
    postgres.stop()
    postgres.start()
    append, put = store.append(batch(row(A, 2))), store.put_doc(written("k"))
    answered = await outcomes(list_all(store), store.get_run(A), append, put)
    assert not [each for each in answered if isinstance(each, BaseException)], "lost connections are made anew"


async def test_a_server_that_hangs_is_unavailable_until_it_goes_on(store: RunStore, postgres: Postgres) -> None:
    with postgres.stopped():
        found = await outcomes(store.append(batch(row(B, 2), event(1), event(2))), list_all(store), store.get_run(A))
    assert {type(each) for each in found} == {StoreUnavailable}
    assert "no answer in time" in str(found[1])
    await recovered(store)
    # The server may have got the append and carried it out when it went on; then completely.
    log = len(await log_of(store, B))
    assert log in (0, 2)
    assert set(ids(await list_all(store))) == ({A, B} if log else {A})
    assert await store.append(batch(row(A, 2))) == 2


async def test_who_gives_up_waiting_leaves_the_store_as_it_is(store: RunStore) -> None:
    await store.append(batch(row(B)))
    for _ in range(20):
        asked = [asyncio.ensure_future(store.get_run(A)) for _ in range(4)]
        await asyncio.sleep(0)
        for each in asked:
            each.cancel()
        hit = await store.get_run(B)
        assert hit is not None
        assert hit.id == B
    assert ids(await list_all(store)) == [B, A]


async def test_a_server_without_a_connection_left_is_unavailable_and_says_so(postgres: Postgres) -> None:
    await postgres.ask("CREATE ROLE crowd LOGIN")  # who administers a server has connections kept back
    await postgres.ask("GRANT CREATE ON DATABASE postgres TO crowd")
    url = postgres.url.replace("fabro@", "crowd@", 1)
    try:
        async with open_postgres(url, "crowded") as store:
            async with AsyncExitStack() as guests:
                with suppress(asyncpg.TooManyConnectionsError):
                    while True:
                        await guests.enter_async_context(guest(postgres, "crowd"))
                found = await outcomes(*(list_all(store) for _ in range(8)))
                assert {type(each) for each in found} <= {RunPage, StoreUnavailable}
                with pytest.raises(StoreUnavailable, match="takes no more connections"):
                    async with open_postgres(url, "crowded"):
                        pass
            await recovered(store)
            assert len(await asyncio.gather(*(list_all(store) for _ in range(8)))) == 8
    finally:
        await postgres.ask("DROP OWNED BY crowd CASCADE")
        await postgres.ask("DROP ROLE crowd")


@asynccontextmanager
async def guest(postgres: Postgres, user: str = "fabro") -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection of somebody else."""
    connection = await asyncpg.connect(
        host=str(postgres.directory), user=user, database="postgres", password="", ssl=False
    )
    try:
        yield connection
    finally:
        connection.terminate()


async def test_a_server_that_takes_no_writes_is_unavailable_for_them(store: RunStore, postgres: Postgres) -> None:
    seq = 1
    refused: list[StoreUnavailable] = []
    try:
        await postgres.ask("ALTER SYSTEM SET default_transaction_read_only = on")
        postgres.reload()
        async with asyncio.timeout(30):
            while len(refused) < 2:  # each session takes it up when it comes to it
                appended, put = await outcomes(store.append(batch(row(A, seq + 1))), store.put_doc(written("k")))
                refused = [each for each in (appended, put) if isinstance(each, StoreUnavailable)]
                seq = appended if isinstance(appended, int) else seq
    finally:
        await postgres.ask("ALTER SYSTEM RESET ALL")
        postgres.reload()
    assert all("read-only or a standby" in str(each) for each in refused)
    async with asyncio.timeout(30):
        while isinstance((await outcomes(store.append(batch(row(A, seq + 1)))))[0], StoreUnavailable):
            pass
    assert len(await log_of(store, A)) == seq + 1


async def test_a_writer_that_stops_in_the_middle_loses_its_turn(store: RunStore, postgres: Postgres) -> None:
    """As a server process does that is halted between two statements."""
    async with guest(postgres) as halted:
        await halted.execute("SET search_path = faults; SET idle_in_transaction_session_timeout = 1000")
        await halted.execute("BEGIN; SELECT newest FROM positions FOR UPDATE")
        assert await store.append(batch(row(B))) == 1, "it waits for the turn, which ends"
        with pytest.raises(DRIVER_FAULTS):
            await halted.execute("COMMIT")


async def test_who_waits_for_a_turn_that_does_not_come_is_told_in_time(store: RunStore, postgres: Postgres) -> None:
    async with guest(postgres) as other:
        await other.execute("SET search_path = faults; BEGIN; SELECT newest FROM positions FOR UPDATE")
        with pytest.raises(StoreUnavailable):
            await store.append(batch(row(B)))
        assert ids(await list_all(store)) == [A], "reads go on"
        await store.put_doc(written("k"))
        await other.execute("ROLLBACK")
    assert await store.append(batch(row(B))) == 1


async def test_a_write_that_cannot_be_stored_fails_alone(store: RunStore) -> None:
    """One of a group: it has a character that the core lets through nowhere."""
    before = asyncio.ensure_future(store.append(batch(row(A, 2))))
    await asyncio.sleep(0)
    found = await outcomes(
        *(store.append(batch(row(run_id(n)))) for n in range(10, 15)),
        store.append(batch(row(B, title_key="\x00"))),
        store.append(batch(row(C, 2), event(2))),
        *(store.append(batch(row(run_id(n)))) for n in range(15, 20)),
    )
    assert await before == 2
    assert [each for each in found if not isinstance(each, BaseException)] == [1] * 10
    assert isinstance(found[5], StoreUnavailable)
    assert "it refuses what it is asked (22021)" in str(found[5])
    assert isinstance(found[6], SeqConflict)
    assert (await list_all(store)).total == 11


async def test_appends_of_others_are_announced_again_after_the_listener_was_lost(
    store: RunStore, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with open_postgres(postgres.url, "faults") as other:
        hints = store.watch()
        await postgres.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        waiting = asyncio.ensure_future(anext(hints))
        seq = 1
        while not waiting.done():  # hints are lost until somebody listens again
            seq = await other.append(batch(row(A, seq + 1)))
            await asyncio.wait([waiting], timeout=0.05)
        assert (await waiting).run_id == A
        await other.append(batch(row(A, seq + 1)))
        await until(hints, {A: seq + 1})


async def test_a_listener_of_a_server_that_hangs_is_made_again(
    store: RunStore, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with postgres.stopped():
        await asyncio.to_thread(wait_until, lambda: "channel of appends is lost" in caplog.text)
    await recovered(store)
    async with open_postgres(postgres.url, "faults") as other:
        hints = store.watch()
        waiting = asyncio.ensure_future(anext(hints))
        seq = 1
        while not waiting.done():
            seq = await other.append(batch(row(A, seq + 1)))
            await asyncio.wait([waiting], timeout=0.05)
        assert (await waiting).run_id == A


async def test_a_channel_carries_on_after_a_line_that_is_no_hint(store: RunStore, postgres: Postgres) -> None:
    async with open_postgres(postgres.url, "faults") as other:
        hints = store.watch()
        for line in ("", "nobody", "nobody x:y", "ab 1", "ab " + "9" * 5_000 + ":X", "ab 1:X 2"):
            await postgres.ask(f"SELECT pg_notify('faults_appends', '{line}')")
        await other.append(batch(row(B)))
        await until(hints, {B: 1})


async def test_after_a_loss_of_the_listener_the_store_says_anew_how_durable_it_is(
    store: RunStore, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.info().durable
    try:
        await postgres.ask("ALTER SYSTEM SET synchronous_commit = off")
        postgres.reload()
        async with asyncio.timeout(30):
            while store.info().durable:
                await postgres.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT'")
                await asyncio.sleep(0.2)
        assert "may lose acknowledged writes" in caplog.text
    finally:
        await postgres.ask("ALTER SYSTEM RESET ALL")
        postgres.reload()


async def test_tables_that_are_gone_are_no_fault_of_whoever_asks(store: RunStore, postgres: Postgres) -> None:
    await postgres.ask("DROP SCHEMA faults CASCADE")
    for call in (list_all(store), store.append(batch(row(B))), store.list_blobs(BlobQuery(limit=1))):
        with pytest.raises(StoreUnavailable, match="the tables are gone"):
            await call

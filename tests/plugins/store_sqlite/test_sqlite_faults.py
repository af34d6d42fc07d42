"""The SQLite store when its driver fails, beyond what the conformance kit asks of every store."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fabro_core.errors import SeqConflict, StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.testing.store import opened
from fabro_core.testing.store.calls import CALLS, Call
from fabro_core.testing.store.case import batch, ids, list_all, row, run_id
from fabro_store_sqlite import SqliteRunStore
from tests.plugins.store_sqlite.failing_driver import Faults, open_sqlite

pytestmark = pytest.mark.anyio

A, B = run_id(1), run_id(2)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
async def store(tmp_path: Path, faults: Faults, anyio_backend: str) -> AsyncIterator[RunStore]:
    async with open_sqlite(tmp_path / "fabro.db", faults, busy_timeout_ms=50) as store:
        await store.append(batch(row(A)))
        yield store
        faults.error = None


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("error", [sqlite3.OperationalError, sqlite3.DatabaseError, sqlite3.ProgrammingError])
async def test_every_error_of_the_driver_is_a_store_that_is_unavailable(
    store: RunStore, faults: Faults, call: Call, error: type[sqlite3.Error]
) -> None:
    faults.error = error
    with pytest.raises(StoreUnavailable) as raised:
        await call(store)
    assert "secret" not in str(raised.value), "the text is free of the driver's words"
    assert isinstance(raised.value.__cause__, sqlite3.Error), "the driver's error is the cause"
    faults.error = None
    await call(store)


@pytest.mark.parametrize("prefix", ["COMMIT", "INSERT INTO states", "INSERT INTO events"])
async def test_a_write_that_fails_at_any_point_is_not_there(store: RunStore, faults: Faults, prefix: str) -> None:
    faults.error, faults.prefix = sqlite3.OperationalError, prefix
    outcomes = await asyncio.gather(
        *(store.append(batch(row(run_id(n)))) for n in range(10, 14)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 4
    faults.error = None
    assert ids(await list_all(store)) == [A], "nothing of the group was written"
    assert await store.append(batch(row(run_id(10)))) == 1
    assert (await list_all(store)).total == 2


async def test_one_impossible_write_does_not_fail_its_group(store: RunStore) -> None:
    beyond_64_bits = row(run_id(11), changes=2**70)
    outcomes = await asyncio.gather(
        store.append(batch(row(run_id(10)))),
        store.append(batch(beyond_64_bits)),
        store.append(batch(row(A, 9))),
        store.append(batch(row(run_id(12)))),
        return_exceptions=True,
    )
    assert [outcomes[0], outcomes[3]] == [1, 1]
    assert isinstance(outcomes[1], OverflowError)
    assert isinstance(outcomes[2], SeqConflict)
    assert (await list_all(store)).total == 3


async def test_a_locked_file_delays_writes_only_until_the_timeout_and_reads_not_at_all(
    store: RunStore, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "fabro.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.append(batch(row(B)))
        assert ids(await list_all(store)) == [A], "readers do not wait for writers"
        other.execute("ROLLBACK")
    assert await store.append(batch(row(B))) == 1


async def test_a_write_waits_for_the_lock_of_another_process(tmp_path: Path) -> None:
    path = tmp_path / "fabro.db"
    async with opened(SqliteRunStore(path)) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.ensure_future(store.append(batch(row(B))))
            assert await store.get_run(B) is None
            assert not waiting.done()
            other.execute("COMMIT")
            assert await waiting == 1


async def test_a_read_that_meets_a_lock_is_answered_from_a_thread(tmp_path: Path) -> None:
    refused: list[str] = []

    class LockedOnTheLoop(sqlite3.Connection):
        def execute(self, statement: str, *binds: Any) -> sqlite3.Cursor:
            if threading.current_thread() is threading.main_thread():
                refused.append(statement)
                fault = sqlite3.OperationalError("database is locked")
                fault.sqlite_errorcode = sqlite3.SQLITE_BUSY
                raise fault
            return super().execute(statement, *binds)

    async with opened(SqliteRunStore(tmp_path / "fabro.db", driver=LockedOnTheLoop)) as store:
        await store.append(batch(row(A)))
        for _ in range(3):
            assert ids(await list_all(store)) == [A], "the event loop does not wait, the caller does"
    assert set(refused) == {"BEGIN"}, "the event loop has tried, and done nothing else"

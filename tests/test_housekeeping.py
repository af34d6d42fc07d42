"""What has expired leaves the store by itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from fabro_core.clock import epoch_ms
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import ABSENT, DocWrite
from fabro_core.testing.clock import ManualClock
from fabro_core.upkeep.housekeeping import Housekeeping
from tests.api.conftest import in_memory, serving

pytestmark = pytest.mark.anyio


async def put(store: RunStore, clock: ManualClock, key: str, lifetime: timedelta) -> None:
    now = clock.now()
    write = DocWrite(
        collection="auth.attempts",
        key=key,
        body=b"{}",
        if_revision=ABSENT,
        now_ms=epoch_ms(now),
        expires_ms=epoch_ms(now + lifetime),
    )
    await store.put_doc(write)


async def test_what_has_expired_is_removed_and_nothing_else() -> None:
    store, clock = MemoryRunStore(MemoryData()), ManualClock()
    async with store.lifespan():
        await put(store, clock, "short", timedelta(minutes=1))
        await put(store, clock, "long", timedelta(minutes=2))
        clock.advance(timedelta(minutes=1))
        await Housekeeping(store, clock).purge()
        assert await store.purge(epoch_ms(clock.now())) == 0, "nothing that has expired is left"
        assert await store.purge(epoch_ms(clock.now() + timedelta(minutes=1))) == 1


async def test_a_server_keeps_house_from_its_start(tmp_path: Path) -> None:
    async with serving(in_memory(), tmp_path) as server:
        await put(server.store, server.clock, "short", timedelta(minutes=1))
        await asyncio.sleep(0)
    server.clock.advance(timedelta(minutes=1))
    async with server.app.lifespan():
        for _ in range(5):
            await asyncio.sleep(0)
        assert await server.store.purge(epoch_ms(server.clock.now())) == 0


class BrokenStore(MemoryRunStore):
    async def purge(self, now_ms: int, /) -> int:
        raise ZeroDivisionError


async def test_a_store_that_fails_as_stores_must_not_is_told_of_and_purged_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = BrokenStore(MemoryData())
    async with store.lifespan():
        await Housekeeping(store, ManualClock()).purge()
    assert "the store failed in a way that stores must not" in caplog.text

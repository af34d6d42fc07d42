"""`watch`: hints come, and never before what they name can be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from fabro_core.store.base import RunStore
from fabro_core.store.records import Wakeup
from fabro_core.testing.store.case import OpenStore, StoreCase, batch, event, log_of, row, run_id

A, B = run_id(1), run_id(2)

PATIENCE_SECONDS = 5.0
"""A hint that has not come by then does not come."""


@asynccontextmanager
async def patience(promise: str) -> AsyncIterator[None]:
    """Fails with the broken promise when its body does not end in time."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except TimeoutError:
        pytest.fail(f"{promise}: nothing has come for {PATIENCE_SECONDS} s")


async def until(hints: AsyncIterator[Wakeup], wanted: dict[str, int]) -> None:
    """Consume hints until each wanted run was named with at least its number."""
    missing = dict(wanted)
    async with patience("every append is announced"):
        async for hint in hints:
            if hint.seq >= missing.get(hint.run_id, hint.seq + 1):
                del missing[hint.run_id]
            if not missing:
                return
    pytest.fail("a watch does not end while the store is open")


PROMISED_SECONDS = 1.0
"""How soon hints come; see `StoreInfo.wakeups`."""
TICK_SECONDS = 0.02
LOOKS = 3
"""How often a late hint is given another chance: the machine may have been busy."""


async def in_time(hints: AsyncIterator[Wakeup], id_: str, seq: int) -> bool:
    """Whether a hint comes within a second, counted in short sleeps: those of a busy machine take longer as well."""
    waiting, ticks = asyncio.ensure_future(until(hints, {id_: seq})), 0
    while not waiting.done():
        await asyncio.wait([waiting], timeout=TICK_SECONDS)
        ticks += 1
    await waiting
    return ticks * TICK_SECONDS <= PROMISED_SECONDS


class WatchConformance(StoreCase):
    async def test_an_append_is_announced(self, store: RunStore) -> None:
        hints = store.watch()
        await store.append(batch(row(A)))
        await store.append(batch(row(B)))
        await store.append(batch(row(A, 2)))
        await until(hints, {A: 2, B: 1})

    async def test_a_waiting_watch_is_woken(self, store: RunStore) -> None:
        hints = store.watch()
        waiting = asyncio.ensure_future(until(hints, {A: 1}))
        await asyncio.sleep(0)
        await store.append(batch(row(A)))
        await waiting

    async def test_a_hint_never_names_what_is_not_yet_readable(self, store: RunStore) -> None:
        hints = store.watch()

        async def write() -> None:
            for seq in range(1, 31):
                await asyncio.gather(store.append(batch(row(A, seq))), store.append(batch(row(B, seq))))

        writing = asyncio.ensure_future(write())
        seen = 0
        async with patience("every append is announced"):
            async for hint in hints:
                log = await log_of(store, hint.run_id)
                assert len(log) >= hint.seq, "what a hint names is readable"
                seen = max(seen, hint.seq)
                if seen == 30:
                    break
        await writing

    async def test_hints_come_within_a_second(self, store: RunStore) -> None:
        hints = store.watch()
        await store.append(batch(row(A)))
        await until(hints, {A: 1})  # from here on a store that looks now and then has just looked
        for seq in range(2, 2 + LOOKS):
            await store.append(batch(row(A, seq)))
            if await in_time(hints, A, seq):
                return
        pytest.fail(f"a hint comes within {PROMISED_SECONDS:g} s: all came later")

    async def test_a_run_that_is_made_again_is_announced_again(self, store: RunStore) -> None:
        hints = store.watch()
        await store.append(batch(row(A, 3), event(1), event(2), event(3)))
        await until(hints, {A: 3})
        await store.delete_run(A)
        await store.append(batch(row(A)))
        await until(hints, {A: 1})

    async def test_a_batch_is_announced_up_to_its_newest_event(self, store: RunStore) -> None:
        hints = store.watch()
        await store.append(batch(row(A, 3), event(1), event(2), event(3)))
        await until(hints, {A: 3})

    async def test_who_watches_again_is_told_again(self, store: RunStore) -> None:
        for seq in (1, 2, 3):
            hints = store.watch()
            await store.append(batch(row(A, seq)))
            await until(hints, {A: seq})
            await cast("AsyncGenerator[Wakeup, None]", hints).aclose()

    async def test_closing_the_store_ends_a_watch(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            hints = store.watch()
            ending = asyncio.ensure_future(_all(hints))
            await asyncio.sleep(0)
        async with patience("closing the store ends a watch"):
            await ending


async def _all(hints: AsyncIterator[Wakeup]) -> list[Wakeup]:
    return [hint async for hint in hints]

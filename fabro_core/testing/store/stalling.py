"""The driver does not answer: each call ends in time all the same, and the store goes on when its driver does.

The core gives every call a limit (`BoundedStore`) and answers 503 beyond it. That works for a store whose calls can be
given up: one that does not hold the event loop while it waits, and that lets go of what it waits with.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from fabro_core.errors import StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.store.bounded import BoundedStore
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.store.calls import CALLS, STORED, WRITES
from fabro_core.testing.store.case import (
    NoDriver,
    StallDriver,
    StoreCase,
    batch,
    event,
    list_all,
    log_of,
    row,
    run_id,
)
from fabro_core.testing.store.faults import recovered
from fabro_core.testing.store.watching import PATIENCE_SECONDS, patience, until

LIMIT_SECONDS: Final = 0.2
"""What the core gives a call here."""

HELD_SECONDS: Final = PATIENCE_SECONDS / 2
"""An event loop that did nothing for so long was held by somebody."""

BEAT_SECONDS: Final = 0.02
CALLERS: Final = 100


class StallConformance(StoreCase):
    @pytest.fixture
    def stall(self, stall_driver: StallDriver | NoDriver | None) -> StallDriver:
        """What makes the driver say nothing; ends the test where there is nothing that could."""
        if stall_driver is None:
            not_applicable("stall_driver is not overridden")
        if isinstance(stall_driver, NoDriver):
            not_applicable(f"there is no driver, {stall_driver}")
        return stall_driver

    async def test_every_call_ends_in_time_while_the_driver_does_not_answer(
        self, store: RunStore, stall: StallDriver
    ) -> None:
        await store.append(batch(row(STORED)))
        bounded = BoundedStore(store, LIMIT_SECONDS)
        async with _stalled(stall) as heart:
            outcomes = await asyncio.gather(*(call(bounded) for call in CALLS.values()), return_exceptions=True)
        assert heart.longest_pause < HELD_SECONDS, "a store that waits for its driver does not hold the event loop"
        assert not heart.given_up, "a call that is given up ends, whatever it waits for"
        faults = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert {type(fault) for fault in faults} <= {StoreUnavailable}, "who is not answered gets StoreUnavailable"

    async def test_the_store_works_again_as_soon_as_its_driver_answers(
        self, store: RunStore, stall: StallDriver
    ) -> None:
        await store.append(batch(row(STORED)))
        bounded = BoundedStore(store, LIMIT_SECONDS)
        async with _stalled(stall):
            given_up = [CALLS[name](bounded) for name in CALLS if name != "delete_run"]
            await asyncio.gather(*given_up, return_exceptions=True)
        async with patience("the store works again as soon as its driver answers"):
            await recovered(store)
            assert await store.append(batch(row(STORED, 2))) == 2
            for name, call in CALLS.items():
                if name not in WRITES:
                    await call(store)

    async def test_who_gives_up_waiting_takes_nothing_from_those_who_come_after(
        self, store: RunStore, stall: StallDriver
    ) -> None:
        await store.append(batch(row(STORED)))
        bounded = BoundedStore(store, LIMIT_SECONDS)
        async with _stalled(stall):
            callers = [bounded.get_run(STORED) for _ in range(CALLERS)]
            writers = [bounded.append(batch(row(run_id(number)))) for number in range(100, 100 + CALLERS)]
            await asyncio.gather(*callers, *writers, return_exceptions=True)
        async with patience("who gave up waiting keeps no connection and no lock"):
            await recovered(store)
            await asyncio.gather(*(store.get_run(STORED) for _ in range(CALLERS)))
            await asyncio.gather(*(store.append(batch(row(run_id(number)))) for number in range(300, 300 + CALLERS)))

    async def test_an_append_that_was_given_up_is_there_completely_or_not_at_all(
        self, store: RunStore, stall: StallDriver
    ) -> None:
        await store.append(batch(row(STORED)))
        bounded = BoundedStore(store, LIMIT_SECONDS)
        runs = [run_id(number) for number in range(100, 108)]
        async with _stalled(stall):
            appends = [bounded.append(batch(row(each, 2), event(1), event(2))) for each in runs]
            outcomes = await asyncio.gather(*appends, return_exceptions=True)
        await recovered(store)
        assert await store.append(batch(row(STORED, 2))) == 2, "appends go on where they were"
        logs = {each: len(await log_of(store, each)) for each in runs}
        assert set(logs.values()) <= {0, 2}, "never half a batch"
        listed = {hit.id for hit in (await list_all(store)).hits} - {STORED}
        assert listed == {each for each, events in logs.items() if events}, "row and log agree"
        acknowledged = {each for each, outcome in zip(runs, outcomes, strict=True) if outcome == 2}
        assert acknowledged <= listed, "what was acknowledged is there"

    async def test_a_watch_outlives_a_driver_that_did_not_answer(self, store: RunStore, stall: StallDriver) -> None:
        hints = store.watch()
        bounded = BoundedStore(store, LIMIT_SECONDS)
        async with _stalled(stall):
            await asyncio.gather(bounded.append(batch(row(run_id(100)))), return_exceptions=True)
        await recovered(store)
        await store.append(batch(row(STORED)))
        await until(hints, {STORED: 1})


class _Heart:
    """Beats on the event loop: how long it did nothing at most, and whether the driver had to be let go early."""

    def __init__(self) -> None:
        self.longest_pause = 0.0
        self.given_up = False

    async def beat(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            now = loop.time()
            self.longest_pause, last = max(self.longest_pause, now - last), now


@asynccontextmanager
async def _stalled(stall: StallDriver) -> AsyncIterator[_Heart]:
    """The driver does not answer while this is entered, but for no longer than `PATIENCE_SECONDS`.

    A thread lets it go then: where the event loop is held, nobody else could.
    """
    begun, over, heart = threading.Event(), threading.Event(), _Heart()

    def hold() -> None:
        with stall():
            begun.set()
            heart.given_up = not over.wait(PATIENCE_SECONDS)

    holding = asyncio.ensure_future(asyncio.to_thread(hold))
    beating = asyncio.ensure_future(heart.beat())
    await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
    try:
        yield heart
    finally:
        over.set()
        await holding
        await asyncio.sleep(2 * BEAT_SECONDS)  # one more beat, for a loop that was held until now
        beating.cancel()

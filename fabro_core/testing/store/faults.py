"""The driver fails: every method is `StoreUnavailable`, nothing is half written, and the store recovers by itself."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest

from fabro_core.errors import StoreError, StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.store.calls import CALLS, NEW, STORED, Call
from fabro_core.testing.store.case import (
    BreakDriver,
    NoDriver,
    OpenStore,
    StoreCase,
    batch,
    blob,
    event,
    ids,
    list_all,
    log_of,
    row,
    run_id,
)
from fabro_core.testing.store.watching import PATIENCE_SECONDS, until

RETRY_SECONDS = 0.02
"""How long to wait before a recovering store is asked again."""

ATTEMPTS = int(PATIENCE_SECONDS / RETRY_SECONDS)


async def recovered(store: RunStore) -> None:
    """Return once the store answers again: a driver may need a moment to connect. Fails when it never does."""
    for _ in range(ATTEMPTS):
        (outcome,) = await asyncio.gather(store.ping(), return_exceptions=True)
        if outcome is None:
            return
        await asyncio.sleep(RETRY_SECONDS)
    pytest.fail("the store does not recover after its driver works again")


def broken_driver(break_driver: BreakDriver | NoDriver | None) -> BreakDriver:
    """What makes the driver fail; ends the test where there is nothing that could."""
    if break_driver is None:
        not_applicable("break_driver is not overridden")
    if isinstance(break_driver, NoDriver):
        not_applicable(f"there is no driver, {break_driver}")
    return break_driver


class FaultConformance(StoreCase):
    @pytest.fixture
    def broken(self, break_driver: BreakDriver | NoDriver | None) -> BreakDriver:
        """What makes the driver fail; ends the test where there is nothing that could."""
        return broken_driver(break_driver)

    async def test_the_store_says_how_its_driver_fails_or_that_it_has_none(
        self, break_driver: BreakDriver | NoDriver | None
    ) -> None:
        assert break_driver is not None, (
            "override the fixture break_driver: return what makes the driver fail, "
            'or NoDriver("why nothing behind the store can fail")'
        )

    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    async def test_every_method_is_unavailable_while_the_driver_fails_and_works_again_afterwards(
        self, store: RunStore, broken: BreakDriver, call: Call
    ) -> None:
        await store.append(batch(row(STORED)))
        with broken():
            (raised,) = await asyncio.gather(call(store), return_exceptions=True)
        assert isinstance(raised, StoreUnavailable), "a fault of the driver surfaces as StoreUnavailable"
        words = str(raised.__cause__ or "")
        assert not words or words not in str(raised), "the message is free of the driver's words, such as addresses"
        await recovered(store)
        await call(store)

    async def test_an_append_that_failed_is_there_completely_or_not_at_all(
        self, store: RunStore, broken: BreakDriver
    ) -> None:
        await store.append(batch(row(STORED)))
        rivals = [
            batch(row(run_id(n), 2), event(1), event(2), blobs=(blob(run_id(n).encode()),)) for n in range(10, 18)
        ]
        with broken():
            outcomes = await asyncio.gather(*(store.append(each) for each in rivals), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}, "every caller learns of the failure"
        await recovered(store)
        listed = ids(await list_all(store))
        for each in rivals:
            log = await log_of(store, each.run_id)
            assert len(log) in (0, 2), "never half a batch"
            assert (each.run_id in listed) == bool(log), "row and log agree"
            assert (await store.get_blob(each.blobs[0].digest) is not None) == bool(log), "blobs and log agree"
        assert await store.append(batch(row(STORED, 2))) == 2, "appends go on where they were"

    async def test_a_failed_append_does_not_change_what_was_there(self, store: RunStore, broken: BreakDriver) -> None:
        await store.append(batch(row(STORED)))
        before = (await log_of(store, STORED), await store.get_run(STORED))
        with broken():
            await asyncio.gather(store.append(batch(row(NEW))), return_exceptions=True)
        await recovered(store)
        assert (await log_of(store, STORED), await store.get_run(STORED)) == before

    async def test_a_watch_outlives_a_fault(self, store: RunStore, broken: BreakDriver) -> None:
        hints = store.watch()
        with broken():
            await asyncio.gather(store.ping(), return_exceptions=True)
        await recovered(store)
        await store.append(batch(row(STORED)))
        await until(hints, {STORED: 1})

    async def test_opening_while_the_driver_fails_is_a_store_error_and_can_be_tried_again(
        self, open_store: OpenStore, broken: BreakDriver
    ) -> None:
        with broken():
            (raised,) = await asyncio.gather(_ping_once_opened(open_store), return_exceptions=True)
        assert isinstance(raised, StoreError), "opening, or the first call, raises an error of the store"
        async with open_store() as store:
            await store.append(batch(row(STORED)))
            assert await store.get_run(STORED) is not None, "an attempt that failed leaves nothing in the way"

    async def test_closing_while_the_driver_fails_ends_soon_and_without_its_error(
        self, open_store: OpenStore, broken: BreakDriver
    ) -> None:
        stack = AsyncExitStack()
        store = await stack.enter_async_context(open_store())
        await store.append(batch(row(STORED)))
        with broken(), suppress(StoreError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await stack.aclose()
        async with open_store() as store:
            await store.ping()


async def _ping_once_opened(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store.ping()

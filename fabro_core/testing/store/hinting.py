"""`watch` across instances and processes: hints about what others append come in time, and never too early.

For a store whose `info().shared` and `info().wakeups` are true. See `watching` for hints of an instance's own appends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final, cast

import pytest

from fabro_core.store.base import RunStore
from fabro_core.store.records import Wakeup
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.store.case import BreakDriver, NoDriver, batch, event, log_of, row, run_id
from fabro_core.testing.store.elsewhere import Elsewhere, ElsewhereCase
from fabro_core.testing.store.faults import broken_driver, recovered
from fabro_core.testing.store.watching import LOOKS, PATIENCE_SECONDS, PROMISED_SECONDS, in_time, patience, until

A, B = run_id(1), run_id(2)
RUNS: Final = tuple(run_id(number) for number in range(10, 14))

LISTENING_SECONDS: Final = 0.3
"""How long a fault lasts: whoever looks, or listens, meets it meanwhile."""
RETRY_SECONDS: Final = PATIENCE_SECONDS / 10
"""Until the next append, when that before it was not announced: a hint may be lost while the listener comes back."""

LARGE: Final = b"x" * 40_000
"""The body of an event that takes a moment to be stored, for whoever announces it before."""


async def append_one(store: RunStore, id_: str, seq: int) -> None:
    await store.append(batch(row(id_, seq)))


async def append_a_batch(store: RunStore, id_: str, count: int) -> None:
    await store.append(batch(row(id_, count), *(event(seq) for seq in range(1, count + 1))))


async def append_to_all(store: RunStore, count: int) -> None:
    """Append to several runs at the same time, `count` events to each."""
    for seq in range(1, count + 1):
        await asyncio.gather(*(store.append(batch(row(id_, seq, body=LARGE), event(seq, body=LARGE))) for id_ in RUNS))


async def delete_and_make_again(store: RunStore, id_: str) -> None:
    await store.delete_run(id_)
    await store.append(batch(row(id_)))


class HintConformance(ElsewhereCase):
    @pytest.fixture
    def hinted(self, store: RunStore, elsewhere: Elsewhere) -> Elsewhere:
        """Somebody else, of whose appends the store promises hints."""
        if not store.info().wakeups:
            not_applicable("info().wakeups is false")
        return elsewhere

    async def test_appends_of_others_are_announced_up_to_the_newest(self, store: RunStore, hinted: Elsewhere) -> None:
        hints = store.watch()
        await hinted.do(append_one, A, 1)
        await until(hints, {A: 1})
        await hinted.do(append_one, A, 2)
        await hinted.do(append_a_batch, B, 5)
        await until(hints, {A: 2, B: 5})

    async def test_a_hint_never_names_what_another_has_not_yet_written(
        self, store: RunStore, hinted: Elsewhere
    ) -> None:
        hints = store.watch()
        appending = asyncio.ensure_future(hinted.do(append_to_all, 30))
        missing = set(RUNS)
        async with patience("every append is announced"):
            async for hint in hints:
                stored = await store.get_run(hint.run_id)
                assert stored is not None, "what a hint names is readable"
                assert stored.seq >= hint.seq, "what a hint names is readable"
                log = await log_of(store, hint.run_id)
                assert len(log) >= hint.seq, "what a hint names is readable, as a log as well"
                if hint.seq == 30:
                    missing.discard(hint.run_id)
                if not missing:
                    break
        await appending

    async def test_hints_about_others_come_within_a_second(self, store: RunStore, hinted: Elsewhere) -> None:
        hints = store.watch()
        await hinted.do(append_one, A, 1)
        await until(hints, {A: 1})  # from here on a store that looks now and then has just looked
        for seq in range(2, 2 + LOOKS):
            await hinted.do(append_one, A, seq)
            if await in_time(hints, A, seq):
                return
        pytest.fail(f"a hint about another instance comes within {PROMISED_SECONDS:g} s: all came later")

    async def test_a_run_that_was_deleted_and_made_again_is_announced(self, store: RunStore, hinted: Elsewhere) -> None:
        hints = store.watch()
        await hinted.do(append_a_batch, A, 7)
        await until(hints, {A: 7})
        await hinted.do(delete_and_make_again, A)
        await until(hints, {A: 1})
        await hinted.do(append_one, A, 2)
        await until(hints, {A: 2})

    async def test_who_watches_again_is_told_of_others_again(self, store: RunStore, hinted: Elsewhere) -> None:
        for seq in (1, 2, 3):
            hints = store.watch()
            await hinted.do(append_one, A, seq)
            await until(hints, {A: seq})
            await cast("AsyncGenerator[Wakeup, None]", hints).aclose()

    async def test_who_begins_to_watch_late_is_told_of_others(self, store: RunStore, hinted: Elsewhere) -> None:
        await hinted.do(append_one, A, 1)
        await store.get_run(A)
        hints = store.watch()
        await hinted.do(append_one, A, 2)
        await until(hints, {A: 2})

    async def test_own_appends_and_those_of_others_are_announced_side_by_side(
        self, store: RunStore, hinted: Elsewhere
    ) -> None:
        hints = store.watch()
        appending = asyncio.ensure_future(hinted.do(append_to_all, 5))
        for seq in range(1, 21):
            await store.append(batch(row(A, seq)))
        await until(hints, {A: 20} | dict.fromkeys(RUNS, 5))
        await appending

    async def test_a_listener_that_died_is_noticed(
        self, store: RunStore, hinted: Elsewhere, break_driver: BreakDriver | NoDriver | None
    ) -> None:
        hints = store.watch()
        await hinted.do(append_one, A, 1)
        await until(hints, {A: 1})
        with broken_driver(break_driver)():
            await asyncio.gather(store.ping(), return_exceptions=True)
            await asyncio.sleep(LISTENING_SECONDS)
        await recovered(store)
        await hinted.do(recovered)
        seq = 1
        async with patience("after a fault of the driver others are heard again"):
            heard = asyncio.ensure_future(_next_of(hints, A, 2))
            while not heard.done():
                seq += 1
                await hinted.do(append_one, A, seq)
                await asyncio.wait([heard], timeout=RETRY_SECONDS)
            await heard


async def _next_of(hints: AsyncIterator[Wakeup], id_: str, seq: int) -> None:
    async for hint in hints:
        if hint.run_id == id_ and hint.seq >= seq:
            return

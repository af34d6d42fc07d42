"""The hub that merges hints inside one process."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from fabro_core.store.records import Wakeup
from fabro_core.store.wakeups import WakeupHub

pytestmark = pytest.mark.anyio


def hint(run_id: str, seq: int) -> Wakeup:
    return Wakeup(run_id=run_id, seq=seq)


async def rest(hints: AsyncIterator[Wakeup]) -> list[Wakeup]:
    return [each async for each in hints]


async def test_every_watch_gets_every_hint() -> None:
    hub = WakeupHub()
    watches = [hub.watch(), hub.watch()]
    hub.announce([hint("a", 1), hint("b", 2)])
    hub.close()
    assert [await rest(watch) for watch in watches] == [[hint("a", 1), hint("b", 2)]] * 2


async def test_hints_that_wait_are_merged_to_the_newest_of_each_run() -> None:
    hub = WakeupHub()
    hints = hub.watch()
    for seq in (1, 3, 2):
        hub.announce([hint("a", seq)])
    hub.close()
    assert await rest(hints) == [hint("a", 3)]


async def test_hints_from_before_the_watch_are_not_given() -> None:
    hub = WakeupHub()
    hub.announce([hint("a", 1)])
    hints = hub.watch()
    hub.close()
    assert await rest(hints) == []


async def test_hints_that_come_while_others_are_handed_out_are_not_lost() -> None:
    hub = WakeupHub()
    hints = hub.watch()
    hub.announce([hint("a", 1), hint("b", 1)])
    assert await anext(hints) == hint("a", 1)
    hub.announce([hint("a", 2)])
    hub.close()
    assert await rest(hints) == [hint("b", 1), hint("a", 2)]


async def test_a_watch_waits_until_something_is_announced() -> None:
    hub = WakeupHub()
    hints = hub.watch()
    waiting = asyncio.ensure_future(rest(hints))
    await asyncio.sleep(0)
    assert not waiting.done()
    hub.announce([hint("a", 1)])
    hub.close()
    assert await waiting == [hint("a", 1)]


async def test_a_watch_that_nobody_holds_any_more_is_forgotten() -> None:
    hub = WakeupHub()
    started, never_started = hub.watch(), hub.watch()
    hub.announce([hint("a", 1)])
    assert await anext(started) == hint("a", 1)
    assert hub.watched
    del started, never_started
    gc.collect()
    # asyncio closes a generator that was dropped half-way in a task of its own.
    for _ in range(5):
        await asyncio.sleep(0)
    assert not hub.watched

"""Work beside the event loop: small work at once, large work one at a time and within a budget."""

from __future__ import annotations

import asyncio
import re
import threading
from functools import partial
from pathlib import Path

import pytest

import fabro_core
from fabro_core.errors import InvalidRequest, Overloaded
from fabro_core.runs.off_loop import ON_LOOP_MAX_BYTES, OffLoop

pytestmark = pytest.mark.anyio

LARGE = ON_LOOP_MAX_BYTES + 1
GIVE_UP_SECONDS = 60


async def test_small_work_is_done_on_the_loop_and_large_work_beside_it() -> None:
    off_loop = OffLoop()
    here = threading.get_ident()
    assert await off_loop.run(threading.get_ident, size=ON_LOOP_MAX_BYTES) == here
    assert await off_loop.run(threading.get_ident, size=LARGE) != here


async def test_what_the_work_raises_is_raised_and_the_next_has_its_turn() -> None:
    off_loop = OffLoop()

    def refuse() -> None:
        raise InvalidRequest("no")

    with pytest.raises(InvalidRequest):
        await off_loop.run(refuse, size=LARGE)
    assert await off_loop.run(lambda: 1, size=LARGE) == 1


async def test_large_work_is_done_one_at_a_time() -> None:
    off_loop = OffLoop()
    at_work = threading.Semaphore(1)

    def work() -> bool:
        alone = at_work.acquire(blocking=False)
        if alone:
            at_work.release()
        return alone

    assert all(await asyncio.gather(*(off_loop.run(work, size=LARGE) for _ in range(50))))


@pytest.mark.parametrize("waiting", [1, 3])
async def test_whoever_waits_longer_than_the_budget_is_told_and_the_thread_keeps_its_turn(waiting: int) -> None:
    off_loop = OffLoop(budget_seconds=0.05)
    end = threading.Event()
    hangs = partial(end.wait, GIVE_UP_SECONDS)
    try:
        told = await asyncio.gather(*(off_loop.run(hangs, size=LARGE) for _ in range(waiting)), return_exceptions=True)
        assert [type(each) for each in told] == [Overloaded] * waiting
        with pytest.raises(Overloaded, match=r"longer than 0\.05 seconds"):
            await off_loop.run(lambda: 1, size=LARGE)
    finally:
        end.set()
    patient = OffLoop()
    assert await patient.run(lambda: 1, size=LARGE) == 1


async def test_a_caller_who_goes_away_does_not_keep_the_turn() -> None:
    off_loop = OffLoop()
    begun, end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        end.wait(GIVE_UP_SECONDS)

    caller = asyncio.create_task(off_loop.run(work, size=LARGE))
    await begun.wait()
    caller.cancel()
    next_in_line = asyncio.create_task(off_loop.run(lambda: 1, size=LARGE))
    end.set()
    assert await next_in_line == 1


def test_nothing_of_the_domain_computes_in_a_thread_of_its_own() -> None:
    """Without turns and without a budget, as many requests as come would share the interpreter with the event loop."""
    core = Path(fabro_core.__file__).parent
    rooms = ("runs", "resources", "documents", "api", "web")
    modules = [path for room in rooms for path in (core / room).rglob("*.py")]
    threads = re.compile(r"to_thread|run_in_executor|ThreadPoolExecutor")
    found = {path.relative_to(core).as_posix() for path in modules if threads.search(path.read_text(encoding="utf-8"))}
    assert found == {"runs/off_loop.py"}

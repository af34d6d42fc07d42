"""Waiting for a method no longer than it may take, without a timer where none is needed."""

from __future__ import annotations

import asyncio

import pytest

from fabro_core.within import within

pytestmark = pytest.mark.anyio

LONG = 60.0


class Call:
    """What became of a call."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cleaned_up = False

    async def at_once(self) -> str:
        return "answer"

    async def after_turns(self) -> str:
        for _ in range(3):
            await asyncio.sleep(0)
        return "answer"

    async def never(self) -> str:
        try:
            self.begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.cleaned_up = True
        return "answer"

    async def fails(self, *, after_turns: int) -> str:
        for _ in range(after_turns):
            await asyncio.sleep(0)
        raise LookupError


async def test_an_answer_comes_whether_it_is_waited_for_or_not() -> None:
    assert await within(LONG, Call().at_once()) == "answer"
    assert await within(LONG, Call().after_turns()) == "answer"


@pytest.mark.parametrize("after_turns", [0, 3])
async def test_what_a_call_raises_is_raised(after_turns: int) -> None:
    with pytest.raises(LookupError):
        await within(LONG, Call().fails(after_turns=after_turns))


async def test_a_call_that_takes_too_long_is_ended_and_cleans_up() -> None:
    call = Call()
    with pytest.raises(TimeoutError):
        await within(0.01, call.never())
    assert call.cleaned_up


async def test_whoever_is_cancelled_takes_the_call_along() -> None:
    call = Call()
    waiting = asyncio.create_task(within(LONG, call.never()))
    await call.begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert call.cleaned_up

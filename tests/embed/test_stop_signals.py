"""Learning of a stop signal before the server that gets it (server.md S23). `test_processes` has whole programs."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from fabro_core.upkeep.stop_signals import STOP_SIGNALS, StopNotice


@pytest.fixture
def handled() -> Iterator[list[int]]:
    """The stop signals that the server's own handler has got."""
    numbers: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        numbers.append(number)

    before = {each: signal.signal(each, handle) for each in STOP_SIGNALS}
    yield numbers
    for each, handler in before.items():
        signal.signal(each, handler)


def test_both_the_application_and_the_server_learn_of_the_signal(handled: list[int]) -> None:
    async def serve() -> bool:
        drained = asyncio.Event()
        with StopNotice(drained.set).given():
            signal.raise_signal(signal.SIGTERM)
            return await asyncio.wait_for(drained.wait(), timeout=30)

    assert asyncio.run(serve())
    assert handled == [signal.SIGTERM]


def test_afterwards_the_server_has_its_signals_to_itself(handled: list[int]) -> None:
    own = [signal.getsignal(each) for each in STOP_SIGNALS]

    async def serve() -> None:
        with StopNotice(lambda: None).given(), StopNotice(lambda: None).given():
            assert [signal.getsignal(each) for each in STOP_SIGNALS] != own

    asyncio.run(serve())
    assert [signal.getsignal(each) for each in STOP_SIGNALS] == own


def test_a_server_that_takes_its_signals_later_is_noticed_once_that_matters(handled: list[int]) -> None:
    taken: list[int] = []
    own = signal.getsignal(signal.SIGTERM)

    async def serve() -> None:
        drained = asyncio.Event()
        notice = StopNotice(drained.set)
        with notice.given():
            before = signal.signal(signal.SIGTERM, lambda number, _: taken.append(number))
            notice.renew()
            signal.raise_signal(signal.SIGTERM)
            await asyncio.wait_for(drained.wait(), timeout=30)
            signal.signal(signal.SIGTERM, before)  # as servers do

    asyncio.run(serve())
    assert taken == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is own


def test_two_applications_that_renew_in_turn_put_nothing_more_in_place(handled: list[int]) -> None:
    async def serve() -> None:
        first, second = StopNotice(lambda: None), StopNotice(lambda: None)
        with first.given(), second.given():
            in_place = [signal.getsignal(each) for each in STOP_SIGNALS]
            for notice in (first, second, first):
                notice.renew()
            assert [signal.getsignal(each) for each in STOP_SIGNALS] == in_place

    asyncio.run(serve())


def test_a_signal_without_a_handler_is_left_as_it_is(handled: list[int]) -> None:
    async def serve() -> object:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with StopNotice(lambda: None).given():
            return signal.getsignal(signal.SIGTERM)

    assert asyncio.run(serve()) is signal.SIG_IGN


def test_a_server_in_another_thread_is_left_alone(handled: list[int]) -> None:
    own = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    async def serve() -> None:
        with StopNotice(lambda: None).given():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    thread.join(timeout=30)

    assert seen == [own]

"""A store for callers in another thread: one task of an event loop opens it, serves it and closes it.

For Hypothesis' state machines, whose rules are no coroutines, while a store belongs to one event loop and its lifespan
to one task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import FIRST_COMPLETED, Future, wait
from enum import Enum
from typing import Any, Final, TypeVar

from fabro_core.store.base import RunStore
from fabro_core.testing.store.case import OpenStore

ANSWER_SECONDS: Final = 60.0
"""A call that has not been answered by then hangs."""

Ask = Callable[[RunStore], Coroutine[Any, Any, Any]]

T = TypeVar("T")


class _Order(Enum):
    REOPEN = "reopen"
    CLOSE = "close"


class ServedStore:
    """Opens a store on `loop`, which runs in another thread; every method here waits for that thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, open_store: OpenStore) -> None:
        self._loop = loop
        self._open = open_store
        self._jobs: asyncio.Queue[_Order | tuple[Ask, Future[Any]]] = asyncio.Queue()
        self._serving = asyncio.run_coroutine_threadsafe(self._serve(), loop)

    def ask(self, call: Callable[[RunStore], Coroutine[Any, Any, T]]) -> T:
        """What the call returns. Raises what it raises, and the error of opening the store."""
        answer: Future[Any] = Future()
        self._put((call, answer))
        either: set[Future[Any]] = {answer, self._serving}
        wait(either, timeout=ANSWER_SECONDS, return_when=FIRST_COMPLETED)
        if not answer.done():
            self._serving.result(timeout=0)
        outcome: T | BaseException = answer.result(timeout=0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def reopen(self) -> None:
        """Close the instance and open a new one on the same data."""
        self._put(_Order.REOPEN)

    def close(self) -> None:
        """Close the store for good. Raises the error of closing."""
        self._put(_Order.CLOSE)
        self._serving.result(timeout=ANSWER_SECONDS)

    def _put(self, job: _Order | tuple[Ask, Future[Any]]) -> None:
        self._loop.call_soon_threadsafe(self._jobs.put_nowait, job)

    async def _serve(self) -> None:
        order = _Order.REOPEN
        while order is _Order.REOPEN:
            async with self._open() as store:
                order = await self._answer(store)

    async def _answer(self, store: RunStore) -> _Order:
        while not isinstance(job := await self._jobs.get(), _Order):
            call, answer = job
            (outcome,) = await asyncio.gather(call(store), return_exceptions=True)
            answer.set_result(outcome)
        return job

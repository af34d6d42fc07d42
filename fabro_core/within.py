"""Waiting for an auth method or a store no longer than it may take.

Most calls are answered without waiting for anything, and for those a timer costs more than the answer. So a call is
begun at once, and only one that has to wait gets a timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

Answer = TypeVar("Answer")


async def within(seconds: float, call: Coroutine[Any, Any, Answer]) -> Answer:
    """What `call` returns, a coroutine that has not been begun. Raises what it raises, and `TimeoutError` when it
    waits longer than `seconds`."""
    try:
        waited_for = call.send(None)
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    async with asyncio.timeout(seconds):
        return await _Begun(call, waited_for)


class _Begun(Generic[Answer]):
    """A coroutine that has been begun and waits for something: Python lets nobody await it any more, so what comes
    from the event loop is handed on by hand (PEP 342, PEP 492)."""

    def __init__(self, call: Coroutine[Any, Any, Answer], waited_for: object) -> None:
        self._call = call
        self._waited_for = waited_for

    def __await__(self) -> Generator[Any, Any, Answer]:
        waited_for = self._waited_for
        try:
            while True:
                try:
                    result = yield waited_for
                except (Exception, asyncio.CancelledError, GeneratorExit) as error:  # noqa: BLE001  (handed on)
                    waited_for = self._call.throw(error)
                else:
                    waited_for = self._call.send(result)
        except StopIteration as done:
            answer: Answer = done.value
            return answer

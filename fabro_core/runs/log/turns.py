"""Who writes to a run, one after the other: whatever waits when it is free is served in one turn.

Only the writers of this process take turns; those of others are kept apart by the store. Runs do not wait for each
other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar


class Waiter(Protocol):
    """Somebody who wants to be served."""

    arrival: asyncio.Future[None] | None
    """Set by `Turns` for who has to wait: done when it was served."""


W = TypeVar("W", bound=Waiter)

Serve = Callable[[str, Sequence[W]], Awaitable[int]]
"""Serves those in front, one at least, and returns how many they were. Is told the key and everybody who waits; raises
nothing: what goes wrong is for the waiters to know."""


class Turns(Generic[W]):
    """Turns at each of many keys, in the order of arrival."""

    def __init__(self, serve: Serve[W]) -> None:
        self._serve = serve
        self._lines: dict[str, deque[W]] = {}
        """Who waits, by key; there is a line, empty perhaps, for as long as somebody is being served."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, key: str, waiter: W) -> None:
        """Return when the waiter was served.

        Who is cancelled while it waits is not served. Who is cancelled while it is being served may have been, and
        nobody else notices.
        """
        line = self._lines.get(key)
        if line is not None:
            waiter.arrival = asyncio.get_running_loop().create_future()
            line.append(waiter)
            await waiter.arrival
            return
        line = self._lines[key] = deque()
        try:
            # Alone, so there is no need for a task that would outlive the caller.
            await self._serve(key, (waiter,))
        finally:
            self._go_on(key, line)

    def _go_on(self, key: str, line: deque[W]) -> None:
        if not line:
            del self._lines[key]
            return
        task = asyncio.create_task(self._work(key, line), name="fabro writers of a run")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, key: str, line: deque[W]) -> None:
        try:
            while waiting := [each for each in line if not _has_left(each)]:
                line.clear()
                line.extend(waiting)
                for _ in range(await self._serve(key, waiting)):
                    _let_go(line.popleft())
        finally:  # with somebody in the line only when the event loop is being closed
            del self._lines[key]
            for each in line:
                if each.arrival is not None:
                    each.arrival.cancel()


def _has_left(waiter: Waiter) -> bool:
    return waiter.arrival is not None and waiter.arrival.cancelled()


def _let_go(waiter: Waiter) -> None:
    if waiter.arrival is not None and not waiter.arrival.done():
        waiter.arrival.set_result(None)

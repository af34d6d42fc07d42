"""Work that takes the processor for as long as its input is large: done beside the event loop, one piece at a time.

Reading manifests and compiling graphs is Python code, so a thread does not make it faster; it lets the loop in between.
One thread is enough: a second one could not compute at the same moment, and each that waits for the interpreter adds
its turn (5 ms) to every wait of the loop. A process of its own would have a processor of its own as well, but takes a
third of a second and 30 MB to come up, and an embedding program may be in no state to start one.

A thread cannot be stopped. So what is done here must be bounded by construction: by the size of a text, a number of
symbols or of counted steps. The budget below is for those who wait, not a means to end a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fabro_core.errors import Overloaded

T = TypeVar("T")

ON_LOOP_MAX_BYTES = 8 * 1024
"""What is as small is done at once: a change of threads would cost as much, and most manifests are of this size."""

BUDGET_SECONDS = 10.0
"""How long one piece of work may take, the wait for its turn included."""


class OffLoop:
    """The one place of a process where such work is done."""

    def __init__(self, *, budget_seconds: float = BUDGET_SECONDS) -> None:
        self._budget_seconds = budget_seconds
        self._turns = asyncio.Semaphore(1)

    async def run(self, work: Callable[[], T], *, size: int) -> T:
        """What `work` returns or raises; `size` is that of its input, in bytes or characters.

        Raises `Overloaded` when it has not ended within the budget. It then goes on to its end, which nobody awaits,
        and keeps its turn for so long.
        """
        if size <= ON_LOOP_MAX_BYTES:
            return work()
        try:
            async with asyncio.timeout(self._budget_seconds):
                await self._turns.acquire()
                future = asyncio.get_running_loop().run_in_executor(None, work)
                future.add_done_callback(self._end_turn)
                return await asyncio.shield(future)
        except TimeoutError:
            raise Overloaded(
                f"It took longer than {self._budget_seconds:g} seconds to compute. "
                "Try again later, or ask for less: a smaller workflow, fewer files."
            ) from None

    def _end_turn(self, future: asyncio.Future[T]) -> None:
        self._turns.release()
        if not future.cancelled():
            future.exception()  # it is told to whoever still awaits it, and not lamented if nobody does

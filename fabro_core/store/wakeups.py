"""Hints for the consumers of `RunStore.watch()` inside one process: collects, merges and hands them out.

For stores, so that each need not invent its own. It knows nothing of logs or engines: a store calls `announce` after
a commit and gives `watch()` to its caller. Belongs to one event loop; a store thread goes through
`loop.call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from weakref import WeakSet

from fabro_core.store.records import Wakeup


class WakeupHub:
    """Fans announcements out to every open watch. A slow consumer costs one entry a run, never one an append."""

    def __init__(self) -> None:
        self._watches: WeakSet[_Watch] = WeakSet()

    @property
    def watched(self) -> bool:
        """Whether anybody watches now."""
        return bool(self._watches)

    def announce(self, wakeups: Iterable[Wakeup]) -> None:
        """Hand the hints to everybody who watches now. Call only after what they name is readable."""
        if self._watches:
            batch = tuple(wakeups)
            for watch in tuple(self._watches):
                watch.offer(batch)

    def watch(self) -> AsyncIterator[Wakeup]:
        """Hints that are announced from this call on. Ends with `close()`."""
        watch = _Watch()
        # Weak, so that an iterator which was dropped without being closed or even started is forgotten as well.
        self._watches.add(watch)
        return watch.wakeups()

    def close(self) -> None:
        """End every open watch after the hints it still holds."""
        for watch in tuple(self._watches):
            watch.end()
        self._watches.clear()


class _Watch:
    def __init__(self) -> None:
        self._pending: dict[str, int] = {}
        self._stirred = asyncio.Event()
        self._ended = False

    def offer(self, batch: tuple[Wakeup, ...]) -> None:
        for wakeup in batch:
            if wakeup.seq > self._pending.get(wakeup.run_id, 0):
                self._pending[wakeup.run_id] = wakeup.seq
        self._stirred.set()

    def end(self) -> None:
        self._ended = True
        self._stirred.set()

    async def wakeups(self) -> AsyncIterator[Wakeup]:
        while True:
            await self._stirred.wait()
            pending, self._pending = self._pending, {}
            if not self._ended:
                self._stirred.clear()
            for run_id, seq in pending.items():
                yield Wakeup(run_id=run_id, seq=seq)
            if self._ended and not self._pending:
                return

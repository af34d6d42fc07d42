"""Watching: what is announced, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.store import records
from fabro_core.store.wakeups import WakeupHub
from fabro_core.testing.store.watching import WatchConformance
from tests.testing.bugs import breaks


async def naming_the_first(hints: AsyncIterator[records.Wakeup]) -> AsyncIterator[records.Wakeup]:
    """The hints, each with the first event of those that came at once."""
    newest: dict[str, int] = {}
    async for hint in hints:
        yield replace(hint, seq=newest.get(hint.run_id, 0) + 1)
        newest[hint.run_id] = hint.seq


@breaks("what a hint names is readable", found_by=WatchConformance)
class WatchBeforeCommit(DictStore):
    """Announces an append before it can be read."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        self._opened().announce([records.Wakeup(run_id=batch.run_id, seq=batch.row.seq)])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await super().append(batch)


@breaks("every append is announced", found_by=WatchConformance)
class SilentAppend(DictStore):
    """Announces nothing."""

    def _opened(self) -> WakeupHub:
        super()._opened()
        return WakeupHub()


@breaks("a hint comes within 1 s", found_by=WatchConformance)
class AnnouncesLate(DictStore):
    """Announces an append two seconds later."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        hub, self._hub = self._opened(), WakeupHub()
        try:
            seq = await super().append(batch)
        finally:
            self._hub = hub
        hint = records.Wakeup(run_id=batch.run_id, seq=seq)
        asyncio.get_running_loop().call_later(2, hub.announce, [hint])
        return seq


@breaks("a run that is made again is announced again", found_by=WatchConformance)
class AnnouncesGrowth(DictStore):
    """Announces a run when it is longer than it ever was."""

    def watch(self) -> AsyncIterator[records.Wakeup]:
        return self._told(super().watch())

    async def _told(self, hints: AsyncIterator[records.Wakeup]) -> AsyncIterator[records.Wakeup]:
        longest: dict[str, int] = {}
        async for hint in hints:
            if hint.seq > longest.get(hint.run_id, 0):
                longest[hint.run_id] = hint.seq
                yield hint


@breaks("a batch is announced up to its newest event", found_by=WatchConformance)
class AnnouncesTheBeginning(DictStore):
    """Names the first event of a batch."""

    def watch(self) -> AsyncIterator[records.Wakeup]:
        return naming_the_first(super().watch())


@breaks("who watches again is told again", found_by=WatchConformance)
class OneWatchOnly(DictStore):
    """Has nothing to tell to whoever watches after another."""

    _watched = False

    def watch(self) -> AsyncIterator[records.Wakeup]:
        if self._watched:
            return WakeupHub().watch()
        self._watched = True
        return super().watch()

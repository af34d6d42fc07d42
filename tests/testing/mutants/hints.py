"""Watching: what is announced, and when."""

from __future__ import annotations

import asyncio

from examples.stores.dict_store import DictStore
from fabro_core.store import records
from fabro_core.store.wakeups import WakeupHub
from fabro_core.testing.store.watching import WatchConformance
from tests.testing.mutants import breaks


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

"""Appending: nothing is lost, nothing is half, nobody is overwritten."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.errors import SeqConflict
from fabro_core.store import records
from fabro_core.testing.store.appending import AppendConformance
from tests.testing.bugs import breaks


@breaks("no event of an acknowledged batch is lost", found_by=AppendConformance)
class LostEvent(DictStore):
    """Keeps the first event of a batch only."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        return await super().append(replace(batch, events=batch.events[:1]))


@breaks("one append wins", found_by=AppendConformance)
class NonAtomicAppend(DictStore):
    """Somebody else may write between the check and the write."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        log = self._logs.get(batch.run_id, [])
        await asyncio.sleep(0)
        self._logs[batch.run_id] = log
        return await super().append(batch)


@breaks("row and log agree", found_by=AppendConformance)
class HalfAppend(DictStore):
    """A caller that gives up in the middle leaves the log without its row."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        log = self._logs.get(batch.run_id, [])
        if len(log) == batch.expected_seq:
            self._logs[batch.run_id] = [*log, *batch.events]
            await asyncio.sleep(0)
            self._logs[batch.run_id] = log
        return await super().append(batch)


@breaks("a refused append writes nothing", found_by=AppendConformance)
class WriteDespiteConflict(DictStore):
    """Refuses a stale append, and keeps its row all the same."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        try:
            return await super().append(batch)
        except SeqConflict:
            if batch.run_id in self._rows:
                self._rows[batch.run_id] = batch.row
            raise


@breaks("the log is gone", found_by=AppendConformance)
class LogThatStays(DictStore):
    """Deletes the row of a run and forgets its log."""

    async def delete_run(self, run_id: str, /) -> bool:
        log = self._logs.get(run_id, [])
        deleted = await super().delete_run(run_id)
        self._logs[run_id] = log
        return deleted

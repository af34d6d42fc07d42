"""Removals that are acknowledged while they still wait: whoever is killed meanwhile has removed nothing."""

from __future__ import annotations

from fabro_core.store import records
from fabro_core.testing.store.crashing import CrashConformance
from fabro_store_sqlite import SqliteRunStore
from tests.testing.bugs import breaks

AT_ONCE = 500
"""How many removals come together before they are done; a process that is killed has not had so many."""


@breaks("an acknowledged delete of a run survives", found_by=CrashConformance)
class DeletesRunsTogether(SqliteRunStore):
    """Deletes many runs in one transaction, and answers for each at once."""

    _waiting: tuple[str, ...] = ()

    async def delete_run(self, run_id: str, /) -> bool:
        self._waiting = (*self._waiting, run_id)
        if len(self._waiting) == AT_ONCE:
            for each in self._waiting:
                await super().delete_run(each)
        return await self.get_run(run_id) is not None


@breaks("an acknowledged delete or purge of a document survives", found_by=CrashConformance)
class PurgesTogether(SqliteRunStore):
    """Purges with every so many calls."""

    _calls = 0

    async def purge(self, now_ms: int, /) -> int:
        self._calls += 1
        return await super().purge(now_ms) if self._calls % AT_ONCE == 0 else 0


@breaks("an acknowledged delete or purge of a document survives", found_by=CrashConformance)
class DeletesDocumentsTogether(SqliteRunStore):
    """Deletes many documents in one transaction, and answers for each at once."""

    _waiting: tuple[records.DocDelete, ...] = ()

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        self._waiting = (*self._waiting, delete)
        if len(self._waiting) == AT_ONCE:
            for each in self._waiting:
                await super().delete_doc(each)
        return True


@breaks("an acknowledged delete of a blob survives", found_by=CrashConformance)
class DeletesBlobsTogether(SqliteRunStore):
    """Deletes many blobs in one transaction, and answers for each at once."""

    _waiting: tuple[records.BlobDelete, ...] = ()

    async def delete_blob(self, delete: records.BlobDelete, /) -> bool:
        self._waiting = (*self._waiting, delete)
        if len(self._waiting) == AT_ONCE:
            for each in self._waiting:
                await super().delete_blob(each)
        return True

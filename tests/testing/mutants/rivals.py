"""Two sides on one key: stores that look first and write afterwards, or that lock nobody out but themselves."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import ClassVar
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from fabro_core.errors import RevisionConflict, SeqConflict, StoreFenced
from fabro_core.store import records
from fabro_core.testing.store.rivals import RivalConformance
from fabro_store_sqlite import SqliteRunStore, documents, run_writes
from fabro_store_sqlite.writer import Transaction
from tests.testing.bugs import breaks


def one_at_a_time(locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]) -> asyncio.Lock:
    """A lock that all instances of this process have in common."""
    return locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())


class LooksFirst(SqliteRunStore):
    """Not a mutant: what many below do."""

    async def revision_of(self, place: records.DocWrite | records.DocDelete) -> str | records.Expect:
        ref = records.DocRef(collection=place.collection, key=place.key, now_ms=place.now_ms)
        current = await self.get_doc(ref)
        return records.ABSENT if current is None else current.revision

    async def require(self, place: records.DocWrite | records.DocDelete) -> None:
        if place.if_revision is not records.ANY and place.if_revision != await self.revision_of(place):
            raise RevisionConflict("The document has another revision.")

    async def require_seq(self, batch: records.AppendBatch) -> None:
        stored = await self.get_run(batch.run_id)
        newest = 0 if stored is None else stored.seq
        if newest != batch.expected_seq:
            raise SeqConflict(batch.expected_seq, newest)


@breaks("what was acknowledged is stored, and nothing that was refused", found_by=RivalConformance)
class DoesNothingOnConflict(LooksFirst):
    """Looks for the newest event, then inserts what is not there yet, and acknowledges it in any case."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        await self.require_seq(batch)
        try:
            return await super().append(batch)
        except SeqConflict:
            return batch.row.seq


@breaks("what was acknowledged is stored, and nothing that was refused", found_by=RivalConformance)
class LocksItsOwnProcess(DoesNothingOnConflict):
    """As above, with a lock that other processes do not see."""

    _locks: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]] = WeakKeyDictionary()

    async def append(self, batch: records.AppendBatch, /) -> int:
        async with one_at_a_time(self._locks):
            return await super().append(batch)


@breaks("what was acknowledged is stored, and nothing that was refused", found_by=RivalConformance)
class TriesAgainByItself(LooksFirst):
    """Appends behind whatever has come in between, as if the caller had decided on that."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        await self.require_seq(batch)
        try:
            return await super().append(batch)
        except SeqConflict as conflict:
            ahead = conflict.actual - batch.expected_seq
            events = tuple(replace(event, seq=event.seq + ahead) for event in batch.events)
            row = replace(batch.row, seq=batch.row.seq + ahead)
            await super().append(replace(batch, expected_seq=conflict.actual, events=events, row=row))
            return batch.row.seq


@breaks("a refused append stores no blob", found_by=RivalConformance)
class BlobsOfTheRefused(LooksFirst):
    """Puts blobs as soon as an append looks as if it would succeed."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        await self.require_seq(batch)
        for blob in batch.blobs:
            await self.put_blob(blob)
        return await super().append(batch)


@breaks("no run goes uncounted", found_by=RivalConformance)
class CountsWhatItMade(SqliteRunStore):
    """Counts runs when it is opened, and from then on by its own appends."""

    _made = 0

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        self._made += batch.expected_seq == 0
        return seq

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        page = await super().list_runs(query)
        return page if query.facets else replace(page, total=self._made)


@breaks("a run is deleted as often as it was made", found_by=RivalConformance)
class DeletesARunTwice(SqliteRunStore):
    """Says that a run was deleted when it was there a moment ago."""

    async def delete_run(self, run_id: str, /) -> bool:
        was_there = await self.get_run(run_id) is not None
        await super().delete_run(run_id)
        return was_there


@breaks("a run is deleted as often as it was made", found_by=RivalConformance)
class AcknowledgesWhatIsGone(SqliteRunStore):
    """Takes a run that somebody has made meanwhile for its own."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        try:
            return await super().append(batch)
        except SeqConflict:
            if batch.expected_seq == 0:
                return batch.row.seq
            raise


# -- documents ------------------------------------------------------------------------------------------------------


@breaks("every acknowledged change was made to the one before it", found_by=RivalConformance)
class PutsBlindly(LooksFirst):
    """Compares the revision in one statement and sets it in another."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        await self.require(write)
        return await super().put_doc(replace(write, if_revision=records.ANY))


@breaks("every acknowledged change was made to the one before it", found_by=RivalConformance)
class PutsBlindlyWhileOthersWait(PutsBlindly):
    """As above, with a lock that other processes do not see."""

    _locks: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]] = WeakKeyDictionary()

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        async with one_at_a_time(self._locks):
            return await super().put_doc(write)


@breaks("a document that must be absent is made by one of two", found_by=RivalConformance)
class MakesBlindly(LooksFirst):
    """Looks whether a key is free, then writes; only a revision is compared by the statement that sets it."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        if write.if_revision is records.ABSENT:
            await self.require(write)
            write = replace(write, if_revision=records.ANY)
        return await super().put_doc(write)


@breaks("what was made once is taken once", found_by=RivalConformance)
class InsertsOrIgnores(SqliteRunStore):
    """Acknowledges a document that somebody has made meanwhile: an insert that does nothing on a conflict."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        absent = write.if_revision is records.ABSENT
        ref = records.DocRef(collection=write.collection, key=write.key, now_ms=write.now_ms)
        if absent and await self.get_doc(ref) is not None:
            raise RevisionConflict("The document is there.")
        try:
            return await super().put_doc(write)
        except RevisionConflict:
            there = await self.get_doc(ref)
            if not absent or there is None:
                raise
            return there


@breaks("of a put and a delete on one revision one wins", found_by=RivalConformance)
class DeletesBlindly(LooksFirst):
    """Compares the revision in one statement and deletes in another."""

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        await self.require(delete)
        return await super().delete_doc(replace(delete, if_revision=records.ANY))


@breaks("of a put and a delete on one revision one wins", found_by=RivalConformance)
class DeletesBlindlyWhileOthersWait(DeletesBlindly):
    """As above, with a lock for both that other processes do not see."""

    _locks: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]] = WeakKeyDictionary()

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        async with one_at_a_time(self._locks):
            return await super().put_doc(write)

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        async with one_at_a_time(self._locks):
            return await super().delete_doc(delete)


@breaks("what was made once is taken once", found_by=RivalConformance)
class TakesTwice(SqliteRunStore):
    """Says that a document was deleted when it was there a moment ago."""

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        ref = records.DocRef(collection=delete.collection, key=delete.key, now_ms=delete.now_ms)
        was_there = await self.get_doc(ref) is not None
        return await super().delete_doc(delete) or was_there


@breaks("a revision is never given twice", found_by=RivalConformance)
class RevisionsByLength(SqliteRunStore):
    """Counts the revisions of a key from one, as long as it is there."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        def put(transaction: Transaction) -> records.Doc:
            ref = records.DocRef(collection=write.collection, key=write.key, now_ms=write.now_ms)
            current = documents.document(transaction, ref)
            number = 0 if current is None else int((current.owner or "").removeprefix("revision "))
            expected = write.if_revision
            if expected is not records.ANY:
                if expected != (records.ABSENT if current is None else str(number)):
                    raise RevisionConflict("The document has another revision.")
                expected = records.ANY
            counted = replace(write, if_revision=expected, owner=f"revision {number + 1}")
            return replace(documents.put(transaction, counted), revision=str(number + 1), owner=write.owner)

        return await self._open().writer.run(put)

    async def get_doc(self, ref: records.DocRef, /) -> records.Doc | None:
        doc = await super().get_doc(ref)
        return None if doc is None else replace(doc, revision=(doc.owner or "").removeprefix("revision "), owner=None)

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        ref = records.DocRef(collection=delete.collection, key=delete.key, now_ms=delete.now_ms)
        current = await self.get_doc(ref)
        if current is not None and delete.if_revision not in (records.ANY, current.revision):
            raise RevisionConflict("The document has another revision.")
        return await super().delete_doc(replace(delete, if_revision=records.ANY))


# -- blobs and the fence --------------------------------------------------------------------------------------------


@breaks("bytes that one side puts outlive the deletes of another", found_by=RivalConformance)
class DeletesBytesBlindly(SqliteRunStore):
    """Looks when bytes were put in one statement and deletes them in another."""

    async def delete_blob(self, delete: records.BlobDelete, /) -> bool:
        statement = "SELECT put_ms FROM blob_puts WHERE digest = ?"
        rows = await self._open().readers.quick(lambda c: c.execute(statement, (delete.digest,)).fetchall())
        if not rows or rows[0][0] >= delete.if_put_before_ms:
            return False
        return await super().delete_blob(replace(delete, if_put_before_ms=2**62))


@breaks("bytes are deleted as often as they were new", found_by=RivalConformance)
class NewWhenItLooked(SqliteRunStore):
    """Says that bytes are new when they were not there a moment ago."""

    async def put_blob(self, blob: records.Blob, /) -> bool:
        was_there = await self.get_blob(blob.digest) is not None
        await super().put_blob(blob)
        return not was_there


@breaks("bytes are deleted as often as they were new", found_by=RivalConformance)
class DeletesBytesTwice(SqliteRunStore):
    """Says that bytes were deleted when they were there a moment ago."""

    async def delete_blob(self, delete: records.BlobDelete, /) -> bool:
        was_there = await self.get_blob(delete.digest) is not None
        return await super().delete_blob(delete) or was_there


@breaks("what was purged is counted once", found_by=RivalConformance)
class CountsBeforeItPurges(SqliteRunStore):
    """Counts what has expired in one statement and removes it in another."""

    async def purge(self, now_ms: int, /) -> int:
        statement = "SELECT count(*) FROM documents WHERE expires_ms <= ?"
        ((expired,),) = await self._open().readers.quick(lambda c: c.execute(statement, (now_ms,)).fetchall())
        await super().purge(now_ms)
        return int(expired)


@breaks("once the fence is acknowledged", found_by=RivalConformance)
class LooksForTheFenceNowAndThen(SqliteRunStore):
    """Looks for the fence before every twentieth append."""

    _appends = 0

    async def append(self, batch: records.AppendBatch, /) -> int:
        self._appends += 1
        if self._appends % 20 == 0:
            return await super().append(batch)
        return await self._open().writer.run_on_fence(partial(run_writes.append, batch=batch))


@breaks("once the fence is acknowledged", found_by=RivalConformance)
class OwnFence(SqliteRunStore):
    """Knows the fence that this instance has put up."""

    _fenced = False

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        self._fenced |= write.collection == records.FENCE_COLLECTION
        return await super().put_doc(write)

    async def append(self, batch: records.AppendBatch, /) -> int:
        if self._fenced:
            raise StoreFenced
        return await self._open().writer.run_on_fence(partial(run_writes.append, batch=batch))

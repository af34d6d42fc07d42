"""Dict stores with one bug each. `mutant_suites` asks the kit about them, `test_store_kit` expects what it finds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.errors import SeqConflict
from fabro_core.store import records
from fabro_core.store.wakeups import WakeupHub


class LostEvent(DictStore):
    """Keeps the first event of a batch only."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        return await super().append(replace(batch, events=batch.events[:1]))


class NonAtomicAppend(DictStore):
    """Somebody else may write between the check and the write."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        log = self._logs.get(batch.run_id, [])
        await asyncio.sleep(0)
        self._logs[batch.run_id] = log
        return await super().append(batch)


class HalfAppend(DictStore):
    """A caller that gives up in the middle leaves the log without its row."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        log = self._logs.get(batch.run_id, [])
        if len(log) == batch.expected_seq:
            self._logs[batch.run_id] = [*log, *batch.events]
            await asyncio.sleep(0)
            self._logs[batch.run_id] = log
        return await super().append(batch)


class WriteDespiteConflict(DictStore):
    """Refuses a stale append, and keeps its row all the same."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        try:
            return await super().append(batch)
        except SeqConflict:
            if batch.run_id in self._rows:
                self._rows[batch.run_id] = batch.row
            raise


class WatchBeforeCommit(DictStore):
    """Announces an append before it can be read."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        self._opened().announce([records.Wakeup(run_id=batch.run_id, seq=batch.row.seq)])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await super().append(batch)


class SilentAppend(DictStore):
    """Announces nothing."""

    def _opened(self) -> WakeupHub:
        super()._opened()
        return WakeupHub()


class RewrittenBytes(DictStore):
    """Takes the freedom to trim what it stores."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        trimmed = tuple(replace(event, body=event.body.strip()) for event in batch.events)
        return await super().append(replace(batch, events=trimmed))


class EndlessPage(DictStore):
    """Bounds pages in number alone."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        return await super().read(replace(query, max_bytes=None))


class EmptyPage(DictStore):
    """Has no page for an event that is larger than one."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        page = await super().read(query)
        fits = query.max_bytes is None or sum(len(event.body) for event in page.events) <= query.max_bytes
        return page if fits else replace(page, events=())


class ShortPageForTheLast(DictStore):
    """Takes a page that ended because of its bytes for the last one."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        page = await super().read(query)
        return replace(page, has_more=page.has_more and len(page.events) == query.limit)


class EndlessFeedPage(DictStore):
    """Bounds pages of the feed in number alone."""

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        return await super().read_feed(replace(query, max_bytes=None))


class WrongTieBreak(DictStore):
    """Runs with equal keys come by id ascending."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        other_way = "asc" if query.direction == "desc" else "desc"
        whole = await super().list_runs(replace(query, direction=other_way, offset=0, limit=10_000))
        return replace(whole, hits=whole.hits[::-1][query.offset : query.offset + query.limit])


class RoundedNumbers(DictStore):
    """Keeps numbers as floats."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        return await super().append(replace(batch, row=replace(batch.row, changes=int(float(batch.row.changes)))))


class PageForTotal(DictStore):
    """Counts the runs of the page instead of those that match."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        page = await super().list_runs(query)
        return replace(page, total=len(page.hits))


class StoppedClock(DictStore):
    """Measures the elapsed time of live runs at the wrong instant."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        return await super().list_runs(replace(query, now_ms=0))


class LastIdLost(DictStore):
    """Leaves out the id at the end."""

    async def list_run_ids(self, query: records.RunIdQuery, /) -> records.RunIdPage:
        page = await super().list_run_ids(query)
        return page if page.has_more else replace(page, ids=page.ids[:-1])


class LogThatStays(DictStore):
    """Deletes the row of a run and forgets its log."""

    async def delete_run(self, run_id: str, /) -> bool:
        log = self._logs.get(run_id, [])
        deleted = await super().delete_run(run_id)
        self._logs[run_id] = log
        return deleted


class ExpiredDocument(DictStore):
    """Shows an expired document until it is purged."""

    async def get_doc(self, ref: records.DocRef, /) -> records.Doc | None:
        return self._docs.get((ref.collection, ref.key))


class RevisionAgain(DictStore):
    """Numbers the revisions of a document from one, again after a delete."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        before = self._docs.get((write.collection, write.key))
        doc = replace(await super().put_doc(write), revision=str(1 if before is None else int(before.revision) + 1))
        self._docs[write.collection, write.key] = doc
        return doc


class DeleteTwice(DictStore):
    """Two callers may both have deleted the same document."""

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        doc = self._live(delete)
        await asyncio.sleep(0)
        if doc is not None:
            self._docs[delete.collection, delete.key] = doc
        return await super().delete_doc(delete)


class BlobTwice(DictStore):
    """Claims to have stored bytes that were there."""

    async def put_blob(self, blob: records.Blob, /) -> bool:
        await super().put_blob(blob)
        return True


class BlobPutOnce(DictStore):
    """Does not note that known bytes were put again."""

    def _put(self, blob: records.Blob) -> bool:
        return blob.digest not in self._blobs and super()._put(blob)


class BlobThatStays(DictStore):
    """Says that it has deleted a blob."""

    async def delete_blob(self, delete: records.BlobDelete, /) -> bool:
        blobs = dict(self._blobs)
        deleted = await super().delete_blob(delete)
        self._blobs = blobs
        return deleted


class BlobDeletedAnyway(DictStore):
    """Deletes what somebody has put again."""

    async def delete_blob(self, delete: records.BlobDelete, /) -> bool:
        return self._blobs.pop(delete.digest, None) is not None


class AppendWithoutBlobs(DictStore):
    """Keeps the events and not what they refer to."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        return await super().append(replace(batch, blobs=()))


class BlobsFirst(DictStore):
    """Stores blobs before it looks whether the append is refused."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        for blob in batch.blobs:
            await self.put_blob(blob)
        return await super().append(batch)


class LastBlobLost(DictStore):
    """Leaves out the blob at the end."""

    async def list_blobs(self, query: records.BlobQuery, /) -> records.BlobPage:
        page = await super().list_blobs(query)
        return page if page.has_more else replace(page, digests=page.digests[:-1])


class PurgesPastTheFence(DictStore):
    """Does not count purging among writes."""

    async def purge(self, now_ms: int, /) -> int:
        for place in [place for place, doc in self._docs.items() if (doc.expires_ms or now_ms + 1) <= now_ms]:
            del self._docs[place]
        return 0


class FenceForEver(DictStore):
    """Refuses also what would lift the fence."""

    def _writable(self, collection: str = "") -> WakeupHub:
        return super()._writable()


class OneCollection(DictStore):
    """Knows the collection that was written to last."""

    async def list_collections(self) -> Sequence[str]:
        return (await super().list_collections())[-1:]


class OpenForever(DictStore):
    """Answers after it was closed."""

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        async with super().lifespan():
            hub = self._hub
            yield
        self._hub = hub

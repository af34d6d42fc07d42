"""Deletes of runs and blobs: too much, too little, twice, or with something left over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec.structs import replace

from examples.stores.dict_store import DictStore, has_expired
from fabro_core.models.status import Bucket
from fabro_core.store import records
from fabro_core.testing.store.removing import RemovalConformance
from tests.testing.bugs import breaks
from tests.testing.sound_stores import SavedStore

# -- runs --------------------------------------------------------------------------------------------------------------


@breaks("no event is left, however many there were", found_by=RemovalConformance)
class DeletesAHundredEvents(DictStore):
    """Removes a page of the log."""

    async def delete_run(self, run_id: str, /) -> bool:
        rest = self._logs.get(run_id, [])[:-100]
        deleted = await super().delete_run(run_id)
        if rest:
            self._logs[run_id] = rest
        return deleted


@breaks("there is nothing left to delete", found_by=RemovalConformance)
class AlwaysDeleted(DictStore):
    """Says that it has deleted whatever it is asked to."""

    async def delete_run(self, run_id: str, /) -> bool:
        await super().delete_run(run_id)
        return True


class _Counted(DictStore):
    """Counts runs by facet, as runs come, move and go."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, set[str]] = {}

    async def append(self, batch: records.AppendBatch, /) -> int:
        before = self._rows.get(batch.run_id)
        seq = await super().append(batch)
        for facet in () if before is None else before.facets:
            self._counts[facet].discard(batch.run_id)
        for facet in batch.row.facets:
            self._counts.setdefault(facet, set()).add(batch.run_id)
        return seq

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        page = await super().list_runs(query)
        if len(query.facets) != 1 or query.is_search:
            return page
        return replace(page, total=len(self._counts.get(query.facets[0], ())))


@breaks("no facet is left, however many there were", found_by=RemovalConformance)
class FacetsThatStay(_Counted):
    """Counts a deleted run on."""


@breaks("it is no child any more", found_by=RemovalConformance)
class ChildrenThatStay(DictStore):
    """Counts children when they come and not when they go."""

    def __init__(self) -> None:
        super().__init__()
        self._children: dict[str, set[str]] = {}

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        for children in self._children.values():
            children.discard(batch.run_id)
        if batch.row.parent_id is not None:
            self._children.setdefault(batch.row.parent_id, set()).add(batch.run_id)
        return seq

    def _hit(self, row: records.RunRow) -> records.RunHit:
        return replace(super()._hit(row), children_count=len(self._children.get(row.id, ())))


@breaks("it has left the queue", found_by=RemovalConformance)
class QueueThatStays(DictStore):
    """Keeps a place in the queue for a deleted run."""

    def __init__(self) -> None:
        super().__init__()
        self._gone: set[str] = set()

    async def delete_run(self, run_id: str, /) -> bool:
        row = self._rows.get(run_id)
        if row is not None and row.bucket is Bucket.RUNNABLE:
            self._gone.add(run_id)
        return await super().delete_run(run_id)

    def _hit(self, row: records.RunRow) -> records.RunHit:
        hit = super()._hit(row)
        ahead = sum(each < row.id for each in self._gone)
        return hit if hit.queue_position is None else replace(hit, queue_position=hit.queue_position + ahead)


@breaks("no workflow is left", found_by=RemovalConformance)
class WorkflowsThatStay(DictStore):
    """Remembers every workflow there was."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[str | None, str | None], records.WorkflowHit] = {}

    async def list_workflows(self) -> Sequence[records.WorkflowHit]:
        return list((self._known | {(hit.slug, hit.name): hit for hit in await super().list_workflows()}).values())

    async def delete_run(self, run_id: str, /) -> bool:
        self._known |= {(hit.slug, hit.name): hit for hit in await super().list_workflows()}
        return await super().delete_run(run_id)


@breaks("no tag is left", found_by=RemovalConformance)
class TagsThatStay(DictStore):
    """Has the events of a tag a second time, and forgets them."""

    def __init__(self) -> None:
        super().__init__()
        self._gone: dict[str, list[records.EventRecord]] = {}

    async def delete_run(self, run_id: str, /) -> bool:
        self._gone.setdefault(run_id, self._logs.get(run_id, []))
        return await super().delete_run(run_id)

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        page = await super().read(query)
        if query.tag is None or page.events:
            return page
        found = [each for each in self._gone.get(query.run_id, []) if query.tag in each.tags]
        return replace(page, events=tuple(found[: query.limit]))


@breaks("no event is left in the feed", found_by=RemovalConformance)
class FeedThatStays(DictStore):
    """Forgets the feed when a run is deleted."""

    async def delete_run(self, run_id: str, /) -> bool:
        feed = self._feed
        deleted = await super().delete_run(run_id)
        self._feed = feed
        return deleted


@breaks("a delete removes no event of another run", found_by=RemovalConformance)
class DeletesNeighbours(DictStore):
    """Removes the events of every run whose id begins alike."""

    async def delete_run(self, run_id: str, /) -> bool:
        for other in [each for each in self._logs if each.startswith(run_id[:-1]) and each != run_id]:
            self._logs[other] = []
        return await super().delete_run(run_id)


@breaks("blobs stay", found_by=RemovalConformance)
class DeletesBlobsToo(DictStore):
    """Takes the blobs of a run along, whoever else refers to them."""

    def __init__(self) -> None:
        super().__init__()
        self._put_with: dict[str, list[str]] = {}

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        self._put_with.setdefault(batch.run_id, []).extend(blob.digest for blob in batch.blobs)
        return seq

    async def delete_run(self, run_id: str, /) -> bool:
        for digest in self._put_with.pop(run_id, []):
            self._blobs.pop(digest, None)
        return await super().delete_run(run_id)


@breaks("documents stay", found_by=RemovalConformance)
class DeletesDocumentsToo(DictStore):
    """Removes every document that the run owns."""

    async def delete_run(self, run_id: str, /) -> bool:
        for place in [place for place, doc in self._docs.items() if doc.owner == run_id]:
            del self._docs[place]
        return await super().delete_run(run_id)


@breaks("of deletes of one run at the same time exactly one is true", found_by=RemovalConformance)
class RunDeletedTwice(DictStore):
    """Looks whether there is a run, and removes it afterwards."""

    async def delete_run(self, run_id: str, /) -> bool:
        known = run_id in self._rows
        await asyncio.sleep(0)
        await super().delete_run(run_id)
        return known


@breaks("row and log are gone together", found_by=RemovalConformance)
class AppendAfterDelete(DictStore):
    """Writes the log that it read before a delete."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        log = self._logs.get(batch.run_id, [])
        await asyncio.sleep(0)
        if log and batch.run_id not in self._rows:
            self._logs[batch.run_id] = log
        return await super().append(batch)


@breaks("its tags start from nothing", found_by=RemovalConformance)
class TagsOfTheFirst(DictStore):
    """Finds events of a tag by their numbers, which a run that was made again has as well."""

    def __init__(self) -> None:
        super().__init__()
        self._tagged: dict[tuple[str, str], set[int]] = {}

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        for event in batch.events:
            for tag in event.tags:
                self._tagged.setdefault((batch.run_id, tag), set()).add(event.seq)
        return seq

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        if query.tag is None:
            return await super().read(query)
        page = await super().read(replace(query, tag=None, limit=10_000))
        seqs = self._tagged.get((query.run_id, query.tag), set())
        return replace(page, events=tuple(each for each in page.events if each.seq in seqs))


# -- blobs -------------------------------------------------------------------------------------------------------------


@breaks("nothing is left of when it was put before", found_by=RemovalConformance)
class InstantThatStays(DictStore):
    """Keeps when bytes were put beside them, and deletes the bytes alone."""

    def __init__(self) -> None:
        super().__init__()
        self._instants: dict[str, int] = {}

    def _put(self, blob: records.Blob) -> bool:
        latest = self._instants[blob.digest] = max(blob.now_ms, self._instants.get(blob.digest, blob.now_ms))
        return super()._put(replace(blob, now_ms=latest))


@breaks("no other blob is deleted", found_by=RemovalConformance)
class DeletesBlobsThatBeginAlike(DictStore):
    """Keeps blobs in folders, and removes the folder."""

    async def delete_blob(self, delete: records.BlobDelete, /) -> bool:
        deleted = await super().delete_blob(delete)
        for digest in [each for each in self._blobs if deleted and each[:2] == delete.digest[:2]]:
            del self._blobs[digest]
        return deleted


# -- what lasts --------------------------------------------------------------------------------------------------------


class _Durable(SavedStore):
    def info(self) -> records.StoreInfo:
        return replace(super().info(), durable=True)


@breaks("a revision is never given twice, not even after reopening", found_by=RemovalConformance)
class RevisionsFromTheStart(_Durable):
    """Counts revisions from one with each opening."""


@breaks("a deleted run is gone for good", found_by=RemovalConformance)
class DeletesUntilReopened(_Durable):
    """Deletes what is in memory, and writes its file without that."""

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        self._gone: list[tuple[records.RunRow, list[records.EventRecord]]] = []
        async with super().lifespan():
            yield
            for row, log in self._gone:
                self._rows[row.id], self._logs[row.id] = row, log

    async def delete_run(self, run_id: str, /) -> bool:
        if run_id in self._rows:
            self._gone.append((self._rows[run_id], self._logs[run_id]))
        return await super().delete_run(run_id)


@breaks("deleted and purged documents are gone for good", found_by=RemovalConformance)
class PurgesUntilReopened(_Durable):
    """Purges what is in memory alone."""

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        self._gone: dict[tuple[str, str], records.Doc] = {}
        async with super().lifespan():
            yield
            self._docs |= self._gone

    async def purge(self, now_ms: int, /) -> int:
        self._gone |= {place: doc for place, doc in self._docs.items() if has_expired(doc, now_ms)}
        return await super().purge(now_ms)

"""What holds for few and not for many."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from examples.stores.dict_store import DictStore, has_expired
from fabro_core.models.status import Bucket
from fabro_core.store import records
from fabro_core.testing.store.crowds import CrowdConformance
from tests.testing.bugs import breaks


@breaks("a page of the whole list", found_by=CrowdConformance)
class OffsetsInAByte(DictStore):
    """Counts offsets in a byte."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        return await super().list_runs(replace(query, offset=query.offset & 0xFF))


@breaks("a page of the whole list", found_by=CrowdConformance)
class TotalsUpToAHundred(DictStore):
    """Counts no further than a page."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        page = await super().list_runs(query)
        return replace(page, total=min(page.total, 100))


@breaks("a page of the whole list", found_by=CrowdConformance)
class DeepTies(DictStore):
    """Goes on from a deep page by its key alone, and so begins at the first of a tie."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        if query.offset < 100 or query.sort is not records.RunSort.TITLE:
            return await super().list_runs(query)
        before = await super().list_runs(replace(query, offset=0, limit=query.offset))
        last = self._rows[before.hits[-1].id].title_key if before.hits else None
        tied = sum(self._rows[hit.id].title_key == last for hit in before.hits)
        return await super().list_runs(replace(query, offset=query.offset - tied + 1))


@breaks("a page of the whole list", found_by=CrowdConformance)
class TwoFacets(DictStore):
    """Looks at two facets at most."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        return await super().list_runs(replace(query, facets=query.facets[:2]))


@breaks("a page of the whole list", found_by=CrowdConformance)
class RangesAlone(DictStore):
    """Has no range where it has a facet."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        if query.facets:
            query = replace(query, created_from_ms=None, created_to_ms=None)
        return await super().list_runs(query)


@breaks("a page of the whole list", found_by=CrowdConformance)
class WordsInEveryBucket(DictStore):
    """Searches titles without regard to buckets."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        return await super().list_runs(replace(query, buckets=frozenset(Bucket)) if query.words else query)


@breaks("a page of the whole list", found_by=CrowdConformance)
class OneWord(DictStore):
    """Looks for the last word alone."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        return await super().list_runs(replace(query, words=query.words[-1:]))


@breaks("are all counted", found_by=CrowdConformance)
class FewChildren(DictStore):
    """Counts up to 64 children."""

    def _hit(self, row: records.RunRow) -> records.RunHit:
        hit = super()._hit(row)
        return replace(hit, children_count=min(hit.children_count, 64))


@breaks("every run has its place in the queue", found_by=CrowdConformance)
class ShortQueue(DictStore):
    """Looks at the first of the queue."""

    def _hit(self, row: records.RunRow) -> records.RunHit:
        hit = super()._hit(row)
        place = hit.queue_position
        return replace(hit, queue_position=None if place is None or place > 16 else place)


class _Following(DictStore):
    """Counts runs by bucket and by facet as they move."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[object, int] = {}

    async def append(self, batch: records.AppendBatch, /) -> int:
        before = self._rows.get(batch.run_id)
        seq = await super().append(batch)
        for key in () if before is None else self.left(before, batch.row):
            self._counts[key] -= 1
        for key in (batch.row.bucket, *batch.row.facets):
            self._counts[key] = self._counts.get(key, 0) + 1
        return seq

    def left(self, before: records.RunRow, after: records.RunRow) -> Sequence[object]:
        return (before.bucket, *before.facets)

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        page = await super().list_runs(query)
        if query.facets and not query.is_search and len(query.buckets) == len(Bucket):
            return replace(page, total=self._counts.get(query.facets[0], 0))
        if not query.facets and not query.is_search:
            return replace(page, total=sum(self._counts.get(bucket, 0) for bucket in query.buckets))
        return page


@breaks("a run is counted where it is", found_by=CrowdConformance)
class FormerBuckets(_Following):
    """Counts a run on in the bucket that it has left."""

    def left(self, before: records.RunRow, after: records.RunRow) -> Sequence[object]:
        return before.facets


@breaks("is counted where it is", found_by=CrowdConformance)
class FormerFacets(_Following):
    """Counts off the facets that a run has now."""

    def left(self, before: records.RunRow, after: records.RunRow) -> Sequence[object]:
        return (before.bucket, *(facet for facet in before.facets if facet in after.facets))


@breaks("a child that moved moves once", found_by=CrowdConformance)
class ChildrenTwice(DictStore):
    """Counts a child with each of its appends."""

    def _hit(self, row: records.RunRow) -> records.RunHit:
        rows = [other for other in self._rows.values() if other.parent_id == row.id]
        return replace(super()._hit(row), children_count=sum(other.seq for other in rows))


@breaks("has_more tells whether", found_by=CrowdConformance)
class MoreIdsAfterAFullPage(DictStore):
    """Takes a full page for one that others follow."""

    async def list_run_ids(self, query: records.RunIdQuery, /) -> records.RunIdPage:
        page = await super().list_run_ids(query)
        return replace(page, has_more=len(page.ids) == query.limit)


@breaks("a page is full while more follow", found_by=CrowdConformance)
class ExpiredOnThePage(DictStore):
    """Cuts the page out first, and leaves out what has expired afterwards."""

    async def list_docs(self, query: records.DocQuery, /) -> records.DocPage:
        docs = [
            doc
            for (collection, key), doc in sorted(self._docs.items())
            if collection == query.collection
            if query.after_key is None or key > query.after_key
            if query.owner in (None, doc.owner)
        ]
        page = tuple(doc for doc in docs[: query.limit] if not has_expired(doc, query.now_ms))
        return records.DocPage(docs=page, has_more=len(docs) > query.limit)


@breaks("has_more tells whether", found_by=CrowdConformance)
class DocumentsUpToAHundred(DictStore):
    """Has pages of a hundred documents, and no more after one."""

    async def list_docs(self, query: records.DocQuery, /) -> records.DocPage:
        page = await super().list_docs(replace(query, limit=min(query.limit, 100)))
        return replace(page, has_more=page.has_more and query.limit < 100)


@breaks("every collection is listed", found_by=CrowdConformance)
class CollectionsUpToAHundred(DictStore):
    """Lists a page of collections."""

    async def list_collections(self) -> Sequence[str]:
        return sorted(await super().list_collections())[:100]


@breaks("every workflow is listed", found_by=CrowdConformance)
class WorkflowsUpToAHundred(DictStore):
    """Lists a page of workflows."""

    async def list_workflows(self) -> Sequence[records.WorkflowHit]:
        return list(await super().list_workflows())[:100]


@breaks("an older run is the newest after a delete", found_by=CrowdConformance)
class WorkflowsOfTheNewest(DictStore):
    """Forgets a workflow with its newest run."""

    def __init__(self) -> None:
        super().__init__()
        self._gone: set[tuple[str | None, str | None]] = set()

    async def delete_run(self, run_id: str, /) -> bool:
        gone = {(hit.slug, hit.name): None for hit in await super().list_workflows() if hit.newest_run_id == run_id}
        self._gone |= gone.keys()
        return await super().delete_run(run_id)

    async def list_workflows(self) -> Sequence[records.WorkflowHit]:
        hits = await super().list_workflows()
        return [replace(hit, newest_run_id="") if (hit.slug, hit.name) in self._gone else hit for hit in hits]


@breaks("every blob is listed once, in the order of digests", found_by=CrowdConformance)
class BlobsInOrderOfPuts(DictStore):
    """Lists blobs in the order they came in, a page at a time."""

    async def list_blobs(self, query: records.BlobQuery, /) -> records.BlobPage:
        digests = list(self._blobs)
        start = 0 if query.after_digest is None else digests.index(query.after_digest) + 1
        page = digests[start : start + query.limit]
        return records.BlobPage(digests=tuple(page), has_more=len(digests) > start + query.limit)


@breaks("a page is full while more follow", found_by=CrowdConformance)
class TagsOnThePage(DictStore):
    """Cuts the page out first, and looks for the tag on it afterwards."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        page = await super().read(replace(query, tag=None))
        found = tuple(event for event in page.events if query.tag is None or query.tag in event.tags)
        return replace(page, events=found)


@breaks("has_more tells whether", found_by=CrowdConformance)
class LogsUpToAThousand(DictStore):
    """Reads the first thousand events of a log."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        log = self._logs.get(query.run_id, [])
        self._logs[query.run_id] = log[:1_000]
        page = await super().read(query)
        self._logs[query.run_id] = log
        return page


@breaks("a page shows a run as its newest append left it", found_by=CrowdConformance)
class FirstBodies(DictStore):
    """Shows in lists what the first append of a run has written."""

    def __init__(self) -> None:
        super().__init__()
        self._first: dict[str, bytes] = {}

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        self._first.setdefault(batch.run_id, batch.row.body)
        return seq

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        page = await super().list_runs(query)
        return replace(page, hits=tuple(replace(hit, body=self._first[hit.id]) for hit in page.hits))


@breaks("a page shows a run as its newest append left it", found_by=CrowdConformance)
class AliveForEver(DictStore):
    """Takes a run that was resumed for one that has ended, or the other way round, as it was at first."""

    def __init__(self) -> None:
        super().__init__()
        self._was_live: dict[str, bool] = {}

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        self._was_live.setdefault(batch.run_id, batch.row.elapsed_ms is None)
        return seq

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        page = await super().list_runs(query)
        return replace(page, hits=tuple(replace(hit, live=self._was_live[hit.id]) for hit in page.hits))


@breaks("what a page goes on after may be gone", found_by=CrowdConformance)
class KeysByRank(DictStore):
    """Goes on from the rank of a key, and from the start where it has none."""

    async def list_docs(self, query: records.DocQuery, /) -> records.DocPage:
        known = query.after_key is None or (query.collection, query.after_key) in self._docs
        return await super().list_docs(query if known else replace(query, after_key=None))


@breaks("what a page goes on after may be gone", found_by=CrowdConformance)
class DigestsByRank(DictStore):
    """Goes on from the rank of a digest, and has nothing where that is gone."""

    async def list_blobs(self, query: records.BlobQuery, /) -> records.BlobPage:
        if query.after_digest is not None and query.after_digest not in self._blobs:
            return records.BlobPage(digests=(), has_more=False)
        return await super().list_blobs(query)

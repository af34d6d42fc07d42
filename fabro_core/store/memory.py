"""The reference store: dicts and `sorted()`, so plain that it can be checked by reading.

For tests, for trying the server out, and as the measure of other stores. Not for keeping anything: nothing survives
the process, and a list costs time in proportion to the number of runs. A call about one run does not.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from platform import python_version
from typing import TYPE_CHECKING

import msgspec

from fabro_core.errors import RevisionConflict, SeqConflict, StoreFenced, StoreUnavailable, TooBroad
from fabro_core.hooks import hookimpl
from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.pages import first_page
from fabro_core.store.records import (
    ABSENT,
    ANY,
    FENCE_COLLECTION,
    FENCE_KEY,
    AppendBatch,
    Blob,
    BlobDelete,
    BlobPage,
    BlobQuery,
    Doc,
    DocDelete,
    DocPage,
    DocQuery,
    DocRef,
    DocWrite,
    EventPage,
    EventQuery,
    EventRecord,
    FeedEvent,
    FeedPage,
    FeedQuery,
    Revision,
    RunHit,
    RunIdPage,
    RunIdQuery,
    RunPage,
    RunQuery,
    RunRow,
    RunSort,
    StoredRun,
    StoreInfo,
    Wakeup,
    WorkflowHit,
)
from fabro_core.store.wakeups import WakeupHub

if TYPE_CHECKING:
    from fabro_core.context import PluginContext

FABRO_PLUGIN_API = 1


@hookimpl
def fabro_run_store(ctx: PluginContext) -> RunStore:
    return MemoryRunStore(MemoryData(), name=ctx.name)


class MemoryData:
    """What the instances of one in-memory data set have in common. Lives on one event loop."""

    def __init__(self) -> None:
        self.rows: dict[str, RunRow] = {}
        self.children: Counter[str | None] = Counter()
        """How many rows name each run as their parent."""
        self.queue: list[str] = []
        """The ids of the rows in `Bucket.RUNNABLE`, in their order."""
        self.logs: dict[str, list[EventRecord]] = {}
        self.feed: list[FeedEvent] = []
        self.position = 0
        """Of the newest event in `feed`, though its run may be deleted."""
        self.blobs: dict[str, Blob] = {}
        """Each as it was put last."""
        self.docs: dict[tuple[str, str], Doc] = {}
        self.revision = 0
        """Counts document writes over all keys, so no revision is ever given twice."""
        self.hubs: list[WakeupHub] = []
        """One for each open instance."""

    def place(self, run_id: str, row: RunRow | None) -> RunRow | None:
        """Put a row in the place of the one there is, and return that; None: there is none."""
        before = self.rows.pop(run_id, None)
        if before is not None:
            self.children[before.parent_id] -= 1
            if before.bucket is Bucket.RUNNABLE:
                del self.queue[bisect_left(self.queue, run_id)]
        if row is not None:
            self.rows[run_id] = row
            self.children[row.parent_id] += 1
            if row.bucket is Bucket.RUNNABLE:
                insort(self.queue, run_id)
        return before

    def put(self, blob: Blob) -> bool:
        """Keep a blob, with the latest instant it was put at; False when it was there."""
        known = self.blobs.get(blob.digest)
        if known is None or known.now_ms < blob.now_ms:
            self.blobs[blob.digest] = blob
        return known is None


class MemoryRunStore(RunStore):
    """A `RunStore` on `MemoryData`. No method awaits anything, so every call is atomic."""

    def __init__(self, data: MemoryData, *, name: str = "memory") -> None:
        self._all = data
        self._name = name
        self._hub: WakeupHub | None = None

    def info(self) -> StoreInfo:
        return StoreInfo(name=self._name, version=python_version(), durable=False, shared=False, wakeups=True)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        hub = self._hub = WakeupHub()
        self._all.hubs.append(hub)
        try:
            yield
        finally:
            self._hub = None
            self._all.hubs.remove(hub)
            hub.close()

    async def ping(self) -> None:
        self._opened()

    # -- runs ---------------------------------------------------------------------------------------------------

    async def append(self, batch: AppendBatch, /) -> int:
        data = self._writable()
        log = data.logs.get(batch.run_id, [])
        newest = log[-1].seq if log else 0
        if newest != batch.expected_seq:
            raise SeqConflict(batch.expected_seq, newest)
        data.logs.setdefault(batch.run_id, []).extend(batch.events)
        data.place(batch.run_id, batch.row)
        for blob in batch.blobs:
            data.put(blob)
        for event in batch.events:
            data.position += 1
            data.feed.append(FeedEvent(position=data.position, run_id=batch.run_id, seq=event.seq, body=event.body))
        seq = batch.events[-1].seq
        for hub in data.hubs:
            hub.announce([Wakeup(run_id=batch.run_id, seq=seq)])
        return seq

    async def read(self, query: EventQuery, /) -> EventPage:
        events = [event for event in self._opened().logs.get(query.run_id, []) if _in_page(event, query)]
        if query.reverse:
            events.reverse()
        page, has_more = first_page(events, query)
        return EventPage(events=page, has_more=has_more)

    async def read_feed(self, query: FeedQuery, /) -> FeedPage:
        data = self._opened()
        if query.after is None:
            return FeedPage(events=(), position=data.position, has_more=False)
        start = bisect_right(data.feed, query.after, key=_position)
        events, has_more = first_page(islice(data.feed, start, None), query)
        return FeedPage(events=events, position=events[-1].position if has_more else data.position, has_more=has_more)

    async def get_run(self, run_id: str, /) -> StoredRun | None:
        data = self._opened()
        row = data.rows.get(run_id)
        return None if row is None else StoredRun(**msgspec.structs.asdict(_hit(data, row)), state=row.state)

    async def list_runs(self, query: RunQuery, /) -> RunPage:
        data = self._opened()
        if query.is_search and len(data.rows) > query.max_rows:
            raise TooBroad
        rows = sorted((row for row in data.rows.values() if _matches(row, query)), key=_by_id, reverse=True)
        # The second sort is stable, so equal keys keep the descending ids of the first, in both directions.
        rows.sort(key=lambda row: _sort_key(row, query), reverse=query.direction == "desc")
        page = rows[query.offset : query.offset + query.limit]
        return RunPage(hits=tuple(_hit(data, row) for row in page), total=len(rows))

    async def list_run_ids(self, query: RunIdQuery, /) -> RunIdPage:
        ids = [each for each in self._opened().rows if each.startswith(query.prefix) and each > (query.after_id or "")]
        ids.sort()
        return RunIdPage(ids=tuple(ids[: query.limit]), has_more=len(ids) > query.limit)

    async def list_workflows(self) -> Sequence[WorkflowHit]:
        newest: dict[tuple[str | None, str | None], str] = {}
        for row in sorted(self._opened().rows.values(), key=_by_id):
            newest[row.workflow_slug, row.workflow_name] = row.id
        return [WorkflowHit(slug=slug, name=name, newest_run_id=run_id) for (slug, name), run_id in newest.items()]

    async def delete_run(self, run_id: str, /) -> bool:
        data = self._writable()
        data.logs.pop(run_id, None)
        data.feed = [event for event in data.feed if event.run_id != run_id]
        return data.place(run_id, None) is not None

    # -- blobs --------------------------------------------------------------------------------------------------

    async def put_blob(self, blob: Blob, /) -> bool:
        return self._writable().put(blob)

    async def get_blob(self, digest: str, /) -> bytes | None:
        blob = self._opened().blobs.get(digest)
        return None if blob is None else blob.body

    async def list_blobs(self, query: BlobQuery, /) -> BlobPage:
        after = query.after_digest
        digests = [digest for digest in sorted(self._opened().blobs) if after is None or digest > after]
        return BlobPage(digests=tuple(digests[: query.limit]), has_more=len(digests) > query.limit)

    async def delete_blob(self, delete: BlobDelete, /) -> bool:
        blobs = self._writable().blobs
        known = blobs.get(delete.digest)
        if known is None or known.now_ms >= delete.if_put_before_ms:
            return False
        del blobs[delete.digest]
        return True

    # -- documents ----------------------------------------------------------------------------------------------

    async def get_doc(self, ref: DocRef, /) -> Doc | None:
        return _live(self._opened().docs.get((ref.collection, ref.key)), ref.now_ms)

    async def put_doc(self, write: DocWrite, /) -> Doc:
        data = self._writable(write.collection)
        _require(write.if_revision, _live(data.docs.get((write.collection, write.key)), write.now_ms))
        data.revision += 1
        doc = Doc(
            collection=write.collection,
            key=write.key,
            revision=str(data.revision),
            body=write.body,
            owner=write.owner,
            expires_ms=write.expires_ms,
            updated_ms=write.now_ms,
        )
        data.docs[write.collection, write.key] = doc
        return doc

    async def delete_doc(self, delete: DocDelete, /) -> bool:
        docs = self._writable(delete.collection).docs
        current = _live(docs.get((delete.collection, delete.key)), delete.now_ms)
        if current is None:
            return False
        _require(delete.if_revision, current)
        del docs[delete.collection, delete.key]
        return True

    async def list_docs(self, query: DocQuery, /) -> DocPage:
        docs = [doc for _, doc in sorted(self._opened().docs.items()) if _listed(doc, query)]
        return DocPage(docs=tuple(docs[: query.limit]), has_more=len(docs) > query.limit)

    async def list_collections(self) -> Sequence[str]:
        return sorted({collection for collection, _ in self._opened().docs})

    async def purge(self, now_ms: int, /) -> int:
        docs = self._writable().docs
        expired = [place for place, doc in docs.items() if _live(doc, now_ms) is None]
        for place in expired:
            del docs[place]
        return len(expired)

    # -- hints --------------------------------------------------------------------------------------------------

    def watch(self) -> AsyncIterator[Wakeup]:
        if self._hub is None:
            raise _closed()
        return self._hub.watch()

    def _opened(self) -> MemoryData:
        if self._hub is None:
            raise _closed()
        return self._all

    def _writable(self, collection: str = "") -> MemoryData:
        """The data, for a write to documents of `collection` or to something else."""
        data = self._opened()
        if (FENCE_COLLECTION, FENCE_KEY) in data.docs and collection != FENCE_COLLECTION:
            raise StoreFenced
        return data


def _closed() -> StoreUnavailable:
    return StoreUnavailable("The memory store is not open.")


def _position(event: FeedEvent) -> int:
    return event.position


def _in_page(event: EventRecord, query: EventQuery) -> bool:
    return (
        event.seq > query.after_seq
        and (query.before_seq is None or event.seq < query.before_seq)
        and (query.tag is None or query.tag in event.tags)
    )


def _matches(row: RunRow, query: RunQuery) -> bool:
    return (
        row.bucket in query.buckets
        and all(facet in row.facets for facet in query.facets)
        and (query.created_from_ms is None or row.created_ms >= query.created_from_ms)
        and (query.created_to_ms is None or row.created_ms < query.created_to_ms)
        and all(word in row.title_text for word in query.words)
    )


def _by_id(row: RunRow) -> str:
    return row.id


def _sort_key(row: RunRow, query: RunQuery) -> int | str:
    match query.sort:
        case RunSort.CREATED_AT:
            return row.created_ms
        case RunSort.UPDATED_AT:
            return row.updated_ms
        case RunSort.STATUS:
            return row.bucket
        case RunSort.ELAPSED:
            return query.now_ms - row.begun_ms if row.elapsed_ms is None else row.elapsed_ms
        case RunSort.REPO:
            return row.repo_key
        case RunSort.TITLE:
            return row.title_key
        case RunSort.WORKFLOW:
            return row.workflow_key
        case RunSort.CHANGES:
            return row.changes
        case RunSort.SIZE:
            return row.size


def _hit(data: MemoryData, row: RunRow) -> RunHit:
    return RunHit(
        id=row.id,
        seq=row.seq,
        bucket=row.bucket,
        begun_ms=row.begun_ms,
        live=row.elapsed_ms is None,
        body=row.body,
        children_count=data.children[row.id],
        queue_position=bisect_right(data.queue, row.id) if row.bucket is Bucket.RUNNABLE else None,
    )


def _live(doc: Doc | None, now_ms: int) -> Doc | None:
    if doc is None or (doc.expires_ms is not None and doc.expires_ms <= now_ms):
        return None
    return doc


def _require(expected: Revision, current: Doc | None) -> None:
    if expected is ANY:
        return
    found = ABSENT if current is None else current.revision
    if found != expected:
        raise RevisionConflict("The document has another revision.")


def _listed(doc: Doc, query: DocQuery) -> bool:
    return (
        doc.collection == query.collection
        and (query.after_key is None or doc.key > query.after_key)
        and (query.owner is None or doc.owner == query.owner)
        and _live(doc, query.now_ms) is not None
    )

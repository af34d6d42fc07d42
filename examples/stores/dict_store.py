"""The run store `dict`: everything in dicts, gone when the process ends. A whole store, as small as one can be.

No method awaits anything between its first look and its last write, so every call is atomic.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from operator import attrgetter
from typing import Any

from msgspec.structs import asdict

from fabro_core import PluginContext, hookimpl, store
from fabro_core.store import (
    ABSENT,
    ANY,
    Bucket,
    Doc,
    EventRecord,
    RevisionConflict,
    RunHit,
    RunRow,
    RunSort,
    RunStore,
    SeqConflict,
    StoredRun,
    StoreFenced,
    StoreUnavailable,
    WakeupHub,
)

FABRO_PLUGIN_API = 1

KEYS: dict[RunSort, Callable[[RunRow], Any]] = {
    RunSort.CREATED_AT: attrgetter("created_ms"),
    RunSort.UPDATED_AT: attrgetter("updated_ms"),
    RunSort.STATUS: attrgetter("bucket"),
    RunSort.REPO: attrgetter("repo_key"),
    RunSort.TITLE: attrgetter("title_key"),
    RunSort.WORKFLOW: attrgetter("workflow_key"),
    RunSort.CHANGES: attrgetter("changes"),
    RunSort.SIZE: attrgetter("size"),
}
"""The column behind each sort key; `elapsed` alone is computed."""


class DictStore(RunStore):
    def __init__(self, *, name: str = "dict") -> None:
        self._name = name
        self._rows: dict[str, RunRow] = {}
        self._logs: dict[str, list[EventRecord]] = {}
        self._feed: list[store.FeedEvent] = []
        self._position = 0
        self._blobs: dict[str, store.Blob] = {}
        self._docs: dict[tuple[str, str], Doc] = {}
        self._revisions = count(1)
        self._hub: WakeupHub | None = None

    def info(self) -> store.StoreInfo:
        return store.StoreInfo(name=self._name, version="1", durable=False, shared=False, wakeups=False)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        self._hub = hub = WakeupHub()
        try:
            yield
        finally:
            self._hub = None
            hub.close()

    def _opened(self) -> WakeupHub:
        if self._hub is None:
            raise StoreUnavailable("The store is not open.")
        return self._hub

    def _writable(self, collection: str = "") -> WakeupHub:
        if (store.FENCE_COLLECTION, store.FENCE_KEY) in self._docs and collection != store.FENCE_COLLECTION:
            raise StoreFenced
        return self._opened()

    async def ping(self) -> None:
        self._opened()

    def watch(self) -> AsyncIterator[store.Wakeup]:
        return self._opened().watch()

    # -- runs ---------------------------------------------------------------------------------------------------

    async def append(self, batch: store.AppendBatch, /) -> int:
        hub = self._writable()
        log = self._logs.get(batch.run_id, [])
        if len(log) != batch.expected_seq:
            raise SeqConflict(batch.expected_seq, len(log))
        self._logs[batch.run_id] = [*log, *batch.events]
        self._rows[batch.run_id] = batch.row
        for event in batch.events:
            self._position += 1
            entry = store.FeedEvent(position=self._position, run_id=batch.run_id, seq=event.seq, body=event.body)
            self._feed.append(entry)
        for blob in batch.blobs:
            self._put(blob)
        hub.announce([store.Wakeup(run_id=batch.run_id, seq=batch.row.seq)])
        return batch.row.seq

    async def read(self, query: store.EventQuery, /) -> store.EventPage:
        self._opened()
        before = query.before_seq or len(self._logs.get(query.run_id, [])) + 1
        events = [
            event
            for event in self._logs.get(query.run_id, [])
            if query.after_seq < event.seq < before and (query.tag is None or query.tag in event.tags)
        ]
        if query.reverse:
            events.reverse()
        page, has_more = store.first_page(events, query)
        return store.EventPage(events=page, has_more=has_more)

    async def read_feed(self, query: store.FeedQuery, /) -> store.FeedPage:
        self._opened()
        after = self._position if query.after is None else query.after
        page, has_more = store.first_page((entry for entry in self._feed if entry.position > after), query)
        return store.FeedPage(
            events=page, position=page[-1].position if has_more else self._position, has_more=has_more
        )

    async def get_run(self, run_id: str, /) -> StoredRun | None:
        self._opened()
        row = self._rows.get(run_id)
        return None if row is None else StoredRun(**asdict(self._hit(row)), state=row.state)

    async def list_runs(self, query: store.RunQuery, /) -> store.RunPage:
        self._opened()
        if query.is_search and len(self._rows) > query.max_rows:
            raise store.TooBroad
        rows = [
            row
            for row in self._rows.values()
            if row.bucket in query.buckets
            and set(query.facets) <= set(row.facets)
            and (query.created_from_ms is None or query.created_from_ms <= row.created_ms)
            and (query.created_to_ms is None or row.created_ms < query.created_to_ms)
            and all(word in row.title_text for word in query.words)
        ]

        def elapsed(row: RunRow) -> int:
            return query.now_ms - row.begun_ms if row.elapsed_ms is None else row.elapsed_ms

        # The second sort is stable: ties stay by id, descending in both directions.
        rows.sort(key=attrgetter("id"), reverse=True)
        rows.sort(key=KEYS.get(query.sort, elapsed), reverse=query.direction == "desc")
        page = rows[query.offset : query.offset + query.limit]
        return store.RunPage(hits=tuple(map(self._hit, page)), total=len(rows))

    def _hit(self, row: RunRow) -> RunHit:
        rows = self._rows.values()
        ahead = sum(other.bucket is Bucket.RUNNABLE and other.id < row.id for other in rows)
        return RunHit(
            id=row.id,
            seq=row.seq,
            bucket=row.bucket,
            begun_ms=row.begun_ms,
            live=row.elapsed_ms is None,
            body=row.body,
            children_count=sum(other.parent_id == row.id for other in rows),
            queue_position=ahead + 1 if row.bucket is Bucket.RUNNABLE else None,
        )

    async def list_run_ids(self, query: store.RunIdQuery, /) -> store.RunIdPage:
        self._opened()
        after = query.after_id or ""
        ids = sorted(id_ for id_ in self._rows if id_.startswith(query.prefix) and id_ > after)
        return store.RunIdPage(ids=tuple(ids[: query.limit]), has_more=len(ids) > query.limit)

    async def list_workflows(self) -> Sequence[store.WorkflowHit]:
        self._opened()
        rows = sorted(self._rows.values(), key=attrgetter("id"))
        newest = {(row.workflow_slug, row.workflow_name): row.id for row in rows}
        return [store.WorkflowHit(slug=slug, name=name, newest_run_id=id_) for (slug, name), id_ in newest.items()]

    async def delete_run(self, run_id: str, /) -> bool:
        self._writable()
        self._logs.pop(run_id, None)
        self._feed = [entry for entry in self._feed if entry.run_id != run_id]
        return self._rows.pop(run_id, None) is not None

    # -- blobs and documents ------------------------------------------------------------------------------------

    async def put_blob(self, blob: store.Blob, /) -> bool:
        self._writable()
        return self._put(blob)

    def _put(self, blob: store.Blob) -> bool:
        known = self._blobs.get(blob.digest)
        if known is None or known.now_ms < blob.now_ms:
            self._blobs[blob.digest] = blob
        return known is None

    async def get_blob(self, digest: str, /) -> bytes | None:
        self._opened()
        blob = self._blobs.get(digest)
        return None if blob is None else blob.body

    async def list_blobs(self, query: store.BlobQuery, /) -> store.BlobPage:
        self._opened()
        digests = sorted(digest for digest in self._blobs if digest > (query.after_digest or ""))
        return store.BlobPage(digests=tuple(digests[: query.limit]), has_more=len(digests) > query.limit)

    async def delete_blob(self, delete: store.BlobDelete, /) -> bool:
        self._writable()
        known = self._blobs.get(delete.digest)
        if known is None or known.now_ms >= delete.if_put_before_ms:
            return False
        del self._blobs[delete.digest]
        return True

    async def get_doc(self, ref: store.DocRef, /) -> Doc | None:
        return self._live(ref)

    async def put_doc(self, write: store.DocWrite, /) -> Doc:
        self._writable(write.collection)
        require(write.if_revision, self._live(write))
        doc = self._docs[write.collection, write.key] = Doc(
            collection=write.collection,
            key=write.key,
            revision=str(next(self._revisions)),
            body=write.body,
            owner=write.owner,
            expires_ms=write.expires_ms,
            updated_ms=write.now_ms,
        )
        return doc

    async def delete_doc(self, delete: store.DocDelete, /) -> bool:
        self._writable(delete.collection)
        current = self._live(delete)
        if current is None:
            return False
        require(delete.if_revision, current)
        del self._docs[delete.collection, delete.key]
        return True

    def _live(self, place: store.DocRef | store.DocWrite | store.DocDelete) -> Doc | None:
        self._opened()
        doc = self._docs.get((place.collection, place.key))
        return None if doc is None or has_expired(doc, place.now_ms) else doc

    async def list_docs(self, query: store.DocQuery, /) -> store.DocPage:
        self._opened()
        docs = [
            doc
            for (collection, key), doc in sorted(self._docs.items())
            if collection == query.collection
            and (query.after_key is None or key > query.after_key)
            and query.owner in (None, doc.owner)
            and not has_expired(doc, query.now_ms)
        ]
        return store.DocPage(docs=tuple(docs[: query.limit]), has_more=len(docs) > query.limit)

    async def list_collections(self) -> Sequence[str]:
        self._opened()
        return list({collection for collection, _ in self._docs})

    async def purge(self, now_ms: int, /) -> int:
        self._writable()
        expired = [place for place, doc in self._docs.items() if has_expired(doc, now_ms)]
        for place in expired:
            del self._docs[place]
        return len(expired)


def require(revision: store.Revision, current: Doc | None) -> None:
    if revision is not ANY and revision != (ABSENT if current is None else current.revision):
        raise RevisionConflict("The document has another revision.")


def has_expired(doc: Doc, now_ms: int) -> bool:
    return doc.expires_ms is not None and doc.expires_ms <= now_ms


@hookimpl
def fabro_run_store(ctx: PluginContext) -> RunStore:
    return DictStore(name=ctx.name)

"""Stores that look at a clock, or that remember what an instant has told them."""

from __future__ import annotations

import time
from itertools import count

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.store import records
from fabro_core.testing.store.clocks import ClockConformance
from tests.testing.bugs import breaks

NEVER_TWICE = "a revision does not come from a clock"


@breaks(NEVER_TWICE, found_by=ClockConformance)
class RevisionsByInstant(DictStore):
    """A revision is the instant of the write."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        doc = replace(await super().put_doc(write), revision=str(write.now_ms))
        self._docs[write.collection, write.key] = doc
        return doc


@breaks(NEVER_TWICE, found_by=ClockConformance)
class RevisionsByContent(DictStore):
    """A revision is what is written, and when."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        revision = f"{hash((write.body, write.owner, write.expires_ms, write.now_ms)):x}"
        doc = replace(await super().put_doc(write), revision=revision)
        self._docs[write.collection, write.key] = doc
        return doc


@breaks("a revision is never given twice by any clock", found_by=ClockConformance)
class RevisionsByTheMachine(DictStore):
    """A revision is the day of the machine, to the hour, and how often the clock stood there."""

    def __init__(self) -> None:
        super().__init__()
        self._hour = 0
        self._counted = count()

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        hour = int(time.time()) // 3_600
        if hour != self._hour:
            self._hour, self._counted = hour, count()
        doc = replace(await super().put_doc(write), revision=f"{hour}-{next(self._counted)}")
        self._docs[write.collection, write.key] = doc
        return doc


@breaks("the newest write counts", found_by=ClockConformance)
class LatestInstantWins(DictStore):
    """Keeps the document that was written at the latest instant."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        before = self._docs.get((write.collection, write.key))
        doc = await super().put_doc(write)
        if before is not None and before.updated_ms > write.now_ms:
            self._docs[write.collection, write.key] = before
        return doc


@breaks("an instant is the caller's", found_by=ClockConformance)
class InstantsNeverGoBack(DictStore):
    """Takes an earlier instant for that of the write before."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        before = self._docs.get((write.collection, write.key))
        now_ms = write.now_ms if before is None else max(before.updated_ms, write.now_ms)
        return await super().put_doc(replace(write, now_ms=now_ms))


@breaks("it is there at every instant", found_by=ClockConformance)
class NotThereYet(DictStore):
    """Does not show a document to whoever asks at an instant before it was written."""

    async def get_doc(self, ref: records.DocRef, /) -> records.Doc | None:
        doc = await super().get_doc(ref)
        return None if doc is None or doc.updated_ms > ref.now_ms else doc


@breaks("whoever asked later before", found_by=ClockConformance)
class RemovesWhatItFindsExpired(DictStore):
    """Removes an expired document as soon as somebody asks for it."""

    async def get_doc(self, ref: records.DocRef, /) -> records.Doc | None:
        doc = await super().get_doc(ref)
        if doc is None:
            self._docs.pop((ref.collection, ref.key), None)
        return doc


@breaks("whoever asked later before", found_by=ClockConformance)
class RemovesWhatItListsExpired(DictStore):
    """Removes the expired documents of a collection whenever it is listed."""

    async def list_docs(self, query: records.DocQuery, /) -> records.DocPage:
        for place, doc in list(self._docs.items()):
            if place[0] == query.collection and doc.expires_ms is not None and doc.expires_ms <= query.now_ms:
                del self._docs[place]
        return await super().list_docs(query)


@breaks("whoever asked later before", found_by=ClockConformance)
class TimeOnlyPasses(DictStore):
    """Judges expiry at the latest instant that anybody has named."""

    _latest = -(2**62)

    async def get_doc(self, ref: records.DocRef, /) -> records.Doc | None:
        self._latest = max(self._latest, ref.now_ms)
        return await super().get_doc(replace(ref, now_ms=self._latest))


@breaks("expiry is judged by the caller", found_by=ClockConformance)
class ExpiresByItself(DictStore):
    """Judges expiry by the clock of the machine as well."""

    async def get_doc(self, ref: records.DocRef, /) -> records.Doc | None:
        doc = await super().get_doc(ref)
        expired = doc is not None and doc.expires_ms is not None and doc.expires_ms <= time.time() * 1_000
        return None if expired else doc


@breaks("a purge removes what has expired at its instant", found_by=ClockConformance)
class PurgesByTheMachine(DictStore):
    """Purges what has expired by the clock of the machine."""

    async def purge(self, now_ms: int, /) -> int:
        return await super().purge(max(now_ms, int(time.time() * 1_000)))


@breaks("the latest instant counts", found_by=ClockConformance)
class LastPutCounts(DictStore):
    """Notes when bytes were put last, also when that was earlier."""

    def _put(self, blob: records.Blob) -> bool:
        known = super()._put(blob)
        self._blobs[blob.digest] = blob
        return known


@breaks("the newest append counts", found_by=ClockConformance)
class LatestRowWins(DictStore):
    """Keeps the row that was updated at the latest instant."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        before = self._rows.get(batch.run_id)
        seq = await super().append(batch)
        if before is not None and before.updated_ms > batch.row.updated_ms:
            self._rows[batch.run_id] = before
        return seq


@breaks("lists go by the instants of the rows", found_by=ClockConformance)
class UpdatedNeverBefore(DictStore):
    """Does not let `updated_ms` go back."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        before = self._rows.get(batch.run_id)
        if before is not None and before.updated_ms > batch.row.updated_ms:
            batch = replace(batch, row=replace(batch.row, updated_ms=before.updated_ms))
        return await super().append(batch)


@breaks("the order of ids is the order of creation", found_by=ClockConformance)
class NewestByInstant(DictStore):
    """Takes for the newest run of a workflow the one whose row says so."""

    async def list_workflows(self) -> list[records.WorkflowHit]:
        rows = sorted(self._rows.values(), key=lambda row: row.created_ms)
        newest = {(row.workflow_slug, row.workflow_name): row.id for row in rows}
        return [records.WorkflowHit(slug=slug, name=name, newest_run_id=id_) for (slug, name), id_ in newest.items()]


@breaks("the feed knows no instants", found_by=ClockConformance)
class FeedsByInstant(DictStore):
    """Orders its feed by when runs were updated."""

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        page = await super().read_feed(query)
        updated = {row.id: row.updated_ms for row in self._rows.values()}
        return replace(page, events=tuple(sorted(page.events, key=lambda event: updated[event.run_id])))


@breaks("a clock of the machine that goes back changes nothing", found_by=ClockConformance)
class PositionsByTheMachine(DictStore):
    """A position is what the clock of the machine shows."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        known = len(self._feed)
        seq = await super().append(batch)
        position = time.time_ns()
        stamped = (replace(entry, position=position + n) for n, entry in enumerate(self._feed[known:]))
        self._feed[known:] = stamped
        self._position = self._feed[-1].position
        return seq

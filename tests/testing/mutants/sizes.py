"""Sizes and numbers that are cut, rounded, or taken for others."""

from __future__ import annotations

from operator import attrgetter

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.errors import StoreUnavailable
from fabro_core.store import records
from fabro_core.testing.store.sizes import SizeConformance
from tests.testing.bugs import breaks

KIB, MIB = 1_024, 1_024 * 1_024


class _Rewritten(DictStore):
    """Appends something else than it was given."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        return await super().append(self.rewritten(batch))

    def rewritten(self, batch: records.AppendBatch) -> records.AppendBatch:
        raise NotImplementedError


@breaks("comes back as it was", found_by=SizeConformance)
class EventsOf64KiB(_Rewritten):
    """Has a column whose length takes two bytes."""

    def rewritten(self, batch: records.AppendBatch) -> records.AppendBatch:
        return replace(batch, events=tuple(replace(each, body=each.body[:65_535]) for each in batch.events))


@breaks("a state of", found_by=SizeConformance)
class StatesOf1MiB(_Rewritten):
    """Cuts what is longer than a mebibyte."""

    def rewritten(self, batch: records.AppendBatch) -> records.AppendBatch:
        return replace(batch, row=replace(batch.row, state=batch.row.state[:MIB]))


@breaks("no byte is lost, however many there are", found_by=SizeConformance)
class RowsOf16MiB(_Rewritten):
    """Has a column whose length takes three bytes."""

    def rewritten(self, batch: records.AppendBatch) -> records.AppendBatch:
        return replace(batch, row=replace(batch.row, body=batch.row.body[: 16 * MIB - 1]))


@breaks("sixteen mebibytes come back as they were", found_by=SizeConformance)
class DocumentsOf16MiB(DictStore):
    """Refuses what its engine does not take in one message."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        if len(write.body) > 16 * MIB:
            raise StoreUnavailable("The engine does not answer.")
        return await super().put_doc(write)


@breaks("no byte is lost, however many there are", found_by=SizeConformance)
class FirstChunkOfBlobs(DictStore):
    """Keeps large blobs in chunks, and answers the first."""

    async def get_blob(self, digest: str, /) -> bytes | None:
        body = await super().get_blob(digest)
        return None if body is None else body[: 8 * MIB]


@breaks("a document of 0 bytes", found_by=SizeConformance)
class EmptyIsNothing(DictStore):
    """Takes an empty body for no document."""

    async def get_doc(self, ref: records.DocRef, /) -> records.Doc | None:
        doc = await super().get_doc(ref)
        return doc if doc is not None and doc.body else replace(doc, body=b"{}") if doc else None


@breaks("no event of a large batch is lost", found_by=SizeConformance)
class BatchesOfAThousand(DictStore):
    """Writes a batch in parts, and the first of them."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        self._logs[batch.run_id] = self._logs[batch.run_id][: batch.expected_seq + 1_000]
        return seq


@breaks("no blob of a large batch is lost", found_by=SizeConformance)
class AHundredBlobs(_Rewritten):
    """Stores the first hundred blobs of an append."""

    def rewritten(self, batch: records.AppendBatch) -> records.AppendBatch:
        return replace(batch, blobs=batch.blobs[:100])


@breaks("the feed has a large batch whole", found_by=SizeConformance)
class FeedOfAThousand(DictStore):
    """Has room in the feed for a thousand events of a batch."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        before = len(self._feed)
        seq = await super().append(batch)
        del self._feed[before + 1_000 :]
        return seq


@breaks("every facet counts", found_by=SizeConformance)
class FacetsUpTo64(_Rewritten):
    """Has a bit for each facet."""

    def rewritten(self, batch: records.AppendBatch) -> records.AppendBatch:
        return replace(batch, row=replace(batch.row, facets=batch.row.facets[:64]))


@breaks("every tag finds its event", found_by=SizeConformance)
class TagsUpTo255(DictStore):
    """Finds an event by its first tags."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        page = await super().read(query)
        found = tuple(each for each in page.events if query.tag is None or query.tag in each.tags[:255])
        return replace(page, events=found)


@breaks("of so many bytes has all three", found_by=SizeConformance)
class BytesIn32Bits(DictStore):
    """Passes the bound of a page on in 32 bits."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        bound = query.max_bytes
        return await super().read(replace(query, max_bytes=None if bound is None else bound & 0xFFFF_FFFF))


@breaks("of a log of two", found_by=SizeConformance)
class SequenceIn32Bits(DictStore):
    """Passes sequence numbers on in 32 bits."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        return await super().read(replace(query, after_seq=query.after_seq & 0x7FFF_FFFF if query.after_seq > 9 else 0))


# -- numbers -----------------------------------------------------------------------------------------------------------


@breaks("no number loses its last digit", found_by=SizeConformance)
class FloatingStarts(_Rewritten):
    """Keeps instants as floats."""

    def rewritten(self, batch: records.AppendBatch) -> records.AppendBatch:
        most = 2**63 - 1
        return replace(batch, row=replace(batch.row, begun_ms=min(int(float(batch.row.begun_ms)), most)))


class _Narrowed(DictStore):
    """Narrows lists, and facets among them, by changed numbers."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        created_ms = self.changed(batch.row.created_ms)
        return await super().append(replace(batch, row=replace(batch.row, created_ms=created_ms)))

    def changed(self, instant_ms: int) -> int:
        raise NotImplementedError


@breaks("to the millisecond", found_by=SizeConformance)
class WholeSeconds(_Narrowed):
    """Keeps seconds."""

    def changed(self, instant_ms: int) -> int:
        return instant_ms // 1_000 * 1_000


@breaks("to the millisecond", found_by=SizeConformance)
class FractionsOfThePast(_Narrowed):
    """Adds the fraction of a second to a time before 1970, as if it were one after."""

    def changed(self, instant_ms: int) -> int:
        seconds, fraction = divmod(abs(instant_ms), 1_000)
        return seconds * 1_000 + fraction if instant_ms >= 0 else -seconds * 1_000 + fraction


@breaks("to the millisecond", found_by=SizeConformance)
class NothingBefore1970(_Narrowed):
    """Has no negative instants."""

    def changed(self, instant_ms: int) -> int:
        return max(0, instant_ms)


@breaks("to the millisecond", found_by=SizeConformance)
class NothingAfter2106(_Narrowed):
    """Keeps seconds in 32 bits."""

    def changed(self, instant_ms: int) -> int:
        return min(instant_ms, (2**32 - 1) * 1_000)


@breaks("numbers that follow each other are ordered", found_by=SizeConformance)
class FloatingScores(DictStore):
    """Orders by floats."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        if query.sort is not records.RunSort.SIZE or not query.facets:
            return await super().list_runs(query)
        page = await super().list_runs(replace(query, limit=10_000, offset=0))
        rows = sorted((self._rows[hit.id] for hit in page.hits), key=attrgetter("id"), reverse=True)
        rows.sort(key=lambda row: float(row.size), reverse=query.direction == "desc")
        hits = tuple(self._hit(row) for row in rows[query.offset : query.offset + query.limit])
        return replace(page, hits=hits)


@breaks("an expiry is one to the millisecond", found_by=SizeConformance)
class PurgesWholeSeconds(DictStore):
    """Purges to the second."""

    async def purge(self, now_ms: int, /) -> int:
        return await super().purge(now_ms // 1_000 * 1_000)


@breaks("when bytes were put is known to the millisecond", found_by=SizeConformance)
class PutsInSeconds(DictStore):
    """Knows when bytes were put to the second."""

    def _put(self, blob: records.Blob) -> bool:
        return super()._put(replace(blob, now_ms=blob.now_ms // 1_000 * 1_000))


@breaks("an instant is kept to the millisecond", found_by=SizeConformance)
class UpdatedInSeconds(DictStore):
    """Keeps when a document was written to the second."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        return await super().put_doc(replace(write, now_ms=write.now_ms // 1_000 * 1_000))


@breaks("also before a run has begun", found_by=SizeConformance)
class NothingTakesLessThanNothing(DictStore):
    """Has no negative times."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        before = self._rows
        self._rows = {
            id_: replace(row, begun_ms=min(row.begun_ms, query.now_ms)) if row.elapsed_ms is None else row
            for id_, row in before.items()
        }
        page = await super().list_runs(query)
        self._rows = before
        return page


@breaks("an elapsed time of 0 is one", found_by=SizeConformance)
class NoTimeIsNone(_Rewritten):
    """Takes an elapsed time of 0 for none."""

    def rewritten(self, batch: records.AppendBatch) -> records.AppendBatch:
        return replace(batch, row=replace(batch.row, elapsed_ms=batch.row.elapsed_ms or None))


@breaks("a bound of 0 is one", found_by=SizeConformance)
class NoBoundAtZero(DictStore):
    """Takes a bound of 0 for none."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        return await super().list_runs(replace(query, created_to_ms=query.created_to_ms or None))


@breaks("an expiry of 0 is one", found_by=SizeConformance)
class NoExpiryAtZero(DictStore):
    """Takes an expiry of 0 for none."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        return await super().put_doc(replace(write, expires_ms=write.expires_ms or None))


@breaks("empty is not nothing", found_by=SizeConformance)
class NoEmptyOwner(DictStore):
    """Takes the empty owner for none."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        return await super().put_doc(replace(write, owner=write.owner or None))

"""Second writes: stores that remember what they have written, while others write."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from fabro_core.errors import RevisionConflict, SeqConflict
from fabro_core.store import records
from fabro_core.testing.store.rewriting import RewritingConformance
from fabro_store_sqlite import SqliteRunStore
from tests.testing.bugs import breaks


class Remembers(SqliteRunStore):
    """Not a mutant: has a place for what those below remember of their own writes."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.known: dict[Any, Any] = {}


@breaks("the conflict names the newest number", found_by=RewritingConformance)
class NamesItsOwnNumber(Remembers):
    """Names in a conflict the newest event that it has written itself."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        try:
            self.known[batch.run_id] = await super().append(batch)
        except SeqConflict as conflict:
            raise SeqConflict(conflict.expected, self.known.get(batch.run_id, conflict.actual)) from None
        return batch.row.seq


@breaks("an append is judged by what others have appended", found_by=RewritingConformance)
class RefusesWhatIsNotItsOwn(Remembers):
    """Refuses what does not follow the newest event that it has written itself."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        known = self.known.get(batch.run_id, batch.expected_seq)
        if known != batch.expected_seq:
            raise SeqConflict(batch.expected_seq, known)
        self.known[batch.run_id] = await super().append(batch)
        return batch.row.seq

    async def delete_run(self, run_id: str, /) -> bool:
        self.known.pop(run_id, None)
        return await super().delete_run(run_id)


@breaks("an append is judged by what others have deleted", found_by=RewritingConformance)
class KnowsWhichItMade(RefusesWhatIsNotItsOwn):
    """Asks for the newest event, but not whether a run is still there that it has made."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        if batch.expected_seq == 0 and batch.run_id in self.known:
            raise SeqConflict(0, self.known[batch.run_id])
        self.known[batch.run_id] = await SqliteRunStore.append(self, batch)
        return batch.row.seq


@breaks("nor is it there to be deleted", found_by=RewritingConformance)
class DeletesWhatItMade(RefusesWhatIsNotItsOwn):
    """Says that a run was deleted when it has made it."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        self.known[batch.run_id] = await SqliteRunStore.append(self, batch)
        return batch.row.seq

    async def delete_run(self, run_id: str, /) -> bool:
        made = self.known.pop(run_id, None) is not None
        return await SqliteRunStore.delete_run(self, run_id) or made


@breaks("children may be stored before their parent, by anybody", found_by=RewritingConformance)
class CountsItsOwnChildren(Remembers):
    """Counts the children that it has stored itself since it has seen their parent."""

    async def get_run(self, run_id: str, /) -> records.StoredRun | None:
        found = await super().get_run(run_id)
        return None if found is None else replace(found, children_count=self.known.get(run_id, 0))

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        parent = batch.row.parent_id
        if seq == 1 and parent is not None and await super().get_run(parent) is not None:
            self.known[parent] = self.known.get(parent, 0) + 1
        return seq


@breaks("a document is written over what others have written", found_by=RewritingConformance)
class KnowsItsRevision(Remembers):
    """Compares with the revision that it has given itself."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        place = (write.collection, write.key)
        if write.if_revision is not records.ANY and write.if_revision == self.known.get(place):
            write = replace(write, if_revision=records.ANY)
        doc = await super().put_doc(write)
        self.known[place] = doc.revision
        return doc


@breaks("what others have deleted is not there to be deleted", found_by=RewritingConformance)
class DeletesWhatItPut(Remembers):
    """Says that a document was deleted when it has put it."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        doc = await super().put_doc(write)
        self.known[write.collection, write.key] = True
        return doc

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        deleted = await super().delete_doc(delete)
        return bool(self.known.pop((delete.collection, delete.key), False)) or deleted


@breaks("a document is written over what others have written", found_by=RewritingConformance)
class KnowsWhatIsThere(Remembers):
    """Refuses to make what it has put before, also when others have deleted it since."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        place = (write.collection, write.key)
        if write.if_revision is records.ABSENT and place in self.known:
            raise RevisionConflict("The document is there.")
        doc = await super().put_doc(write)
        self.known[place] = True
        return doc

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        deleted = await super().delete_doc(delete)
        if deleted:
            self.known.pop((delete.collection, delete.key), None)
        return deleted


@breaks("they are new when others have deleted them", found_by=RewritingConformance)
class KnowsItsBytes(Remembers):
    """Does not put bytes that it has put before, as they never change."""

    async def put_blob(self, blob: records.Blob, /) -> bool:
        if blob.digest in self.known:
            return False
        self.known[blob.digest] = True
        return await super().put_blob(blob)


@breaks("others have put them since", found_by=RewritingConformance)
class KnowsWhenItPut(Remembers):
    """Deletes bytes by the instant at which it has put them itself."""

    async def put_blob(self, blob: records.Blob, /) -> bool:
        self.known[blob.digest] = max(blob.now_ms, self.known.get(blob.digest, blob.now_ms))
        return await super().put_blob(blob)

    async def delete_blob(self, delete: records.BlobDelete, /) -> bool:
        put_ms = self.known.get(delete.digest)
        if put_ms is not None and put_ms < delete.if_put_before_ms:
            delete = replace(delete, if_put_before_ms=2**62)
        return await super().delete_blob(delete)


@breaks("who puts bytes again finds them stored", found_by=RewritingConformance)
class AppendsWithoutItsBytes(Remembers):
    """Leaves out of an append the bytes that it has put before."""

    async def put_blob(self, blob: records.Blob, /) -> bool:
        self.known[blob.digest] = True
        return await super().put_blob(blob)

    async def append(self, batch: records.AppendBatch, /) -> int:
        new = tuple(blob for blob in batch.blobs if blob.digest not in self.known)
        return await super().append(replace(batch, blobs=new))

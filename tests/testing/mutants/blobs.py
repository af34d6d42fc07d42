"""Blobs: what is put, when, and what may be deleted."""

from __future__ import annotations

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.store import records
from fabro_core.testing.store.blobs import BlobConformance
from tests.testing.bugs import breaks


@breaks("the same bytes are not stored again", found_by=BlobConformance)
class BlobTwice(DictStore):
    """Claims to have stored bytes that were there."""

    async def put_blob(self, blob: records.Blob, /) -> bool:
        await super().put_blob(blob)
        return True


@breaks("put again since", found_by=BlobConformance)
class BlobPutOnce(DictStore):
    """Does not note that known bytes were put again."""

    def _put(self, blob: records.Blob) -> bool:
        return blob.digest not in self._blobs and super()._put(blob)


@breaks("the bytes are gone", found_by=BlobConformance)
class BlobThatStays(DictStore):
    """Says that it has deleted a blob."""

    async def delete_blob(self, delete: records.BlobDelete, /) -> bool:
        blobs = dict(self._blobs)
        deleted = await super().delete_blob(delete)
        self._blobs = blobs
        return deleted


@breaks("put at that very instant", found_by=BlobConformance)
class BlobDeletedAnyway(DictStore):
    """Deletes what somebody has put again."""

    async def delete_blob(self, delete: records.BlobDelete, /) -> bool:
        return self._blobs.pop(delete.digest, None) is not None


@breaks("a blob of an acknowledged append is readable", found_by=BlobConformance)
class AppendWithoutBlobs(DictStore):
    """Keeps the events and not what they refer to."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        return await super().append(replace(batch, blobs=()))


@breaks("a refused append writes nothing", found_by=BlobConformance)
class BlobsFirst(DictStore):
    """Stores blobs before it looks whether the append is refused."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        for blob in batch.blobs:
            await self.put_blob(blob)
        return await super().append(batch)


@breaks("every blob is listed once", found_by=BlobConformance)
class LastBlobLost(DictStore):
    """Leaves out the blob at the end."""

    async def list_blobs(self, query: records.BlobQuery, /) -> records.BlobPage:
        page = await super().list_blobs(query)
        return page if page.has_more else replace(page, digests=page.digests[:-1])

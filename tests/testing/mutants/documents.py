"""Documents: expiry, revisions, one winner."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.store import records
from fabro_core.testing.store.documents import DocumentConformance
from tests.testing.bugs import breaks


@breaks("expires_ms <= now_ms means absent, purged or not", found_by=DocumentConformance)
class ExpiredDocument(DictStore):
    """Shows an expired document until it is purged."""

    async def get_doc(self, ref: records.DocRef, /) -> records.Doc | None:
        return self._docs.get((ref.collection, ref.key))


@breaks("not even after a delete or a purge", found_by=DocumentConformance)
class RevisionAgain(DictStore):
    """Numbers the revisions of a document from one, again after a delete."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        before = self._docs.get((write.collection, write.key))
        doc = replace(await super().put_doc(write), revision=str(1 if before is None else int(before.revision) + 1))
        self._docs[write.collection, write.key] = doc
        return doc


@breaks("a one-time code can be used once", found_by=DocumentConformance)
class DeleteTwice(DictStore):
    """Two callers may both have deleted the same document."""

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        doc = self._live(delete)
        await asyncio.sleep(0)
        if doc is not None:
            self._docs[delete.collection, delete.key] = doc
        return await super().delete_doc(delete)


@breaks("every collection is listed", found_by=DocumentConformance)
class OneCollection(DictStore):
    """Knows the collection that was written to last."""

    async def list_collections(self) -> Sequence[str]:
        return (await super().list_collections())[-1:]

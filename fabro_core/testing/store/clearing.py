"""A store without what earlier examples have left in it; also a failed one, which has not cleaned up behind itself."""

from __future__ import annotations

from fabro_core.store.base import RunStore
from fabro_core.store.records import (
    ANY,
    FENCE_COLLECTION,
    FENCE_KEY,
    BlobDelete,
    BlobQuery,
    DocDelete,
    DocQuery,
    RunIdQuery,
)
from fabro_core.testing.store.case import FIRST_MS, LAST_MS

_PAGE = 100


async def clear(store: RunStore) -> None:
    """Delete all runs, blobs and documents, once through. What a store does not let go of stays."""
    fence = DocDelete(collection=FENCE_COLLECTION, key=FENCE_KEY, if_revision=ANY, now_ms=FIRST_MS)
    await store.delete_doc(fence)
    after, has_more = None, True
    while has_more:
        runs = await store.list_run_ids(RunIdQuery(limit=_PAGE, after_id=after))
        for id_ in runs.ids:
            await store.delete_run(id_)
        after, has_more = (runs.ids or (None,))[-1], runs.has_more and bool(runs.ids)
    after, has_more = None, True
    while has_more:
        blobs = await store.list_blobs(BlobQuery(limit=_PAGE, after_digest=after))
        for digest in blobs.digests:
            await store.delete_blob(BlobDelete(digest=digest, if_put_before_ms=LAST_MS + 1))
        after, has_more = (blobs.digests or (None,))[-1], blobs.has_more and bool(blobs.digests)
    for collection in await store.list_collections():
        await _clear_collection(store, collection)
    await store.purge(LAST_MS)


async def _clear_collection(store: RunStore, collection: str) -> None:
    after, has_more = None, True
    while has_more:
        # At the first of all instants nothing has expired, unless it was written so.
        docs = await store.list_docs(DocQuery(collection=collection, now_ms=FIRST_MS, limit=_PAGE, after_key=after))
        for doc in docs.docs:
            gone = DocDelete(collection=collection, key=doc.key, if_revision=ANY, now_ms=FIRST_MS)
            await store.delete_doc(gone)
        after, has_more = (docs.docs[-1].key if docs.docs else None), docs.has_more and bool(docs.docs)

"""Everything a store holds, in pages and in an order that two stores with the same contents share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.copy_mark import COLLECTION
from fabro_core.store.records import BlobQuery, Doc, DocQuery, EventPage, EventQuery, RunHit, RunPage, RunQuery, RunSort

PAGE: Final = 100
"""Runs, digests or documents that are dealt with at once."""

EVENTS: Final = 64
"""Events that are held in memory of one run; each may be as large as a request's body."""

_EVERY_BUCKET: Final = frozenset(Bucket)


async def run_page(store: RunStore, offset: int, now_ms: int) -> RunPage:
    """Runs from the oldest on, without their states. New runs join at the end."""
    query = RunQuery(
        buckets=_EVERY_BUCKET,
        sort=RunSort.CREATED_AT,
        direction="asc",
        limit=PAGE,
        offset=offset,
        now_ms=now_ms,
    )
    return await store.list_runs(query)


async def runs(store: RunStore, now_ms: int) -> AsyncIterator[Sequence[RunHit]]:
    """Pages of all runs, from the oldest on."""
    offset = 0
    while hits := (await run_page(store, offset, now_ms)).hits:
        yield hits
        offset += len(hits)


async def run_count(store: RunStore, now_ms: int) -> int:
    """How many runs there are."""
    return (await run_page(store, 0, now_ms)).total


async def events(store: RunStore, run_id: str, after_seq: int = 0) -> AsyncIterator[EventPage]:
    """The log of a run in pieces, behind a sequence number."""
    while True:
        page = await store.read(EventQuery(run_id=run_id, after_seq=after_seq, limit=EVENTS))
        if page.events:
            yield page
            after_seq = page.events[-1].seq
        if not page.has_more:
            return


async def blobs(store: RunStore) -> AsyncIterator[Sequence[str]]:
    """Pages of the digests of all blobs."""
    after = None
    while True:
        page = await store.list_blobs(BlobQuery(limit=PAGE, after_digest=after))
        if page.digests:
            yield page.digests
            after = page.digests[-1]
        if not page.has_more:
            return


async def documents(store: RunStore, now_ms: int) -> AsyncIterator[Sequence[Doc]]:
    """Pages of all documents that have not expired, less the mark of a copy."""
    for collection in sorted(await store.list_collections()):
        if collection == COLLECTION:
            continue
        after = None
        while True:
            page = await store.list_docs(DocQuery(collection=collection, now_ms=now_ms, limit=PAGE, after_key=after))
            if page.docs:
                yield page.docs
                after = page.docs[-1].key
            if not page.has_more:
                break

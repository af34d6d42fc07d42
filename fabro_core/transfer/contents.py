"""Everything a store holds, in pages and in an order that two stores with the same contents share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import ABOUT_THE_STORE, BlobQuery, Doc, DocQuery, EventPage, EventQuery, RunQuery, RunSort

PAGE: Final = 100
"""Runs of a list, digests or documents that are dealt with at once."""

EVENTS: Final = 64
EVENT_BYTES: Final = 8 * 1024 * 1024
"""What is held in memory of one run's events at once, or a single one of any size."""

_EVERY_BUCKET: Final = frozenset(Bucket)


async def run_count(store: RunStore, now_ms: int) -> int:
    """How many runs there are."""
    return (await store.list_runs(RunQuery(buckets=_EVERY_BUCKET, limit=1, now_ms=now_ms))).total


def orders(now_ms: int) -> Iterator[RunQuery]:
    """The beginning of the list of all runs, in every order."""
    first = RunQuery(buckets=_EVERY_BUCKET, limit=PAGE, now_ms=now_ms)
    for sort in RunSort:
        yield replace(first, sort=sort, direction="asc")
        yield replace(first, sort=sort, direction="desc")


async def events(store: RunStore, run_id: str, after_seq: int = 0) -> AsyncIterator[EventPage]:
    """The log of a run in pieces, behind a sequence number."""
    while True:
        page = await store.read(EventQuery(run_id=run_id, after_seq=after_seq, limit=EVENTS, max_bytes=EVENT_BYTES))
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
    """Pages of all documents that have not expired, less those that say something about the store itself."""
    for collection in sorted(await store.list_collections()):
        if collection.startswith(ABOUT_THE_STORE):
            continue
        after = None
        while True:
            page = await store.list_docs(DocQuery(collection=collection, now_ms=now_ms, limit=PAGE, after_key=after))
            if page.docs:
                yield page.docs
                after = page.docs[-1].key
            if not page.has_more:
                break

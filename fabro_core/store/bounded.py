"""A store whose calls end in time, whatever is behind it (server.md S10).

A disk may hang and a server may stop in the middle of an answer. Drivers have timeouts of their own, or none; here each
call of the core gets one, so that requests do not pile up behind a store that says nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from fabro_core.errors import StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.store.records import (
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
    FeedPage,
    FeedQuery,
    RunIdPage,
    RunIdQuery,
    RunPage,
    RunQuery,
    StoredRun,
    StoreInfo,
    Wakeup,
    WorkflowHit,
)
from fabro_core.within import within

T = TypeVar("T")


class BoundedStore(RunStore):
    """`store`, each of whose calls is given up after `seconds`: a write may take effect all the same (server.md S27).

    Opening, closing, migrating and watching take the time that they take.
    """

    def __init__(self, store: RunStore, seconds: float) -> None:
        self._store = store
        self._seconds = seconds

    def info(self) -> StoreInfo:
        return self._store.info()

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        return self._store.lifespan()

    def watch(self) -> AsyncIterator[Wakeup]:
        return self._store.watch()

    async def pending_migrations(self) -> Sequence[str]:
        return await self._store.pending_migrations()

    async def ping(self) -> None:
        await self._in_time(self._store.ping())

    async def append(self, batch: AppendBatch, /) -> int:
        return await self._in_time(self._store.append(batch))

    async def read(self, query: EventQuery, /) -> EventPage:
        return await self._in_time(self._store.read(query))

    async def read_feed(self, query: FeedQuery, /) -> FeedPage:
        return await self._in_time(self._store.read_feed(query))

    async def get_run(self, run_id: str, /) -> StoredRun | None:
        return await self._in_time(self._store.get_run(run_id))

    async def list_runs(self, query: RunQuery, /) -> RunPage:
        return await self._in_time(self._store.list_runs(query))

    async def list_run_ids(self, query: RunIdQuery, /) -> RunIdPage:
        return await self._in_time(self._store.list_run_ids(query))

    async def list_workflows(self) -> Sequence[WorkflowHit]:
        return await self._in_time(self._store.list_workflows())

    async def delete_run(self, run_id: str, /) -> bool:
        return await self._in_time(self._store.delete_run(run_id))

    async def put_blob(self, blob: Blob, /) -> bool:
        return await self._in_time(self._store.put_blob(blob))

    async def get_blob(self, digest: str, /) -> bytes | None:
        return await self._in_time(self._store.get_blob(digest))

    async def list_blobs(self, query: BlobQuery, /) -> BlobPage:
        return await self._in_time(self._store.list_blobs(query))

    async def delete_blob(self, delete: BlobDelete, /) -> bool:
        return await self._in_time(self._store.delete_blob(delete))

    async def get_doc(self, ref: DocRef, /) -> Doc | None:
        return await self._in_time(self._store.get_doc(ref))

    async def put_doc(self, write: DocWrite, /) -> Doc:
        return await self._in_time(self._store.put_doc(write))

    async def delete_doc(self, delete: DocDelete, /) -> bool:
        return await self._in_time(self._store.delete_doc(delete))

    async def list_docs(self, query: DocQuery, /) -> DocPage:
        return await self._in_time(self._store.list_docs(query))

    async def list_collections(self) -> Sequence[str]:
        return await self._in_time(self._store.list_collections())

    async def purge(self, now_ms: int, /) -> int:
        return await self._in_time(self._store.purge(now_ms))

    async def _in_time(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            return await within(self._seconds, call)
        except TimeoutError as error:
            raise StoreUnavailable(f"The store has not answered within {self._seconds:g} s.") from error

"""`RunStore` on one SQLite file: decides where each call runs and leaves the work to the modules beside it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from fabro_core.store import (
    FENCE_COLLECTION,
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
    RunStore,
    StoredRun,
    StoreInfo,
    StoreUnavailable,
    Wakeup,
    WorkflowHit,
)
from fabro_store_sqlite import blobs, documents, feed, logs, run_lists, run_writes
from fabro_store_sqlite.changes import newest_change
from fabro_store_sqlite.closing import Closing
from fabro_store_sqlite.connections import Database
from fabro_store_sqlite.hints import Hints
from fabro_store_sqlite.migrations import LAYOUT
from fabro_store_sqlite.permissions import open_to_others
from fabro_store_sqlite.readers import SLOW_READS_AT_ONCE, Readers
from fabro_store_sqlite.writer import Writer

CONNECTIONS: Final = SLOW_READS_AT_ONCE + 2
"""The slow readers, the reader on the event loop and the writer."""


@dataclass(frozen=True, slots=True)
class _Opened:
    readers: Readers
    writer: Writer
    hints: Hints


class SqliteRunStore(RunStore):
    """Durable; shared by the processes of one machine.

    `path` is the database file, made with mode 0600 when it does not exist; `busy_timeout_ms` is how long to wait for
    the lock of another process. `driver` is the class of the driver's connections, for tests that make it fail.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str = "sqlite",
        busy_timeout_ms: int = 5_000,
        driver: type[sqlite3.Connection] = sqlite3.Connection,
        logger: logging.Logger | None = None,
    ) -> None:
        self._path = path
        self._name = name
        self._busy_timeout_ms = busy_timeout_ms
        self._driver = driver
        self._logger = logger or logging.getLogger(__name__)
        self._opened: _Opened | None = None

    def info(self) -> StoreInfo:
        return StoreInfo(
            name=self._name,
            version=f"SQLite {sqlite3.sqlite_version}",
            durable=True,
            shared=True,
            wakeups=True,
            facts=("write-ahead log, synchronous FULL",),
        )

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        database = self._database()
        closing = Closing(self._path, self._logger)
        try:
            for step in await asyncio.to_thread(database.prepare):
                if step != LAYOUT.creation.title:  # that of a new file is no news
                    self._logger.warning("the layout of %s was changed: %s", self._path, step)
            for file in open_to_others(self._path):
                self._logger.warning("others than its owner may read %s; chmod 600 it", file)
            readers = Readers(database)
            try:
                hints = Hints(readers)
                await hints.start()
                writer = Writer(database, hints.announce)
                others = asyncio.create_task(hints.follow_others(self._logger))
                self._opened = _Opened(readers, writer, hints)
                try:
                    yield
                finally:
                    self._opened = None
                    others.cancel()
                    await asyncio.gather(others, return_exceptions=True)
                    await closing.do(writer.close)
                    hints.close()
            finally:
                await closing.do(readers.close)
        finally:
            await closing.do(database.close)

    async def pending_migrations(self) -> Sequence[str]:
        database = self._database()
        try:
            return await asyncio.to_thread(database.plan)
        finally:
            database.close()

    async def ping(self) -> None:
        readers = self._open().readers
        readers.require_file()
        await readers.statement(newest_change)

    # -- runs ---------------------------------------------------------------------------------------------------

    async def append(self, batch: AppendBatch, /) -> int:
        return await self._open().writer.run(partial(run_writes.append, batch=batch))

    async def read(self, query: EventQuery, /) -> EventPage:
        readers = self._open().readers
        run = readers.quick if logs.is_short(query) else readers.slow
        return await run(partial(logs.event_page, query=query))

    async def read_feed(self, query: FeedQuery, /) -> FeedPage:
        readers = self._open().readers
        run = readers.quick if logs.is_short(query) else readers.slow
        return await run(partial(feed.feed_page, query=query))

    async def get_run(self, run_id: str, /) -> StoredRun | None:
        return await self._open().readers.quick(partial(run_lists.stored_run, run_id=run_id))

    async def list_runs(self, query: RunQuery, /) -> RunPage:
        readers = self._open().readers
        if (
            query.is_search
            or query.offset > run_lists.LOOP_OFFSET
            or (query.facets and await readers.quick(partial(run_lists.matches_many, query=query)))
        ):
            return await readers.slow(partial(run_lists.page, query=query))
        return await readers.page(query)

    async def list_run_ids(self, query: RunIdQuery, /) -> RunIdPage:
        return await self._open().readers.statement(partial(run_lists.id_page, query=query))

    async def list_workflows(self) -> Sequence[WorkflowHit]:
        return await self._open().readers.slow(run_lists.workflows)

    async def delete_run(self, run_id: str, /) -> bool:
        return await self._open().writer.run(partial(run_writes.delete_run, run_id=run_id))

    # -- blobs and documents ------------------------------------------------------------------------------------

    async def put_blob(self, blob: Blob, /) -> bool:
        return await self._open().writer.run(partial(blobs.put, new=blob))

    async def get_blob(self, digest: str, /) -> bytes | None:
        return await self._open().readers.slow(partial(blobs.blob, digest=digest))

    async def list_blobs(self, query: BlobQuery, /) -> BlobPage:
        return await self._open().readers.slow(partial(blobs.digest_page, query=query))

    async def delete_blob(self, delete: BlobDelete, /) -> bool:
        return await self._open().writer.run(partial(blobs.remove, unwanted=delete))

    async def get_doc(self, ref: DocRef, /) -> Doc | None:
        return await self._open().readers.statement(partial(documents.document, ref=ref))

    async def put_doc(self, write: DocWrite, /) -> Doc:
        writer = self._open().writer
        run = writer.run_on_fence if write.collection == FENCE_COLLECTION else writer.run
        return await run(partial(documents.put, write=write))

    async def delete_doc(self, delete: DocDelete, /) -> bool:
        writer = self._open().writer
        run = writer.run_on_fence if delete.collection == FENCE_COLLECTION else writer.run
        return await run(partial(documents.remove, delete=delete))

    async def list_docs(self, query: DocQuery, /) -> DocPage:
        readers = self._open().readers
        run = readers.quick if query.limit <= documents.LOOP_DOCS else readers.slow
        return await run(partial(documents.document_page, query=query))

    async def list_collections(self) -> Sequence[str]:
        return await self._open().readers.slow(documents.collections)

    async def purge(self, now_ms: int, /) -> int:
        return await self._open().writer.run(partial(documents.purge, now_ms=now_ms))

    # -- hints --------------------------------------------------------------------------------------------------

    def watch(self) -> AsyncIterator[Wakeup]:
        return self._open().hints.watch()

    def _database(self) -> Database:
        return Database(self._path, busy_timeout_ms=self._busy_timeout_ms, pool_size=CONNECTIONS, driver=self._driver)

    def _open(self) -> _Opened:
        if self._opened is None:
            raise StoreUnavailable("The store is not open.")
        return self._opened

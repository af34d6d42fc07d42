"""`RunStore` on Redis or Valkey: which script answers each call. The modules beside this one do the work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
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
    SeqConflict,
    StoredRun,
    StoreInfo,
    StoreMisconfigured,
    StoreUnavailable,
    Wakeup,
    WorkflowHit,
)
from fabro_store_redis import blobs, documents, logs, opening, runs, scripts
from fabro_store_redis.connections import Connections
from fabro_store_redis.hints import Hints
from fabro_store_redis.run_pages import id_page, ids_argument, page_script
from fabro_store_redis.settings import RedisSettings

REMOVAL: Final = "run.removing"
"""The kind of the event with which the log of a run says that it will be deleted (runs.md R9)."""


@dataclass(frozen=True, slots=True)
class _Opened:
    connections: Connections
    hints: Hints


class RedisRunStore(RunStore):
    """Shared by every server process that reaches the same Redis or Valkey and uses the same prefix."""

    def __init__(self, settings: RedisSettings, *, name: str = "redis", logger: logging.Logger | None = None) -> None:
        self._settings = settings
        self._name = name
        self._logger = logger or logging.getLogger(__name__)
        # The braces put all keys into one slot of a cluster, where scripts may use them together.
        self._prefix = f"{{{settings.prefix}}}:"
        self._server = opening.Server(version="unknown", durable=False)
        self._opened: _Opened | None = None

    def info(self) -> StoreInfo:
        return StoreInfo(
            name=self._name,
            version=self._server.version,
            durable=self._server.durable,
            shared=True,
            wakeups=True,
            facts=self._server.facts,
        )

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        connections = Connections(self._settings)
        try:
            await self._inspect(connections)
            hints = Hints(
                connections, f"{self._prefix}appends", self._logger, returned=partial(self._inspect_again, connections)
            )
            try:
                await hints.subscribe()
                others = asyncio.create_task(hints.follow_others())
                self._opened = _Opened(connections, hints)
                try:
                    yield
                finally:
                    self._opened = None
                    hints.end()
                    others.cancel()
                    await asyncio.gather(others, return_exceptions=True)
            finally:
                await hints.close()
        finally:
            await connections.close()

    async def _inspect(self, connections: Connections) -> None:
        self._server = await opening.inspect(connections, self._prefix)
        if not self._server.durable:
            self._logger.warning(
                "the Redis server may lose acknowledged writes when it stops; "
                "set appendonly to yes and appendfsync to always"
            )

    async def _inspect_again(self, connections: Connections) -> None:
        """Look at what may be another server by now. One that would be refused at a start is used all the same: who
        is served already is better off with it than with none."""
        try:
            await self._inspect(connections)
        except StoreMisconfigured as error:
            self._logger.error("the Redis server is not fit to keep runs any more: %s", error)

    async def pending_migrations(self) -> Sequence[str]:
        connections = Connections(self._settings)
        try:
            return await opening.plan(connections, self._prefix)
        finally:
            await connections.close()

    async def ping(self) -> None:
        await self._open().connections.check_primary()

    # -- runs ---------------------------------------------------------------------------------------------------

    async def append(self, batch: AppendBatch, /) -> int:
        opened = self._open()
        seq = batch.events[-1].seq
        told = runs.append_argument(batch, hint=opened.hints.hint(batch.run_id, seq))
        script = scripts.APPEND_BEFORE_REMOVAL if batch.events[-1].kind == REMOVAL else scripts.APPEND
        newest = await opened.connections.write(script, self._prefix, told, *blobs.put_arguments(*batch.blobs))
        if newest != batch.expected_seq:
            raise SeqConflict(batch.expected_seq, newest)
        opened.hints.announce(batch.run_id, seq)
        return seq

    async def read(self, query: EventQuery, /) -> EventPage:
        script, arguments = logs.read_script(query)
        return logs.event_page(await self._open().connections.read(script, self._prefix, *arguments))

    async def read_feed(self, query: FeedQuery, /) -> FeedPage:
        arguments = logs.feed_arguments(query)
        return logs.feed_page(await self._open().connections.read(scripts.READ_FEED, self._prefix, *arguments))

    async def get_run(self, run_id: str, /) -> StoredRun | None:
        return runs.run_of(await self._open().connections.read(scripts.GET_RUN, self._prefix, run_id))

    async def list_runs(self, query: RunQuery, /) -> RunPage:
        script, asked = page_script(query)
        return runs.page_of(await self._open().connections.read(script, self._prefix, asked))

    async def list_run_ids(self, query: RunIdQuery, /) -> RunIdPage:
        found = await self._open().connections.read(scripts.LIST_RUN_IDS, self._prefix, ids_argument(query))
        return id_page(found, query)

    async def list_workflows(self) -> Sequence[WorkflowHit]:
        return runs.workflows_of(await self._open().connections.read(scripts.WORKFLOWS, self._prefix))

    async def delete_run(self, run_id: str, /) -> bool:
        return bool(await self._open().connections.write(scripts.DELETE_RUN, self._prefix, run_id))

    # -- blobs and documents ------------------------------------------------------------------------------------

    async def put_blob(self, blob: Blob, /) -> bool:
        told = blobs.put_arguments(blob)
        return bool(await self._open().connections.write(scripts.PUT_BLOB, self._prefix, *told))

    async def get_blob(self, digest: str, /) -> bytes | None:
        body: bytes | None = await self._open().connections.ask("GET", f"{self._prefix}blob:{digest}")
        return body

    async def list_blobs(self, query: BlobQuery, /) -> BlobPage:
        found = await self._open().connections.ask("ZRANGE", f"{self._prefix}blobs", *blobs.bounds(query))
        return blobs.page_of(found, query)

    async def delete_blob(self, delete: BlobDelete, /) -> bool:
        told = (delete.digest, delete.if_put_before_ms)
        return bool(await self._open().connections.write(scripts.DELETE_BLOB, self._prefix, *told))

    async def get_doc(self, ref: DocRef, /) -> Doc | None:
        key = f"{self._prefix}doc:".encode() + documents.place(ref.collection, ref.key)
        return documents.document(await self._open().connections.ask("HMGET", key, "revision", "doc"), ref)

    async def put_doc(self, write: DocWrite, /) -> Doc:
        told = documents.put_argument(write)
        script = scripts.PUT_FENCE if write.collection == FENCE_COLLECTION else scripts.PUT_DOC
        return documents.written(await self._open().connections.write(script, self._prefix, told), write)

    async def delete_doc(self, delete: DocDelete, /) -> bool:
        told = documents.delete_argument(delete)
        script = scripts.LIFT_FENCE if delete.collection == FENCE_COLLECTION else scripts.DELETE_DOC
        return documents.deleted(await self._open().connections.write(script, self._prefix, told))

    async def list_docs(self, query: DocQuery, /) -> DocPage:
        asked = documents.list_argument(query)
        return documents.document_page(await self._open().connections.read(scripts.LIST_DOCS, self._prefix, asked))

    async def list_collections(self) -> Sequence[str]:
        found = await self._open().connections.ask("SMEMBERS", f"{self._prefix}collections")
        return [collection.decode() for collection in found]

    async def purge(self, now_ms: int, /) -> int:
        connections = self._open().connections
        purged = 0
        while True:
            removed: int = await connections.write(scripts.PURGE, self._prefix, now_ms, documents.PURGED_AT_ONCE)
            purged += removed
            if removed < documents.PURGED_AT_ONCE:
                return purged

    # -- hints --------------------------------------------------------------------------------------------------

    def watch(self) -> AsyncIterator[Wakeup]:
        return self._open().hints.watch()

    def _open(self) -> _Opened:
        if self._opened is None:
            raise StoreUnavailable("The store is not open.")
        return self._opened

"""`RunStore` on PostgreSQL: which module answers each call. The modules beside this one do the work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fabro_core.store import (
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
    StoreMisconfigured,
    StoreUnavailable,
    Wakeup,
    WorkflowHit,
)
from fabro_store_postgres import blobs, documents, logs, opening, run_lists
from fabro_store_postgres.connections import Connections
from fabro_store_postgres.dialing import Dial
from fabro_store_postgres.hints import Hints
from fabro_store_postgres.migrations import LAYOUT
from fabro_store_postgres.settings import PostgresSettings
from fabro_store_postgres.writer import Writer


@dataclass(frozen=True, slots=True)
class _Opened:
    connections: Connections
    writer: Writer
    hints: Hints


class PostgresRunStore(RunStore):
    """Shared by every server process that reaches the same database and uses the same schema."""

    def __init__(
        self, settings: PostgresSettings, *, name: str = "postgres", logger: logging.Logger | None = None
    ) -> None:
        self._settings = settings
        self._name = name
        self._logger = logger or logging.getLogger(__name__)
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
        dial = Dial(self._settings)
        server, steps = await opening.prepare(dial)
        for step in steps:
            if step != LAYOUT.creation.title:  # that of a new schema is no news
                self._logger.warning("the layout of the schema %s was changed: %s", dial.schema, step)
        self._note(server)
        connections = Connections(dial, self._settings.max_connections)
        writing = Connections(dial, 1)
        hints = Hints(dial, self._logger, returned=lambda: self._inspect_again(dial))
        try:
            await hints.listen()
            others = asyncio.create_task(hints.follow_others(), name="fabro postgres listener")
            writer = Writer(writing, hints, dial.timeout_seconds)
            self._opened = _Opened(connections, writer, hints)
            try:
                yield
            finally:
                self._opened = None
                others.cancel()
                await asyncio.gather(others, return_exceptions=True)
                await writer.close()
        finally:
            hints.close()
            connections.close()
            writing.close()

    def _note(self, server: opening.Server) -> None:
        self._server = server
        if not server.durable:
            self._logger.warning(
                "the PostgreSQL server may lose acknowledged writes when it stops; "
                "set fsync and synchronous_commit to on"
            )

    async def _inspect_again(self, dial: Dial) -> None:
        """Look at what may be another server by now. One that would be refused at a start is used all the same: who
        is served already is better off with it than with none."""
        try:
            self._note(await opening.inspect(dial))
        except StoreMisconfigured as error:
            self._logger.error("the PostgreSQL server is not fit to keep runs any more: %s", error)

    async def pending_migrations(self) -> Sequence[str]:
        return await opening.plan(Dial(self._settings))

    async def ping(self) -> None:
        await logs.newest_position(self._open().connections)

    # -- runs ---------------------------------------------------------------------------------------------------

    async def append(self, batch: AppendBatch, /) -> int:
        return await self._open().writer.append(batch)

    async def read(self, query: EventQuery, /) -> EventPage:
        return await logs.event_page(self._open().connections, query)

    async def read_feed(self, query: FeedQuery, /) -> FeedPage:
        return await logs.feed_page(self._open().connections, query)

    async def get_run(self, run_id: str, /) -> StoredRun | None:
        return await run_lists.stored_run(self._open().connections, run_id)

    async def list_runs(self, query: RunQuery, /) -> RunPage:
        return await run_lists.page(self._open().connections, query)

    async def list_run_ids(self, query: RunIdQuery, /) -> RunIdPage:
        return await run_lists.id_page(self._open().connections, query)

    async def list_workflows(self) -> Sequence[WorkflowHit]:
        return await run_lists.workflows(self._open().connections)

    async def delete_run(self, run_id: str, /) -> bool:
        return await self._open().writer.delete(run_id)

    # -- blobs and documents ------------------------------------------------------------------------------------

    async def put_blob(self, blob: Blob, /) -> bool:
        return await blobs.put(self._open().connections, blob)

    async def get_blob(self, digest: str, /) -> bytes | None:
        return await blobs.blob(self._open().connections, digest)

    async def list_blobs(self, query: BlobQuery, /) -> BlobPage:
        return await blobs.digest_page(self._open().connections, query)

    async def delete_blob(self, delete: BlobDelete, /) -> bool:
        return await blobs.remove(self._open().connections, delete)

    async def get_doc(self, ref: DocRef, /) -> Doc | None:
        return await documents.document(self._open().connections, ref)

    async def put_doc(self, write: DocWrite, /) -> Doc:
        return await documents.put(self._open().connections, write)

    async def delete_doc(self, delete: DocDelete, /) -> bool:
        return await documents.remove(self._open().connections, delete)

    async def list_docs(self, query: DocQuery, /) -> DocPage:
        return await documents.document_page(self._open().connections, query)

    async def list_collections(self) -> Sequence[str]:
        return await documents.collections(self._open().connections)

    async def purge(self, now_ms: int, /) -> int:
        return await documents.purge(self._open().connections, now_ms)

    # -- hints --------------------------------------------------------------------------------------------------

    def watch(self) -> AsyncIterator[Wakeup]:
        return self._open().hints.watch()

    def _open(self) -> _Opened:
        if self._opened is None:
            raise StoreUnavailable("The store is not open.")
        return self._opened

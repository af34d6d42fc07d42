"""Runs to change: the service on stores whose calls interleave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import msgspec
import pytest

from fabro_core.models.ids import RunId
from fabro_core.models.principal import IdpIdentity, PrincipalUser, RunProvenance
from fabro_core.runs.projection import Projection
from fabro_core.runs.service import Runs
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import AppendBatch, Doc, DocRef, DocWrite, EventQuery, EventRecord, RunHit
from fabro_core.testing.clock import ManualClock
from fabro_store_sqlite import SqliteRunStore

ANN = PrincipalUser(identity=IdpIdentity("test", "ann"), login="ann", auth_method="test")
MANIFEST = msgspec.json.encode(
    {
        "version": 1,
        "cwd": "/projects/shop",
        "target": {"path": "w.fabro"},
        "workflows": {"w.fabro": {"source": "digraph W { start [shape=Mdiamond] exit [shape=Msquare] start -> exit }"}},
    }
)


class InterleavingStore(MemoryRunStore):
    """A memory store that lets other tasks go first, for as long as `chance` says, before every call."""

    def __init__(self, data: MemoryData, chance: Random) -> None:
        super().__init__(data)
        self._chance = chance

    async def _others_first(self) -> None:
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)

    async def append(self, batch: AppendBatch, /) -> int:
        await self._others_first()
        return await super().append(batch)

    async def get_run(self, run_id: str, /) -> RunHit | None:
        await self._others_first()
        return await super().get_run(run_id)

    async def get_doc(self, ref: DocRef, /) -> Doc | None:
        await self._others_first()
        return await super().get_doc(ref)

    async def put_doc(self, write: DocWrite, /) -> Doc:
        await self._others_first()
        return await super().put_doc(write)


@pytest.fixture(params=["memory", "sqlite"])
async def replicas(
    request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str
) -> AsyncIterator[tuple[RunStore, RunStore]]:
    """Two open instances on one set of data, as two servers have them."""
    data = MemoryData()
    async with AsyncExitStack() as stack:
        stores: list[RunStore] = []
        for number in range(2):
            store = (
                InterleavingStore(data, Random(number))
                if request.param == "memory"
                else SqliteRunStore(tmp_path / "fabro.db")
            )
            await stack.enter_async_context(store.lifespan())
            stores.append(store)
        yield stores[0], stores[1]


def service(store: RunStore) -> Runs:
    return Runs(store, ManualClock(), web_url=None)


async def new_run(runs: Runs) -> RunId:
    hit = await runs.create(MANIFEST, provenance=RunProvenance(subject=ANN))
    return RunId(hit.id)


async def events_of(store: RunStore, run_id: str) -> tuple[EventRecord, ...]:
    page = await store.read(EventQuery(run_id=run_id, limit=1_000))
    return page.events


async def projection_of(store: RunStore, run_id: str) -> Projection:
    """What is stored for the next writer."""
    hit = await store.get_run(run_id)
    assert hit is not None
    return msgspec.json.decode(hit.state, type=Projection)

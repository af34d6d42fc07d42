"""Two open stores on one set of data, as two servers have them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import AppendBatch, Doc, DocRef, DocWrite, RunHit
from fabro_store_sqlite import SqliteRunStore


@pytest.fixture(params=["memory", "sqlite"])
async def replicas(
    request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str
) -> AsyncIterator[tuple[RunStore, RunStore]]:
    """Instances of the store `memory`, whose calls interleave, or of `sqlite`."""
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

"""Two open stores on one set of data, as two servers have them."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import AppendBatch, Doc, DocRef, DocWrite, StoredRun
from fabro_store_redis import RedisRunStore, RedisSettings
from fabro_store_sqlite import SqliteRunStore
from tests.plugins.store_postgres.server import Postgres
from tests.plugins.store_postgres.server import running as running_postgres
from tests.plugins.store_redis.valkey import Valkey, running


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[Valkey]:
    """One server for all tests of this process; each has a prefix of its own."""
    with tempfile.TemporaryDirectory(prefix="fabro-valkey-") as directory, running(Path(directory)) as server:
        yield server


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[Postgres]:
    """One server for all tests of this process; each has a schema of its own."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def replicas(
    request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str
) -> AsyncIterator[tuple[RunStore, RunStore]]:
    """Instances of the store `memory`, whose calls interleave, of `sqlite` or of `redis`."""
    stores: list[RunStore]
    match request.param:
        case "memory":
            data = MemoryData()
            stores = [InterleavingStore(data, Random(number)) for number in range(2)]
        case "sqlite":
            stores = [SqliteRunStore(tmp_path / "fabro.db") for _ in range(2)]
        case _:
            valkey: Valkey = request.getfixturevalue("shared_valkey")
            settings = RedisSettings(url=valkey.url, prefix=secrets.token_hex(8))
            stores = [RedisRunStore(settings) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for store in stores:
            await stack.enter_async_context(store.lifespan())
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

    async def get_run(self, run_id: str, /) -> StoredRun | None:
        await self._others_first()
        return await super().get_run(run_id)

    async def get_doc(self, ref: DocRef, /) -> Doc | None:
        await self._others_first()
        return await super().get_doc(ref)

    async def put_doc(self, write: DocWrite, /) -> Doc:
        await self._others_first()
        return await super().put_doc(write)

"""Stores that sign-ins are kept in: two instances on one set of data, as two servers have them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from fabro_core.auth.base import Identity
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData
from fabro_core.store.records import DocQuery
from fabro_core.testing.clock import ManualClock
from fabro_store_sqlite import SqliteRunStore
from tests.runs.conftest import InterleavingStore

MONA = Identity(issuer="https://github.com", subject="90210", login="mona", name="Mona L.", email="mona@example.org")
LISA = Identity(issuer="https://github.com", subject="7", login="lisa")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "sqlite"])
async def replicas(
    request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str
) -> AsyncIterator[tuple[RunStore, RunStore]]:
    """Two open instances on one set of data."""
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


async def documents_of(store: RunStore, collection: str, clock: ManualClock) -> list[tuple[str, bytes]]:
    """Key and raw body of every document of a collection."""
    page = await store.list_docs(DocQuery(collection=collection, now_ms=int(clock.now().timestamp() * 1000), limit=100))
    return [(doc.key, doc.body) for doc in page.docs]

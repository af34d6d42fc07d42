"""Opening, closing and being killed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.store import records
from fabro_core.testing.store.crashing import CrashConformance
from fabro_core.testing.store.opening import OpeningConformance
from tests.testing.bugs import breaks
from tests.testing.sound_stores import SavedStore


@breaks("a store that was left is unavailable", found_by=OpeningConformance)
class OpenForever(DictStore):
    """Answers after it was closed."""

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        async with super().lifespan():
            hub = self._hub
            yield
        self._hub = hub


@breaks("an acknowledged document survives", found_by=CrashConformance)
class SavedAtTheEnd(SavedStore):
    """Says that it is durable."""

    def info(self) -> records.StoreInfo:
        return replace(super().info(), durable=True)

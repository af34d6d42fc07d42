"""Dict stores behind a driver that can fail: a sound one, and others with one bug each; and one that forgets."""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.errors import StoreUnavailable
from fabro_core.store import records
from fabro_core.store.base import RunStore
from fabro_core.store.wakeups import WakeupHub
from fabro_core.testing.store import opened


class Driver:
    """Stands between a store and its dicts."""

    def __init__(self) -> None:
        self.broken = False

    def use(self) -> None:
        if self.broken:
            raise ConnectionError("no route to 10.0.0.7")

    @contextmanager
    def failing(self) -> Iterator[None]:
        self.broken = True
        try:
            yield
        finally:
            self.broken = False


class DrivenStore(DictStore):
    """Sound: whatever it does goes through the driver."""

    def __init__(self, driver: Driver) -> None:
        super().__init__(name="driven")
        self._driver = driver

    def _opened(self) -> WakeupHub:
        hub = super()._opened()
        try:
            self._driver.use()
        except ConnectionError as error:
            raise StoreUnavailable("The driver does not answer.") from error
        return hub


class RawError(DrivenStore):
    """Lets the driver's own exception out."""

    def _opened(self) -> WakeupHub:
        self._driver.use()
        return super()._opened()


class RepeatedWords(DrivenStore):
    """Tells whoever asks what the driver said."""

    def _opened(self) -> WakeupHub:
        try:
            return super()._opened()
        except StoreUnavailable as error:
            raise StoreUnavailable(f"The driver failed: {error.__cause__}") from error.__cause__


class NeverAgain(DrivenStore):
    """Does not recover from a fault."""

    def _opened(self) -> WakeupHub:
        try:
            return super()._opened()
        except StoreUnavailable:
            self._hub = None
            raise


class HalfWritten(DrivenStore):
    """A fault in the middle of an append leaves the log without its row."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        log = self._logs.get(batch.run_id, [])
        self._logs[batch.run_id] = [*log, *batch.events]
        self._opened()
        self._logs[batch.run_id] = log
        return await super().append(batch)


class SavedAtTheEnd(DictStore):
    """Says that it is durable, and writes its file when it is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def info(self) -> records.StoreInfo:
        return replace(super().info(), durable=True)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        if self._path.exists():
            self._rows, self._logs, self._docs, self._blobs = pickle.loads(self._path.read_bytes())
        async with super().lifespan():
            yield
        self._path.write_bytes(pickle.dumps((self._rows, self._logs, self._docs, self._blobs)))


def open_saved(path: Path) -> AbstractAsyncContextManager[RunStore]:
    return opened(SavedAtTheEnd(path))

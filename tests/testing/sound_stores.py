"""Stores without a bug, to be given one by a subclass: in dicts, behind a driver, in a file that is saved at the end.

The fourth is the store of SQLite itself, on a file that several instances and processes open. `fixtures_of` has what
the kit needs to know of any of them, or of a subclass.
"""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from examples.stores.dict_store import DictStore
from fabro_core.errors import StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.store.wakeups import WakeupHub
from fabro_core.testing.store import BreakDriver, NoDriver, OpenStore, StallDriver, StoreCase, opened
from fabro_store_sqlite import SqliteRunStore
from tests.plugins.store_sqlite.failing_driver import Faults, locked, open_sqlite


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
    """Whatever it does goes through the driver."""

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


class SavedStore(DictStore):
    """Writes its file when it is closed; for one instance at a time."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        if self._path.exists():
            self._rows, self._logs, self._docs, self._blobs = pickle.loads(self._path.read_bytes())
        async with super().lifespan():
            yield
        self._path.write_bytes(pickle.dumps((self._rows, self._logs, self._docs, self._blobs)))


def open_saved(store: type[SavedStore], path: Path) -> AbstractAsyncContextManager[RunStore]:
    return opened(store(path))


# -- the fixtures of each -------------------------------------------------------------------------------------------


class MadeOf(StoreCase):
    """The fixtures of a suite about `make`; those of the most special sound store that it is derived from."""

    make: type[RunStore]


class DictFixtures(MadeOf):
    make: type[DictStore]

    @pytest.fixture
    def open_store(self) -> OpenStore:
        return lambda: opened(self.make())

    @pytest.fixture
    def break_driver(self) -> NoDriver:
        return NoDriver("everything is a dict of this process")


class DrivenFixtures(MadeOf):
    make: type[DrivenStore]

    @pytest.fixture
    def driver(self) -> Driver:
        return Driver()

    @pytest.fixture
    def open_store(self, driver: Driver) -> OpenStore:
        return lambda: opened(self.make(driver))

    @pytest.fixture
    def break_driver(self, driver: Driver) -> BreakDriver:
        return driver.failing


class SavedFixtures(MadeOf):
    make: type[SavedStore]

    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return partial(open_saved, self.make, tmp_path / "data")

    @pytest.fixture
    def break_driver(self) -> NoDriver:
        return NoDriver("the file is written by Python itself")


class SqliteFixtures(MadeOf):
    make: type[SqliteRunStore]

    @pytest.fixture
    def faults(self) -> Faults:
        return Faults()

    @pytest.fixture
    def open_store(self, tmp_path: Path, faults: Faults) -> OpenStore:
        return partial(open_sqlite, tmp_path / "fabro.db", faults, store=self.make)

    @pytest.fixture
    def break_driver(self, faults: Faults) -> BreakDriver:
        return faults.failing

    @pytest.fixture
    def stall_driver(self, tmp_path: Path) -> StallDriver:
        return partial(locked, tmp_path / "fabro.db")


_FIXTURES: dict[type[RunStore], type[MadeOf]] = {
    DictStore: DictFixtures,
    DrivenStore: DrivenFixtures,
    SavedStore: SavedFixtures,
    SqliteRunStore: SqliteFixtures,
}


def fixtures_of(store: type[RunStore]) -> type[MadeOf]:
    """The fixtures for the sound store that `store` is, or is derived from."""
    return next(_FIXTURES[base] for base in store.__mro__ if base in _FIXTURES)

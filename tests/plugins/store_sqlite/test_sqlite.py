"""The SQLite store keeps every promise of the kit."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from fabro_core.testing.store import BreakDriver, OpenStore, StallDriver, StoreConformance
from tests.plugins.store_sqlite.failing_driver import Faults, locked, open_sqlite


class TestSqliteStore(StoreConformance):
    @pytest.fixture
    def faults(self) -> Faults:
        return Faults()

    @pytest.fixture
    def open_store(self, tmp_path: Path, faults: Faults) -> OpenStore:
        return partial(open_sqlite, tmp_path / "fabro.db", faults)

    @pytest.fixture
    def break_driver(self, faults: Faults) -> BreakDriver:
        return faults.failing

    @pytest.fixture
    def stall_driver(self, tmp_path: Path) -> StallDriver:
        return partial(locked, tmp_path / "fabro.db")

"""The SQLite store keeps every promise of the kit."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabro_core.testing.store import OpenStore, StoreConformance, opened
from fabro_store_sqlite import SqliteRunStore


class TestSqliteStore(StoreConformance):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: opened(SqliteRunStore(tmp_path / "fabro.db"))

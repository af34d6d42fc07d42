"""The memory store keeps every promise of the kit."""

from __future__ import annotations

import pytest

from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.testing.store import NoDriver, OpenStore, StoreConformance, opened


class TestMemoryStore(StoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        data = MemoryData()
        return lambda: opened(MemoryRunStore(data))

    @pytest.fixture
    def break_driver(self) -> NoDriver:
        return NoDriver("everything is a dict of this process")

"""The memory store keeps every promise of the kit."""

from __future__ import annotations

import pytest

from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.testing.store import OpenStore, StoreConformance, opened


class TestMemoryStore(StoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        data = MemoryData()
        return lambda: opened(MemoryRunStore(data))

"""Every promise that a store makes, asked by the conformance kit."""

from __future__ import annotations

import pytest
from dict_store import DictStore

from fabro_core.testing import NoDriver, OpenStore, StoreConformance, opened


class TestDictStore(StoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        return lambda: opened(DictStore())

    @pytest.fixture
    def break_driver(self) -> NoDriver:
        return NoDriver("everything is a dict of this process")

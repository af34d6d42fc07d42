"""The Redis store keeps every promise of the kit, on a real Valkey that flushes every write."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Final

import pytest

from fabro_core.testing.store import BreakDriver, OpenStore, StoreConformance
from tests.store.valkey import Valkey, open_redis, running

_PREFIXES: Final = count(1)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with running(tmp_path_factory.mktemp("valkey")) as server:
        yield server


class TestRedisStore(StoreConformance):
    @pytest.fixture
    def open_store(self, valkey: Valkey) -> OpenStore:
        return partial(open_redis, valkey.url, f"test{next(_PREFIXES)}")

    @pytest.fixture
    def break_driver(self, valkey: Valkey) -> BreakDriver:
        return valkey.away

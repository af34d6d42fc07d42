"""The Redis store keeps every promise of the kit, on a real Valkey that flushes every write.

With `FABRO_TEST_REDIS_URL` set, also on the server that it names, below prefixes of its own that are removed again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Final

import pytest
import redis

from fabro_core.testing.store import BreakDriver, NoDriver, OpenStore, StallDriver, StoreConformance
from tests.plugins.store_redis.valkey import Valkey, open_redis, running

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

    @pytest.fixture
    def stall_driver(self, valkey: Valkey) -> StallDriver:
        return valkey.stopped


GIVEN_URL: Final = os.environ.get("FABRO_TEST_REDIS_URL", "")


class TestRedisStoreOnAGivenServer(StoreConformance):
    __test__ = bool(GIVEN_URL)  # a skip would count as a promise that is not kept

    @pytest.fixture
    def open_store(self) -> Iterator[OpenStore]:
        prefix = f"fabro-test-{secrets.token_hex(8)}"
        yield partial(open_redis, GIVEN_URL, prefix)
        with redis.Redis.from_url(GIVEN_URL) as server:
            for key in server.scan_iter(match=f"{{{prefix}}}:*", count=1_000):
                server.delete(key)

    @pytest.fixture
    def break_driver(self) -> NoDriver:
        return NoDriver("a server that others may use is not broken for a test")

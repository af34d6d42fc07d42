"""The PostgreSQL store keeps every promise of the kit, on a real server that flushes every commit.

With `FABRO_TEST_POSTGRES_URL` set, also on the server that it names, in schemas of its own that are removed again.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from functools import partial
from typing import Final

import pytest

from fabro_core.testing.store import BreakDriver, NoDriver, OpenStore, StoreConformance
from fabro_store_postgres import PostgresSettings
from fabro_store_postgres.dialing import Dial
from tests.plugins.store_postgres.server import Postgres, open_postgres, running

SCHEMA: Final = "kit"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running() as server:
        yield server


class TestPostgresStore(StoreConformance):
    @pytest.fixture
    def open_store(self, postgres: Postgres) -> OpenStore:
        asyncio.run(postgres.empty(SCHEMA))
        return partial(open_postgres, postgres.url, SCHEMA)

    @pytest.fixture
    def break_driver(self, postgres: Postgres) -> BreakDriver:
        return postgres.away


GIVEN_URL: Final = os.environ.get("FABRO_TEST_POSTGRES_URL", "")


class TestPostgresStoreOnAGivenServer(StoreConformance):
    __test__ = bool(GIVEN_URL)  # a skip would count as a promise that is not kept

    @pytest.fixture
    def open_store(self) -> Iterator[OpenStore]:
        schema = f"fabro_test_{secrets.token_hex(8)}"
        yield partial(open_postgres, GIVEN_URL, schema)
        asyncio.run(_drop(schema))

    @pytest.fixture
    def break_driver(self) -> NoDriver:
        return NoDriver("a server that others may use is not broken for a test")


async def _drop(schema: str) -> None:
    connection = await Dial(PostgresSettings(url=GIVEN_URL)).connect()
    try:
        await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    finally:
        await connection.close()

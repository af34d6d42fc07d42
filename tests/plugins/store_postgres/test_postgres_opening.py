"""What the PostgreSQL store refuses to open, and what it says about a server that it has opened."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterator

import pytest

from fabro_core.errors import StoreError, StoreMisconfigured, StoreUnavailable
from fabro_core.secret import Secret
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import batch, list_all, row, run_id
from fabro_store_postgres import PostgresRunStore, PostgresSettings
from fabro_store_postgres.dialing import Dial
from fabro_store_postgres.migrations import LAYOUT, Layout, Step, bring_up_to_date
from tests.plugins.store_postgres.server import Postgres, open_postgres, running
from tests.ports import free_port

pytestmark = pytest.mark.anyio

PASSWORD = "hunter2-hunter2"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running() as server:
        yield server


def settings(postgres: Postgres, schema: str) -> PostgresSettings:
    return PostgresSettings(url=postgres.url, schema=schema, timeout_seconds=2)


async def refusal(given: PostgresSettings) -> StoreError:
    """The error with which opening fails."""
    with pytest.raises(StoreError) as failed:
        async with opened(PostgresRunStore(given)):
            pass
    return failed.value


@pytest.mark.parametrize(
    ("option", "durable"),
    [
        ("synchronous_commit=on", True),
        ("synchronous_commit=local", True),
        ("synchronous_commit=off", False),
        ("fsync=off", False),
    ],
)
async def test_durable_is_what_the_server_does(option: str, durable: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with running(option) as server:
        async with open_postgres(server.url, "fabro") as store:
            info = store.info()
    assert info.durable is durable
    assert ("may lose acknowledged writes" in caplog.text) is not durable, "an operator is told, and what to do"
    assert option.replace("=", " ") in info.facts
    assert info.version.startswith("PostgreSQL ")
    assert (info.name, info.shared, info.wakeups) == ("postgres", True, True)


async def test_several_instances_make_the_tables_at_the_same_time(postgres: Postgres) -> None:
    stores = [PostgresRunStore(settings(postgres, "together")) for _ in range(8)]

    async def used(store: PostgresRunStore) -> int:
        async with store.lifespan():
            return (await list_all(store)).total

    assert await asyncio.gather(*map(used, stores)) == [0] * 8


async def test_a_schema_of_another_program_is_refused_and_left_alone(postgres: Postgres) -> None:
    await postgres.ask("CREATE SCHEMA theirs")
    await postgres.ask("CREATE TABLE theirs.runs (id int)")
    error = await refusal(settings(postgres, "theirs"))
    assert isinstance(error, StoreMisconfigured)
    assert "theirs belongs to another program; set another schema" in str(error)
    assert len(await postgres.ask("SELECT FROM pg_tables WHERE schemaname = 'theirs'")) == 1


async def test_data_of_a_newer_release_are_refused_and_left_alone(postgres: Postgres) -> None:
    async with open_postgres(postgres.url, "newer") as store:
        await store.append(batch(row(run_id(1))))
    await postgres.ask(f"UPDATE newer.layout SET version = {LAYOUT.version + 1}")
    error = await refusal(settings(postgres, "newer"))
    assert isinstance(error, StoreMisconfigured)
    assert "written by a newer release" in str(error)
    await postgres.ask(f"UPDATE newer.layout SET version = {LAYOUT.version}")
    async with open_postgres(postgres.url, "newer") as store:
        assert (await list_all(store)).total == 1


async def test_a_step_that_fails_leaves_everything_as_it_was(postgres: Postgres) -> None:
    async with open_postgres(postgres.url, "halfway"):
        pass
    steps = Step("rename and fail", ("ALTER TABLE blobs RENAME TO renamed", "SELECT 1 / 0"))
    connection = await Dial(settings(postgres, "halfway")).connect()
    try:
        with pytest.raises(Exception, match="division by zero"):
            await bring_up_to_date(connection, "halfway", Layout(LAYOUT.creation, (steps,)))
        assert await connection.fetchval("SELECT version FROM layout") == LAYOUT.version
        assert await connection.fetchval("SELECT count(*) FROM blobs") == 0
    finally:
        await connection.close()


async def test_older_data_are_brought_up_to_date_once_though_many_try(postgres: Postgres) -> None:
    async with open_postgres(postgres.url, "older"):
        pass
    layout = Layout(LAYOUT.creation, (Step("count how often", ("CREATE TABLE once (n int)",)),))

    async def migrate() -> list[str]:
        connection = await Dial(settings(postgres, "older")).connect()
        try:
            return list(await bring_up_to_date(connection, "older", layout))
        finally:
            await connection.close()

    done = await asyncio.gather(*(migrate() for _ in range(6)))
    assert sorted(done) == [[]] * 5 + [["count how often"]]


async def test_a_database_that_does_not_keep_every_text_is_refused(postgres: Postgres) -> None:
    await postgres.ask("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    error = await refusal(PostgresSettings(url=postgres.url_of("latin")))
    assert isinstance(error, StoreMisconfigured)
    assert "has the encoding LATIN1; make one with the encoding UTF8" in str(error)


async def test_a_database_that_does_not_exist_is_refused_with_the_way_out(postgres: Postgres) -> None:
    error = await refusal(PostgresSettings(url=postgres.url_of("nowhere")))
    assert isinstance(error, StoreMisconfigured)
    assert "has no database of this name; make it" in str(error)


async def test_a_server_that_is_not_there_is_named_with_the_cause() -> None:
    port = free_port()
    error = await refusal(PostgresSettings(url=f"postgresql://fabro@127.0.0.1:{port}/fabro"))
    assert isinstance(error, StoreUnavailable)
    assert str(error) == f"The PostgreSQL server at 127.0.0.1:{port} cannot answer: the connection is refused."


async def test_a_user_without_rights_is_told_which_it_needs(postgres: Postgres) -> None:
    await postgres.ask("CREATE ROLE guest LOGIN")
    url = postgres.url.replace("fabro@", "guest@", 1)
    error = await refusal(PostgresSettings(url=url, schema="forbidden"))
    assert isinstance(error, StoreMisconfigured)
    assert "grant it CREATE on the database" in str(error)


async def test_a_password_is_asked_for_and_told_to_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with running() as server:
        await server.ask(f"ALTER ROLE fabro PASSWORD '{PASSWORD}'")
        (server.data / "pg_hba.conf").write_text("local all all scram-sha-256\n")
        server.reload()
        right = PostgresSettings(url=server.url, password=Secret(PASSWORD))
        async with opened(PostgresRunStore(right)) as store:
            await store.ping()
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
        for wrong in (None, Secret(f"{PASSWORD}-wrong")):
            error = await refusal(PostgresSettings(url=server.url, password=wrong))
            assert isinstance(error, StoreMisconfigured), "one in the environment is not taken"
            assert "refuses the credentials" in str(error)
            assert "FABRO_POSTGRES_PASSWORD" in str(error)
            assert PASSWORD not in "".join(traceback.format_exception(error))
        assert PASSWORD not in repr(right) + repr(store) + caplog.text


async def test_what_opening_will_do_is_told_and_not_done(postgres: Postgres) -> None:
    store = PostgresRunStore(settings(postgres, "told"))
    assert list(await store.pending_migrations()) == list(await store.pending_migrations()) == [LAYOUT.creation.title]
    async with open_postgres(postgres.url, "told"):
        pass
    assert list(await store.pending_migrations()) == []

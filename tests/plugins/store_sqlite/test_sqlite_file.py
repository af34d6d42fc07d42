"""The SQLite store and its file: who may read it, what is refused and how, how it comes to the current layout."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fabro_core.errors import StoreMisconfigured
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import batch, row, run_id
from fabro_store_sqlite import SqliteRunStore
from fabro_store_sqlite.connections import Database
from fabro_store_sqlite.migrations import LAYOUT, Step, bring_up_to_date, pending

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fabro.db"


async def create(path: Path) -> None:
    async with opened(SqliteRunStore(path)) as store:
        await store.append(batch(row(run_id(1))))


def modes(directory: Path) -> dict[str, int]:
    """The permissions of every file in there."""
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}


def set_mode(path: Path, mode: int) -> None:
    path.chmod(mode)


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


async def refusal(path: Path) -> str:
    with pytest.raises(StoreMisconfigured) as refused:
        async with opened(SqliteRunStore(path)):
            pass
    return str(refused.value)


async def test_database_log_and_index_are_for_the_owner_only(path: Path) -> None:
    umask = os.umask(0)
    try:
        async with opened(SqliteRunStore(path)) as store:
            await store.append(batch(row(run_id(1))))
            found = modes(path.parent)
    finally:
        os.umask(umask)
    assert found == {"fabro.db": 0o600, "fabro.db-wal": 0o600, "fabro.db-shm": 0o600}


async def test_the_mode_of_an_existing_file_is_the_operators_choice(path: Path) -> None:
    await create(path)
    set_mode(path, 0o640)
    async with opened(SqliteRunStore(path)):
        assert modes(path.parent)[path.name] == 0o640


async def test_closing_leaves_nothing_but_the_database(path: Path) -> None:
    await create(path)
    assert list(modes(path.parent)) == ["fabro.db"]


# -- what only an operator can mend -------------------------------------------------------------------------------


async def test_a_newer_layout_is_refused_with_the_way_out(path: Path) -> None:
    await create(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {LAYOUT.version + 1}")
    message = await refusal(path)
    assert str(path) in message
    assert "Upgrade fabro-store-sqlite" in message


async def test_the_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE precious (x)")
    message = await refusal(path)
    assert str(path) in message
    assert "another program" in message
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("precious",)]


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    write(path, b"These are notes, not a database." * 400)
    message = await refusal(path)
    assert str(path) in message
    assert "not an SQLite database" in message


async def test_a_directory_is_refused(tmp_path: Path) -> None:
    message = await refusal(tmp_path)
    assert str(tmp_path) in message
    assert "directory" in message.lower()


async def test_a_missing_directory_is_refused_and_not_made(tmp_path: Path) -> None:
    message = await refusal(tmp_path / "absent" / "fabro.db")
    assert str(tmp_path / "absent") in message
    assert "create it" in message
    assert modes(tmp_path) == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_file_without_write_permission_is_refused(path: Path) -> None:
    await create(path)
    set_mode(path, 0o400)
    assert str(path) in await refusal(path)


async def test_a_path_with_characters_of_a_url_is_just_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a ?mode=memory#%20é.db"
    await create(path)
    assert list(modes(tmp_path)) == [path.name]


# -- layouts --------------------------------------------------------------------------------------------------------


async def test_asking_what_is_pending_on_a_new_path_writes_nothing(path: Path) -> None:
    assert await SqliteRunStore(path).pending_migrations() == [LAYOUT.creation.title]
    assert modes(path.parent) == {}


async def test_opening_makes_the_layout_once(path: Path) -> None:
    assert prepared(path) == [LAYOUT.creation.title]
    assert list(prepared(path)) == []
    assert list(await SqliteRunStore(path).pending_migrations()) == []


def prepared(path: Path) -> Sequence[str]:
    """What opening the file has done."""
    with closing(Database(path, busy_timeout_ms=5_000, pool_size=1)) as database:
        return database.prepare()


LATER = replace(
    LAYOUT,
    migrations=(
        *LAYOUT.migrations,
        Step("note colours", ("CREATE TABLE colours (name TEXT)", "INSERT INTO colours VALUES ('red')")),
        Step("forget colours", ("DROP TABLE colours", "CREATE TABLE shapes (name TEXT)")),
    ),
)


def tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


async def test_an_older_layout_is_led_to_the_newest_step_by_step(path: Path) -> None:
    await create(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert [step.title for step in pending(connection, path, LATER)] == ["note colours", "forget colours"]
        assert bring_up_to_date(connection, path, LATER) == ["note colours", "forget colours"]
        assert bring_up_to_date(connection, path, LATER) == ()
        assert connection.execute("PRAGMA user_version").fetchone() == (LATER.version,)
        assert "shapes" in tables(connection)
        assert "colours" not in tables(connection)
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,), "runs are still there"


async def test_a_migration_that_fails_half_way_changes_nothing(path: Path) -> None:
    await create(path)
    broken = replace(LATER, migrations=(*LATER.migrations[:-1], Step("break", ("CREATE TABLE x (y)", "no SQL at all"))))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError):
            bring_up_to_date(connection, path, broken)
        assert connection.execute("PRAGMA user_version").fetchone() == (LAYOUT.version,)
        assert not {"x", "colours"} & tables(connection)


async def test_instances_that_open_a_fresh_file_at_once_all_succeed(path: Path) -> None:
    plans = await asyncio.gather(*(asyncio.to_thread(prepared, path) for _ in range(6)))
    assert sorted(map(len, plans)) == [0, 0, 0, 0, 0, 1], "one of them makes the layout"


class Interrupted(sqlite3.Connection):
    """Something happens to the file before one of the statements."""

    def interrupt_before(self, before: int, happens: Callable[[], object]) -> None:
        self._left = before
        self._happens = happens

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._left = getattr(self, "_left", 0) - 1
        if self._left == 0:
            self._happens()
        return super().execute(*arguments)


@pytest.mark.parametrize("before", [1, 2, 3])
def test_a_file_that_gets_its_layout_while_it_is_judged_is_nobody_elses(path: Path, before: int) -> None:
    path.touch()
    with (
        closing(sqlite3.connect(path, isolation_level=None, factory=Interrupted)) as judging,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        judging.interrupt_before(before, lambda: bring_up_to_date(other, path))
        assert list(pending(judging, path)) in ([], [LAYOUT.creation])

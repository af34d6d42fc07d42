"""Files of older layouts: they keep what they hold, work like new ones, and survive an upgrade that is cut off."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from fabro_core.store import RunStore
from fabro_core.store.records import BlobDelete, FeedQuery
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import NOW_MS, batch, blob, event, ids, list_all, log_of, row, run_id
from fabro_store_sqlite import SqliteRunStore
from tests.plugins.store_sqlite.older_files import DELETED_CHANGE, definitions, write_layout_3

pytestmark = pytest.mark.anyio

FEED = [(run_id(2), 1), (run_id(2), 2), (run_id(3), 1), (run_id(3), 2), (run_id(2), 3)]
"""That of a file of layout 3, whose first run is older than the feed."""
UPGRADING = Path(__file__).with_name("upgrading_process.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fabro.db"


async def feed(store: RunStore, after: int = 0) -> list[tuple[str, int]]:
    page = await store.read_feed(FeedQuery(after=after, limit=100))
    return [(each.run_id, each.seq) for each in page.events]


async def position(store: RunStore) -> int:
    return (await store.read_feed(FeedQuery(after=None, limit=1))).position


async def assert_whole(store: RunStore) -> None:
    """The store has what a file of layout 3 holds."""
    assert sorted(ids(await list_all(store))) == [run_id(n) for n in (1, 2, 3)]
    assert [len(await log_of(store, run_id(n))) for n in (1, 2, 3)] == [2, 3, 2]
    assert (await log_of(store, run_id(2)))[2] == event(3, "stage:build@1", "session:s")
    assert await feed(store) == FEED


def upgrade_until(path: Path, before: str) -> int:
    """The exit status of a process that upgrades a file and is killed before a statement."""
    return subprocess.run([sys.executable, UPGRADING, path, before], check=False).returncode


async def test_an_upgraded_file_is_like_a_fresh_one(path: Path, tmp_path: Path) -> None:
    write_layout_3(path)
    fresh = tmp_path / "fresh.db"
    for each in (path, fresh):
        async with opened(SqliteRunStore(each)):
            pass
    assert definitions(path) == definitions(fresh)


async def test_an_upgrade_keeps_everything(path: Path) -> None:
    write_layout_3(path)
    async with opened(SqliteRunStore(path)) as store:
        await assert_whole(store)
        assert await store.append(batch(row(run_id(1), 3))) == 3
        assert await store.append(batch(row(run_id(5)))) == 1


async def test_runs_of_an_upgraded_file_are_found_by_their_facets_and_words(path: Path) -> None:
    run = {
        "title": "Ship the STRASSE ß",
        "created_by": {"login": "Ada", "identity": {"issuer": "https://idp", "subject": "7"}},
        "labels": {"team": "web", "a=b": "c"},
    }
    body = json.dumps(run).encode().hex()
    write_layout_3(
        path,
        f"UPDATE runs SET body = X'{body}', workflow = '[\"Release\",\"Release all\"]', workflow_key = 'release all',"
        f" automation_id = 'nightly', bucket = 7 WHERE id = '{run_id(2)}'",
        "INSERT INTO run_counts VALUES ('automation:nightly', 7, 1)",
    )
    async with opened(SqliteRunStore(path)) as store:
        for facet in (
            "automation:nightly",
            "workflow:release",
            "workflow:release all",
            "login:ada",
            "person:11:https://idp7",
            "labelled:team",
            "label:4:teamweb",
            "labelled:a=b",
            "label:3:a=bc",
        ):
            page = await list_all(store, facets=(facet,))
            assert (ids(page), page.total) == ([run_id(2)], 1), facet
        assert (await list_all(store, facets=("repo:acme/shop",))).total == 3
        assert ids(await list_all(store, facets=(f"parent:{run_id(1)}",))) == [run_id(3)]
        assert ids(await list_all(store, words=("strasse", "ss"))) == [run_id(2)]


async def test_an_upgraded_file_gives_no_place_in_the_feed_twice(path: Path) -> None:
    write_layout_3(path)
    async with opened(SqliteRunStore(path)) as store:
        assert await position(store) == DELETED_CHANGE
        await store.append(batch(row(run_id(3), 3)))
        assert await feed(store, after=DELETED_CHANGE) == [(run_id(3), 3)]


@pytest.mark.parametrize(
    "before",
    [
        "DROP INDEX runs_by_change",
        "ALTER TABLE runs",
        "ALTER TABLE change_counter",
        "INSERT INTO new_events",
        "DROP TABLE events",
        "ALTER TABLE new_events",
        "PRAGMA user_version =",
        "COMMIT",
    ],
)
async def test_an_upgrade_that_is_killed_begins_anew(path: Path, before: str) -> None:
    write_layout_3(path)
    steps = await SqliteRunStore(path).pending_migrations()
    assert steps
    assert upgrade_until(path, before) == -signal.SIGKILL
    assert await SqliteRunStore(path).pending_migrations() == steps, "nothing of it was done"
    async with opened(SqliteRunStore(path)) as store:
        await assert_whole(store)
        assert await position(store) == DELETED_CHANGE
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_file_without_a_feed_keeps_its_runs_and_gets_one(path: Path) -> None:
    write_layout_3(
        path,
        "DROP TABLE blob_puts",
        "DROP INDEX events_by_change",
        "ALTER TABLE events DROP COLUMN change_no",
        "PRAGMA user_version = 1",
    )
    async with opened(SqliteRunStore(path)) as store:
        before = await position(store)
        await store.append(batch(row(run_id(1), 3)))
        page = await store.read_feed(FeedQuery(after=before, limit=10))
        assert [(event.run_id, event.seq) for event in page.events] == [(run_id(1), 3)]
        assert [event.seq for event in await log_of(store, run_id(1))] == [1, 2, 3]


async def test_a_file_that_does_not_say_when_blobs_were_put_keeps_them_until_they_are_deleted(path: Path) -> None:
    old, wanted = blob(b"old"), blob(b"wanted")
    write_layout_3(
        path,
        *(f"INSERT INTO blobs VALUES ('{each.digest}', X'{each.body.hex()}')" for each in (old, wanted)),
        "DROP TABLE blob_puts",
        "PRAGMA user_version = 2",
    )
    async with opened(SqliteRunStore(path)) as store:
        await store.put_blob(blob(b"wanted"))
        assert await store.get_blob(old.digest) == b"old"
        deleted = [
            await store.delete_blob(BlobDelete(digest=each.digest, if_put_before_ms=NOW_MS)) for each in (old, wanted)
        ]
        assert deleted == [True, False]

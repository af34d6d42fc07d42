"""Files of a database that somebody moves, replaces or deletes while it is in use: nothing is acknowledged any more."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fabro_core.errors import StoreMisconfigured, StoreUnavailable
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import batch, row, run_id
from fabro_store_sqlite import SqliteRunStore
from tests.disks import Disk
from tests.disks import small_disk as small_disk  # a fixture

pytestmark = pytest.mark.anyio

A, B = run_id(1), run_id(2)


async def test_a_file_that_is_moved_away_and_back_is_used_again(tmp_path: Path) -> None:
    path = tmp_path / "fabro.db"
    async with opened(SqliteRunStore(path)) as store:
        await store.append(batch(row(A)))
        path.rename(tmp_path / "away")
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match=f"{path} was removed or replaced"):
                await store.append(batch(row(B)))
            with pytest.raises(StoreUnavailable, match="was removed or replaced"):
                await store.ping()
        (tmp_path / "away").rename(path)
        await store.ping()
        await store.append(batch(row(B)))
    async with opened(SqliteRunStore(path)) as store:
        assert await store.get_run(B) is not None


async def test_a_file_that_is_replaced_is_not_written_to(tmp_path: Path) -> None:
    path, backup = tmp_path / "fabro.db", tmp_path / "backup.db"
    async with opened(SqliteRunStore(backup)) as store:
        await store.append(batch(row(B)))
    async with opened(SqliteRunStore(path)) as store:
        await store.append(batch(row(A)))
        shutil.copy(backup, tmp_path / "copy.db")
        (tmp_path / "copy.db").rename(path)
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="was removed or replaced"):
                await store.append(batch(row(run_id(3))))
    assert path.read_bytes() == backup.read_bytes(), "not a byte of another file is touched"


async def test_without_its_write_ahead_log_nothing_is_acknowledged_until_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "fabro.db"
    async with opened(SqliteRunStore(path)) as store:
        await store.append(batch(row(A)))
        (tmp_path / "fabro.db-wal").unlink()
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match=r"fabro\.db-wal was removed while it was in use; restart"):
                await store.append(batch(row(B)))
    async with opened(SqliteRunStore(path)) as store:
        await store.append(batch(row(B, 1)))
        assert await store.get_run(A) is not None, "what was acknowledged before is there"


async def test_a_full_disk_is_named(small_disk: Disk) -> None:
    path = small_disk.path / "fabro.db"
    async with opened(SqliteRunStore(path)) as store:
        await store.append(batch(row(A)))
        large = batch(row(B, body=bytes(1_000_000)))
        with small_disk.full(os.getpid()), pytest.raises(StoreUnavailable, match=rf"{path} .*(disk is full|IOERR)"):
            await store.append(large)
        await store.append(large)
        assert await store.get_run(A) is not None


async def test_a_disk_that_is_read_only_is_a_fault_of_configuration(small_disk: Disk) -> None:
    path = small_disk.path / "fabro.db"
    async with opened(SqliteRunStore(path)) as store:
        await store.append(batch(row(A)))
    with small_disk.read_only(), pytest.raises(StoreMisconfigured, match=rf"{path} (is read-only|cannot be opened)"):
        async with opened(SqliteRunStore(path)):
            pass

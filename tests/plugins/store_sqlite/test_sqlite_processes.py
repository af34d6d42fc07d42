"""The SQLite store with real processes: one is killed while it writes, several write to one file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from fabro_core.testing.store import opened
from fabro_core.testing.store.case import list_all, log_of, run_id
from fabro_store_sqlite import SqliteRunStore

pytestmark = pytest.mark.anyio

SCRIPT = Path(__file__).with_name("appending_process.py")
WITHOUT_END = 1_000_000
DEADLINE_SECONDS = 60


def start(path: Path, *numbers: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(path), *map(str, numbers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def acknowledged(lines: Sequence[str]) -> dict[str, int]:
    """The newest acknowledged number of each run. The last line may be cut off."""
    newest: dict[str, int] = {}
    for line in lines:
        if line.endswith("\n"):
            id_, seq = line.split()
            newest[id_] = int(seq)
    return newest


def integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        return str(verdict)


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "fabro.db"
    with start(path, 1, 32, WITHOUT_END) as process:
        assert process.stdout is not None
        lines = list(islice(process.stdout, 500))
        process.kill()
        lines += process.stdout.readlines()
    newest = acknowledged(lines)
    assert len(newest) == 32, "the process was killed while all its runs were being written"
    async with opened(SqliteRunStore(path)) as store:
        for id_, seq in newest.items():
            log = await log_of(store, id_)
            assert len(log) >= seq, "what was acknowledged is there"
            assert [event.seq for event in log] == list(range(1, len(log) + 1)), "the sequence is dense"
            hit = await store.get_run(id_)
            assert hit is not None
            assert hit.seq == len(log), "row and log agree"
        assert (await list_all(store)).total == 32, "the counts agree"
    assert integrity(path) == "ok"


async def test_two_processes_may_append_to_one_fresh_file(tmp_path: Path) -> None:
    path = tmp_path / "fabro.db"
    with start(path, 1, 8, 25) as first, start(path, 101, 8, 25) as second:
        outputs = [process.communicate(timeout=DEADLINE_SECONDS) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    async with opened(SqliteRunStore(path)) as store:
        for number in (*range(1, 9), *range(101, 109)):
            log = await log_of(store, run_id(number))
            assert [event.seq for event in log] == list(range(1, 26))
        assert (await list_all(store)).total == 16
    assert integrity(path) == "ok"


async def test_opening_a_second_instance_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "fabro.db"
    async with opened(SqliteRunStore(path)) as first:
        async with opened(SqliteRunStore(path)):
            pass
        # Whoever closes a database as the last one removes its log: another process must see that it is not the last.
        with start(path, 1, 1, 1) as other:
            other.communicate(timeout=DEADLINE_SECONDS)
        assert exists(tmp_path / "fabro.db-wal")
        assert (await list_all(first)).total == 1


def exists(path: Path) -> bool:
    return path.exists()

"""Lock and record of the running server (server.md S20)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fabro_core.server.faults import AlreadyRunning
from fabro_core.server.record import Bind, RunDirectory, ServerRecord

RECORD = ServerRecord(
    pid=4711, bind=Bind(tcp="127.0.0.1:3000"), log_path=None, started_at=datetime(2026, 8, 1, 10, tzinfo=UTC)
)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path)


def test_a_record_counts_only_while_the_lock_is_held(directory: RunDirectory) -> None:
    with directory.locked():
        directory.publish(RECORD)
        assert directory.running() == RECORD

    assert directory.running() is None


def test_a_second_holder_is_refused_and_told_who_runs(directory: RunDirectory) -> None:
    with directory.locked():
        directory.publish(RECORD)
        with (
            pytest.raises(AlreadyRunning, match=r"^Server already running \(pid 4711\) on 127\.0\.0\.1:3000$"),
            directory.locked(),
        ):
            pass
        assert directory.running() == RECORD


def test_a_stale_record_is_removed_by_the_next_holder(directory: RunDirectory) -> None:
    directory.publish(RECORD)

    with directory.locked():
        assert not directory.record_path.exists()


def test_a_corrupt_record_is_replaced(directory: RunDirectory) -> None:
    directory.record_path.write_text("{")

    with directory.locked():
        directory.publish(RECORD)
        assert directory.running() == RECORD


def test_the_record_has_the_documented_form_and_is_private(directory: RunDirectory) -> None:
    directory.publish(RECORD)

    assert directory.record_path.read_text() == (
        '{"pid":4711,"bind":{"tcp":"127.0.0.1:3000"},"log_path":null,"started_at":"2026-08-01T10:00:00Z"}'
    )
    assert directory.record_path.stat().st_mode & 0o777 == 0o600


def test_nothing_runs_where_nothing_ever_ran(tmp_path: Path) -> None:
    assert RunDirectory(tmp_path / "nowhere").running() is None

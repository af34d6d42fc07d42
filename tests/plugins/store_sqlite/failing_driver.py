"""An SQLite driver that fails on demand, and stores that use it; other processes can open them as well."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from fabro_core.store.base import RunStore
from fabro_core.testing.store import opened
from fabro_store_sqlite import SqliteRunStore

DRIVER_TEXT = "disk I/O error at /secret/path"


class Faults:
    """What the driver shall raise, and at which statements; None: it works."""

    def __init__(self) -> None:
        self.error: type[sqlite3.Error] | None = None
        self.prefix = ""

    def strike(self, statement: str) -> None:
        if self.error is not None and statement.startswith(self.prefix):
            raise self.error(DRIVER_TEXT)

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Every statement fails while this is entered."""
        self.error = sqlite3.OperationalError
        try:
            yield
        finally:
            self.error = None


def open_sqlite(
    path: Path, faults: Faults, *, busy_timeout_ms: int = 5_000, store: type[SqliteRunStore] = SqliteRunStore
) -> AbstractAsyncContextManager[RunStore]:
    """A new instance on the file, whose driver obeys `faults`."""

    class FailingConnection(sqlite3.Connection):
        def execute(self, statement: str, *binds: Any) -> sqlite3.Cursor:
            faults.strike(statement)
            return super().execute(statement, *binds)

        def executemany(self, statement: str, *binds: Any) -> sqlite3.Cursor:
            faults.strike(statement)
            return super().executemany(statement, *binds)

    return opened(store(path, busy_timeout_ms=busy_timeout_ms, driver=FailingConnection))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else has the lock that writes need while this is entered."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")

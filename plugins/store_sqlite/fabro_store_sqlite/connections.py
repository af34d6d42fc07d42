"""Connections to the database file: how it is created, what every connection is set to, who holds one.

SQLAlchemy's pool makes and keeps the connections; statements go to the driver connection below, because the layers
above it cost several times what a page query does.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar, cast

from sqlalchemy import QueuePool, create_engine
from sqlalchemy.engine import Engine
from sqlalchemy.pool import PoolProxiedConnection

from fabro_core.store import StoreMisconfigured, StoreUnavailable
from fabro_store_sqlite.faults import DRIVER_FAULTS, READ_ONLY, cannot_open, is_lock
from fabro_store_sqlite.migrations import LAYOUT, bring_up_to_date, pending, titles

T = TypeVar("T")

PAGE_BYTES: Final = 8 * 1024
"""Of a new file: three runs a page, where SQLite's default of 4 KiB has room for one and leaves the rest empty."""
CACHE_KIB: Final = 8 * 1024
WAL_BYTES: Final = 32 * 1024 * 1024
"""The log is copied into the database when it has grown to this. SQLite's default is an eighth of it, which a hundred
new runs fill, and every copy is two more flushes to disk."""
CACHED_STATEMENTS: Final = 512
LOCK_PAUSE_SECONDS: Final = 0.01


class Database:
    """One database file. `pool_size` connections at most are open at a time."""

    def __init__(
        self, path: Path, *, busy_timeout_ms: int, pool_size: int, driver: type[sqlite3.Connection] = sqlite3.Connection
    ) -> None:
        self.path = path
        self._file: tuple[int, int] | None = None
        """Device and inode of the file, once it is known to be there."""
        self._log = path.with_name(f"{path.name}-wal")
        self._lost = False
        self._busy_timeout_ms = busy_timeout_ms
        self._driver = driver
        self._engine: Engine = create_engine(
            "sqlite://", creator=self._connect, poolclass=QueuePool, pool_size=pool_size, max_overflow=0
        )

    def prepare(self) -> Sequence[str]:
        """Create the file if need be and bring it to this version's layout; returns one line a step.

        Raises `StoreMisconfigured` for what only an operator can mend, `StoreUnavailable` for the rest.
        """
        try:
            self._create_file()
            self._require_writable()
            with self.connection() as connection:
                self._use_wal(connection)
                steps = bring_up_to_date(connection, self.path)
            self._file = _identity(self.path)
            return steps
        except DRIVER_FAULTS as fault:
            raise cannot_open(self.path, fault) from fault

    def plan(self) -> Sequence[str]:
        """What `prepare` would do, without doing it."""
        if not self.path.exists():
            self._require_directory()
            return titles([LAYOUT.creation])
        self._require_writable()
        try:
            with self.connection() as connection:
                return titles(pending(connection, self.path))
        except DRIVER_FAULTS as fault:
            raise cannot_open(self.path, fault) from fault

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for one task; waits for one that is free. A connection that failed is not used again."""
        pooled = self.take()
        try:
            yield driver_of(pooled)
        except BaseException:
            pooled.invalidate()
            raise
        finally:
            pooled.close()

    def take(self) -> PoolProxiedConnection:
        """A connection to keep; the caller closes it."""
        return self._engine.raw_connection()

    def require_files(self) -> None:
        """Return when database and write-ahead log are where they were, so that what is committed can be found there.

        For inside of a write transaction, when both exist. Raises `StoreUnavailable`.
        """
        self.require_file()
        if not self._log.exists():
            self._lost = True  # a new one would not fit what other connections know
            self.require_file()

    def close(self) -> None:
        """Close every connection that is not taken."""
        self._engine.dispose()

    def _create_file(self) -> None:
        # SQLite would create the file with the umask's mode; -wal and -shm inherit the mode that is set here. The file
        # is made under another name, because closing it under its own would release the locks of every connection
        # that this process has to it (POSIX).
        if self.path.exists():
            return
        self._require_directory()
        try:
            descriptor, draft = tempfile.mkstemp(prefix=f".{self.path.name}-", dir=self.path.parent)
            os.close(descriptor)
            try:
                with suppress(FileExistsError):
                    os.link(draft, self.path)
            finally:
                Path(draft).unlink()
        except OSError as fault:
            raise StoreMisconfigured(f"The database {self.path} cannot be created: {fault.strerror}.") from fault

    def _require_directory(self) -> None:
        directory = self.path.parent
        if self.path.is_symlink():
            raise StoreMisconfigured(f"The database {self.path} is a link to a file that does not exist.")
        if not directory.is_dir():
            raise StoreMisconfigured(
                f"The directory {directory} of the database does not exist; create it or set another path."
            )
        if not os.access(directory, os.W_OK | os.X_OK):
            raise StoreMisconfigured(f"The database {self.path} cannot be created: {directory} is not writable.")

    def _require_writable(self) -> None:
        """SQLite would open what can only be read, and fail with the first write."""
        for place in (self.path, self.path.parent):
            if os.access(place, os.R_OK) and not os.access(place, os.W_OK):
                raise StoreMisconfigured(f"The database {self.path} {READ_ONLY}.")

    def require_file(self) -> None:
        """Return when the database is the file that was opened. Raises `StoreUnavailable`."""
        if self._lost:
            raise StoreUnavailable(f"The file {self._log} was removed while it was in use; restart the server.")
        if self._file is not None and self._file != _identity(self.path):
            raise StoreUnavailable(
                f"The database {self.path} was removed or replaced while it was in use; put it back, or restart the "
                "server to use what is there now."
            )

    def _connect(self) -> sqlite3.Connection:
        self.require_file()
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=CACHED_STATEMENTS,
            factory=self._driver,
        )
        try:
            connection.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms}")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(f"PRAGMA cache_size = {-CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_BYTES // PAGE_BYTES}")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        # Connections that switch a fresh file at the same moment wait for each other until all of them time out. So
        # none of them waits here; each steps back and tries again.
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA busy_timeout = 0")
        deadline = time.monotonic() + self._busy_timeout_ms / 1000
        while True:
            try:
                (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
                break
            except sqlite3.OperationalError as fault:
                if not is_lock(fault) or time.monotonic() >= deadline:
                    raise
            time.sleep(LOCK_PAUSE_SECONDS)
        if mode != "wal":
            raise StoreMisconfigured(f"The file system of {self.path} has no write-ahead log; set another path.")
        connection.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms}")


class HeldConnection:
    """A connection that is kept between uses, opened when it is first needed and again after a fault."""

    def __init__(self, database: Database, *setup: str) -> None:
        self._database = database
        self._setup = setup
        self._pooled: PoolProxiedConnection | None = None
        self.connection: sqlite3.Connection | None = None
        """The connection, while there is one."""

    def get(self) -> sqlite3.Connection:
        """The connection; a new one when there is none, which may wait for a lock."""
        if self.connection is None:
            self._pooled = self._database.take()
            try:
                connection = driver_of(self._pooled)
                for statement in self._setup:
                    connection.execute(statement)
            except BaseException:
                self.drop()
                raise
            self.connection = connection
        return self.connection

    def drop(self) -> None:
        """Close the connection; whatever it was in the middle of is rolled back."""
        pooled, self._pooled, self.connection = self._pooled, None, None
        if pooled is not None:
            pooled.invalidate()
            pooled.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def driver_of(pooled: PoolProxiedConnection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", pooled.driver_connection)


def snapshot(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Run `work`, every statement of which sees the same state of the database."""
    connection.execute("BEGIN")
    result = work(connection)
    connection.execute("COMMIT")
    return result

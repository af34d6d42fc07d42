"""The lock and the record of a running server, in its storage root (server.md S20).

The lock is the truth: the record is live iff the lock is held, so a crash leaves nothing that must be cleaned by hand.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from errno import EISDIR
from pathlib import Path
from typing import Final

import msgspec

from fabro_core.config.env_file import replace_file
from fabro_core.config.model import Listen, TcpListen, UnixListen
from fabro_core.server.faults import AlreadyRunning, OperationFailed, looking_at, storing
from fabro_core.server.log_file import check_log

LOCK_WAIT_SECONDS: Final = 0.5
"""How long a start waits for the lock: `is_running` holds it for an instant, to find out."""


class Bind(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the server listens; exactly one is set."""

    unix: str | None = None
    tcp: str | None = None

    @property
    def address(self) -> str:
        """`unix:PATH` or `IP:port`."""
        return f"unix:{self.unix}" if self.unix is not None else self.tcp or ""

    @property
    def listen(self) -> Listen:
        """The listener's settings."""
        return UnixListen(path=Path(self.unix)) if self.unix is not None else TcpListen(address=self.tcp or "")


class Flags(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the command line said that started the server."""

    bind: bool = False
    """Where to listen."""
    web: bool | None = None
    workers: int = 1


class ServerRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `server.json` says about the running server."""

    pid: int
    bind: Bind
    log_path: str | None
    """None for a foreground server, which logs to its own stdout."""
    started_at: datetime
    flags: Flags | None = None
    """None when all was as the settings say."""


def bind_of(listen: Listen) -> Bind:
    """The record's form of a listener."""
    return Bind(unix=str(listen.path)) if isinstance(listen, UnixListen) else Bind(tcp=listen.address)


class RunDirectory:
    """The storage root, as the place of lock, record and log."""

    def __init__(self, storage_root: Path) -> None:
        self.record_path: Final = storage_root / "server.json"
        self.lock_path: Final = storage_root / "server.lock"
        self.log_path: Final = storage_root / "logs" / "server.log"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock; what an earlier server left is removed, and the own record at the end.

        Raises `AlreadyRunning`, or `StartupError` when nothing can be written here. The storage root must exist.
        """
        with storing(self.lock_path):
            descriptor = os.open(self.lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _acquired_in_time(descriptor):
                raise AlreadyRunning(self._already_running())
            with storing(self.record_path):
                self.record_path.unlink(missing_ok=True)
            try:
                yield
            finally:
                self.record_path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def check(self) -> None:
        """Find out whether a server could write here, without more than creating its lock and the directory of logs.

        Raises `StartupError`.
        """
        with storing(self.lock_path):
            os.close(os.open(self.lock_path, os.O_RDWR | os.O_CREAT, 0o600))
        with storing(self.record_path):
            if self.record_path.is_dir():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        check_log(self.log_path)

    def _already_running(self) -> str:
        record = self._recorded()
        if record is None:  # between its lock and its listener
            return "Server already running"
        return f"Server already running (pid {record.pid}) on {record.bind.address}"

    def publish(self, record: ServerRecord) -> None:
        """Write the record; only the holder of the lock may."""
        with storing(self.record_path):
            replace_file(self.record_path, msgspec.json.encode(record))

    def running(self) -> ServerRecord | None:
        """The record of the running server; None when none runs, or when it does not listen yet.

        Raises `OperationFailed` when that cannot be found out, as `settled` and `is_running` do.
        """
        return self._recorded() if self.is_running() else None

    def settled(self) -> ServerRecord | None:
        """The record of the running server; None when none runs. Raises `OperationFailed` in between."""
        if not self.is_running():
            return None
        record = self._recorded()
        if record is None:
            raise OperationFailed("the server is starting or stopping; try again")
        return record

    def is_running(self) -> bool:
        """Whether a server holds the lock."""
        with looking_at(self.lock_path):
            try:
                descriptor = os.open(self.lock_path, os.O_RDWR)
            except (FileNotFoundError, NotADirectoryError):
                return False
        try:
            return not _acquired(descriptor)
        finally:
            os.close(descriptor)

    def _recorded(self) -> ServerRecord | None:
        with looking_at(self.record_path):
            try:
                return msgspec.json.decode(self.record_path.read_bytes(), type=ServerRecord)
            except (FileNotFoundError, msgspec.DecodeError):
                return None


def _acquired_in_time(descriptor: int) -> bool:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while not _acquired(descriptor):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _acquired(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

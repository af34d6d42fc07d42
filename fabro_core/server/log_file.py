"""The log file of a background server: begun anew at every start, the previous one kept (server.md S20, S24)."""

from __future__ import annotations

import os
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from errno import EISDIR
from pathlib import Path
from typing import BinaryIO, Final

from fabro_core.config.directories import make_private_directory
from fabro_core.server.faults import OperationFailed, looking_at, storing

_CHUNK_BYTES: Final = 64 * 1024
_POLL_SECONDS: Final = 0.2


def open_log(path: Path) -> int:
    """Begin a new log of mode 0600 and return its descriptor; the previous log becomes `server.log.1`.

    Raises `StartupError`.
    """
    with storing(path):
        make_private_directory(path.parent)
        if path.exists():
            path.replace(_previous(path))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def check_log(path: Path) -> None:
    """Find out whether a log could be begun, without making what it is kept in. Raises `StartupError`."""
    with storing(path):
        if not path.parent.exists():
            with tempfile.TemporaryFile(dir=path.parent.parent):
                return
        make_private_directory(path.parent)
    for file in (path, _previous(path)):
        with storing(file):
            if file.is_dir():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
    with storing(path), tempfile.TemporaryFile(dir=path.parent):
        pass


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")


def last_lines(path: Path, count: int) -> list[str]:
    """The end of the log; empty when there is none."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, count)]
    except FileNotFoundError:
        return []


def read_log(path: Path) -> Iterator[bytes]:
    """The log in pieces. Raises `OperationFailed` when there is none, or none that can be read."""
    file = _opened(path)
    if file is None:
        raise _no_log(path)
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def follow_log(path: Path) -> Iterator[bytes]:
    """The log in pieces, for ever: waits for more, and goes on with the next server's log. Raises as `read_log`."""
    file = _opened(path)
    if file is None:
        raise _no_log(path)
    while True:
        if file is not None:
            yield from _until_replaced(path, file)
        else:  # between the two steps of `open_log`
            time.sleep(_POLL_SECONDS)
        file = _opened(path)


def _opened(path: Path) -> BinaryIO | None:
    """The log, or None when there is none. Raises `OperationFailed`."""
    with looking_at(path):
        try:
            return path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return None


def _until_replaced(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """One log to its end, which has come when another file has its name."""
    with file:
        inode = os.fstat(file.fileno()).st_ino
        while True:
            replaced = _inode(path) != inode
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
            if replaced:
                return
            time.sleep(_POLL_SECONDS)


def _inode(path: Path) -> int | None:
    """None when there is no such file."""
    with looking_at(path):
        try:
            return path.stat().st_ino
        except FileNotFoundError:
            return None


def _no_log(path: Path) -> OperationFailed:
    return OperationFailed(f"there is no log at {path}; a foreground server logs to its own stdout")

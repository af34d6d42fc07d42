"""The log file of a background server: begun anew at every start, the previous one kept (server.md S20, S24)."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fabro_core.config.directories import make_private_directory
from fabro_core.server.faults import OperationFailed

_CHUNK_BYTES: Final = 64 * 1024
_POLL_SECONDS: Final = 0.2


def open_log(path: Path) -> int:
    """Begin a new log of mode 0600 and return its descriptor; the previous log becomes `server.log.1`.

    Raises `OperationFailed`.
    """
    try:
        make_private_directory(path.parent)
        if path.exists():
            path.replace(path.with_name(f"{path.name}.1"))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise OperationFailed(f"cannot write the log {path}: {error.strerror}") from None


def last_lines(path: Path, count: int) -> list[str]:
    """The end of the log; empty when there is none."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, count)]
    except FileNotFoundError:
        return []


def read_log(path: Path) -> Iterator[bytes]:
    """The log in pieces. Raises `OperationFailed` when there is none."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except FileNotFoundError:
        raise _no_log(path) from None


def follow_log(path: Path) -> Iterator[bytes]:
    """The log in pieces, for ever: waits for more, and goes on with the next server's log."""
    if not path.exists():
        raise _no_log(path)
    while True:
        yield from _until_replaced(path)


def _until_replaced(path: Path) -> Iterator[bytes]:
    """One log to its end, which has come when another file has its name."""
    try:
        file = path.open("rb")
    except FileNotFoundError:  # between the two steps of `open_log`
        time.sleep(_POLL_SECONDS)
        return
    with file:
        inode = os.fstat(file.fileno()).st_ino
        while True:
            replaced = not path.exists() or path.stat().st_ino != inode
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
            if replaced:
                return
            time.sleep(_POLL_SECONDS)


def _no_log(path: Path) -> OperationFailed:
    return OperationFailed(f"there is no log at {path}; a foreground server logs to its own stdout")

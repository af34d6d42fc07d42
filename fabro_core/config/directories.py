"""Directories that only their owner may enter (server.md S1, S20), and that one process at a time may change."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def make_private_directory(directory: Path) -> bool:
    """Create the directory, and every missing one above it, with mode 0700; False when it was there.

    Raises `OSError` when that is not possible, also when something else has the name.
    """
    if directory.is_dir():
        return False
    if directory.parent != directory:
        make_private_directory(directory.parent)
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        if not directory.is_dir():  # otherwise another process was faster
            raise
        return False
    return True


@contextmanager
def exclusively(directory: Path) -> Iterator[None]:
    """Hold the directory's lock, waiting for it. Raises `OSError` when there is no such directory."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

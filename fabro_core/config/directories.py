"""Directories that only their owner may enter (server.md S1, S20)."""

from __future__ import annotations

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

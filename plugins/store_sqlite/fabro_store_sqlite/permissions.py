"""Who may read the files of the database: what it holds is the server's own business (server.md S20)."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def open_to_others(database: Path) -> Sequence[Path]:
    """The database, its log and its index, as far as others than their owner may read or write them."""
    files = (database, *(database.with_name(f"{database.name}-{part}") for part in ("wal", "shm")))
    return [file for file in files if _mode(file) & _OTHERS]


def _mode(file: Path) -> int:
    try:
        return file.stat().st_mode
    except FileNotFoundError:
        return 0

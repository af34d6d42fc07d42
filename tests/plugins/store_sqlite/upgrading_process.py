"""A process that brings a database up to date and is killed (SIGKILL) right before a statement.

python upgrading_process.py <database> <beginning of the statement>
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

from fabro_store_sqlite.connections import Database


class Killed(sqlite3.Connection):
    """Kills its process before a statement."""

    before: str

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if sql.startswith(self.before):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().execute(sql, *arguments)


if __name__ == "__main__":
    Killed.before = sys.argv[2]
    Database(Path(sys.argv[1]), busy_timeout_ms=1_000, pool_size=1, driver=Killed).prepare()

"""Database files as older releases wrote them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_LAYOUT_3 = Path(__file__).with_name("layout_3.sql")

DELETED_CHANGE = 8
"""The newest change number in a file of layout 3; its event is deleted."""


def write_layout_3(path: Path, *then: str) -> None:
    """A file of layout 3, changed by further statements; its content: see `layout_3.sql`."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(_LAYOUT_3.read_text(encoding="utf-8"))
        for statement in then:
            connection.execute(statement)


def definitions(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """What each table and index of a file consists of, however its definition is written."""
    with closing(sqlite3.connect(path)) as connection:
        objects = connection.execute("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").fetchall()
        return {
            name: connection.execute(f"PRAGMA {type_}_xinfo('{name}')").fetchall() for type_, name in sorted(objects)
        }

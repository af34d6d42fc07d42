"""From whatever a file holds to the layout of this version, in one transaction.

A fresh file gets the tables of `schema` as they are now; an older one is led to them step by step. A step that was
released never changes: a new layout changes `schema` and adds the step that leads there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import ClauseElement
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from fabro_core.store import StoreMisconfigured
from fabro_store_sqlite import older_runs, schema

APPLICATION_ID = 0x46414252
"""`FABR`: marks the file as this program's, so that nobody else's database is ever written to."""


@dataclass(frozen=True, slots=True)
class Step:
    """Statements and the line that tells an operator what they do."""

    title: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file has to look like. Its version is kept in `PRAGMA user_version`; 0 is an empty file."""

    creation: Step
    """Makes the newest version in an empty file."""
    migrations: tuple[Step, ...] = ()
    """The first leads from version 1 to 2, and so on."""

    @property
    def version(self) -> int:
        return 1 + len(self.migrations)


def _creation() -> Step:
    dialect = sqlite.dialect()
    tables = schema.METADATA.sorted_tables
    indexes = [index for table in tables for index in sorted(table.indexes, key=lambda index: str(index.name))]
    definitions: list[ClauseElement] = [*map(CreateTable, tables), *map(CreateIndex, indexes)]
    statements = [str(definition.compile(dialect=dialect)).strip() for definition in definitions]
    return Step("create runs, logs, blobs and documents", (*statements, "INSERT INTO deleted_changes VALUES (0)"))


LAYOUT = Layout(
    _creation(),
    migrations=(
        Step(
            "give every new event its place among the events of all runs",
            (
                "ALTER TABLE events ADD COLUMN change_no INTEGER",
                "CREATE UNIQUE INDEX events_by_change ON events (change_no) WHERE change_no IS NOT NULL",
            ),
        ),
        Step(
            "note when each blob was stored",
            (
                "CREATE TABLE blob_puts (digest TEXT NOT NULL, put_ms INTEGER NOT NULL, PRIMARY KEY (digest))"
                " WITHOUT ROWID",
                "INSERT INTO blob_puts SELECT digest, 0 FROM blobs",
            ),
        ),
        Step(
            "learn of new events from the events alone",
            (
                "DROP INDEX runs_by_change",
                "ALTER TABLE runs DROP COLUMN change_no",
                "ALTER TABLE change_counter RENAME TO deleted_changes",
            ),
        ),
        Step("find runs by their facets and the words of their titles", older_runs.STATEMENTS),
        Step(
            "copy all events into a table of another kind",
            (
                "CREATE TABLE new_events (event INTEGER NOT NULL, kind TEXT NOT NULL, tags TEXT, body BLOB NOT NULL,"
                " change_no INTEGER, PRIMARY KEY (event))",
                "INSERT INTO new_events SELECT run * 16777216 + seq, kind, tags, body, change_no FROM events"
                " ORDER BY run, seq",
                "DROP TABLE events",
                "ALTER TABLE new_events RENAME TO events",
                "CREATE UNIQUE INDEX events_by_change ON events (change_no) WHERE change_no IS NOT NULL",
            ),
        ),
    ),
)


_WHOSE_FILE: Final = """
    SELECT (SELECT user_version FROM pragma_user_version),
           (SELECT application_id FROM pragma_application_id),
           (SELECT count(*) FROM sqlite_schema)
"""
"""In one statement, hence of one state: another process may be creating the layout."""


def pending(connection: sqlite3.Connection, path: Path, layout: Layout = LAYOUT) -> Sequence[Step]:
    """The steps the file still needs; writes nothing.

    Raises `StoreMisconfigured` for a file of a newer version or of another program.
    """
    version, application, objects = connection.execute(_WHOSE_FILE).fetchone()
    if application != APPLICATION_ID:
        if version or application or objects:
            raise StoreMisconfigured(f"The database {path} belongs to another program; set another path.")
        return [layout.creation]
    if version > layout.version:
        raise StoreMisconfigured(
            f"The database {path} has layout {version}, written by a newer release; this one knows layouts up to "
            f"{layout.version}. Upgrade fabro-store-sqlite, or set another path."
        )
    return layout.migrations[version - 1 :]


def bring_up_to_date(connection: sqlite3.Connection, path: Path, layout: Layout = LAYOUT) -> Sequence[str]:
    """Apply what is pending, all or nothing; returns one line a step. Safe while other processes do the same."""
    if not pending(connection, path, layout):
        return ()
    connection.create_function("casefold", 1, str.casefold, deterministic=True)
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again: another process may have finished the work while this one waited for the lock.
        steps = pending(connection, path, layout)
        for step in steps:
            for statement in step.statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {layout.version}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return titles(steps)


def titles(steps: Sequence[Step]) -> Sequence[str]:
    """One line a step, for operators."""
    return [step.title for step in steps]

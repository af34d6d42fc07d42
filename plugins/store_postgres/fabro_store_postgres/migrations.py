"""From whatever a schema holds to the layout of this version, in one transaction, while nobody writes.

A fresh schema gets the tables of `schema` as they are now; an older one is led to them step by step. A step that was
released never changes: a new layout changes `schema` and adds the step that leads there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ClauseElement
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateSequence, CreateTable

from fabro_core.store import StoreMisconfigured
from fabro_store_postgres import schema
from fabro_store_postgres.connections import lock_of
from fabro_store_postgres.dialing import Connection


@dataclass(frozen=True, slots=True)
class Step:
    """Statements and the line that tells an operator what they do."""

    title: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a schema has to look like."""

    creation: Step
    """Makes the newest version in an empty schema."""
    migrations: tuple[Step, ...] = ()
    """The first leads from version 1 to 2, and so on."""

    @property
    def version(self) -> int:
        return 1 + len(self.migrations)


def _creation() -> Step:
    tables = schema.METADATA.sorted_tables
    indexes = [index for table in tables for index in sorted(table.indexes, key=lambda index: str(index.name))]
    definitions: list[ClauseElement] = [
        CreateSequence(schema.REVISIONS),
        *map(CreateTable, tables),
        *map(CreateIndex, indexes),
    ]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    made = tuple(str(definition.compile(dialect=dialect)).strip() for definition in definitions)
    return Step(
        "create runs, logs, blobs and documents",
        (*made, *schema.STORAGE, "INSERT INTO positions VALUES (0)", "INSERT INTO layout VALUES (0)"),
    )


LAYOUT: Final = Layout(_creation())


async def pending(connection: Connection, name: str, layout: Layout = LAYOUT) -> Sequence[Step]:
    """The steps that the schema of this name still needs; writes nothing.

    Raises `StoreMisconfigured` for a schema of a newer version or of another program.
    """
    tables = await connection.fetch(
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = $1", name
    )
    names = {table["relname"] for table in tables}
    if not names:
        return [layout.creation]
    if schema.LAYOUT.name not in names or schema.POSITIONS.name not in names:
        raise StoreMisconfigured(f"The schema {name} belongs to another program; set another schema.")
    version = await connection.fetchval("SELECT version FROM layout")
    if version > layout.version:
        raise StoreMisconfigured(
            f"The schema {name} has layout {version}, written by a newer release; this one knows layouts up to "
            f"{layout.version}. Upgrade fabro-store-postgres, or set another schema."
        )
    return layout.migrations[version - 1 :]


async def bring_up_to_date(connection: Connection, name: str, layout: Layout = LAYOUT) -> Sequence[str]:
    """Apply what is pending, all or nothing; returns one line a step. Safe while other processes do the same."""
    if not await pending(connection, name, layout):
        return ()
    async with connection.transaction():
        # However long it takes: what is given up halfway is begun anew by whoever comes next.
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
        await connection.execute(f"SELECT pg_advisory_xact_lock({lock_of(name)})")
        # Asked again: another process may have finished the work while this one waited for the lock.
        steps = await pending(connection, name, layout)
        if steps:
            if not await connection.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = $1", name):
                await connection.execute(f'CREATE SCHEMA "{name}"')
            for step in steps:
                for statement in step.statements:
                    await connection.execute(statement)
            await connection.execute("UPDATE layout SET version = $1", layout.version)
    return titles(steps)


def titles(steps: Sequence[Step]) -> Sequence[str]:
    """One line a step, for operators."""
    return [step.title for step in steps]

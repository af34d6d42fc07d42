"""What is asked of the server before it is used: is it one that can keep runs, and how safely does it keep them?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fabro_core.store import StoreMisconfigured
from fabro_store_postgres.dialing import Connection, Dial
from fabro_store_postgres.faults import DRIVER_FAULTS, cannot_open
from fabro_store_postgres.migrations import bring_up_to_date, pending, titles

OLDEST_VERSION: Final = 14

_FLUSHES: Final = frozenset({"on", "local", "remote_write", "remote_apply"})
"""Values of `synchronous_commit` with which a commit waits for the disk."""


@dataclass(frozen=True, slots=True)
class Server:
    """What the server says about itself."""

    version: str
    durable: bool
    """It flushes every commit to disk before it answers."""
    facts: tuple[str, ...] = ()
    """How it keeps data, as its own settings say it."""


async def inspect(dial: Dial) -> Server:
    """Look at the server. Raises `StoreMisconfigured`, `StoreUnavailable`."""
    async with _connected(dial) as connection:
        return await _inspected(connection)


async def prepare(dial: Dial) -> tuple[Server, Sequence[str]]:
    """Look at the server, and bring the data to this version's layout; also returns one line a step of that.

    Raises `StoreMisconfigured`, `StoreUnavailable`.
    """
    async with _connected(dial) as connection:
        server = await _inspected(connection)
        return server, await bring_up_to_date(connection, dial.schema)


async def plan(dial: Dial) -> Sequence[str]:
    """The steps that `prepare` would take. Raises `StoreMisconfigured`, `StoreUnavailable`."""
    async with _connected(dial) as connection:
        await _inspected(connection)
        return titles(await pending(connection, dial.schema))


@asynccontextmanager
async def _connected(dial: Dial) -> AsyncIterator[Connection]:
    try:
        connection = await dial.connect()
        try:
            yield connection
        finally:
            connection.terminate()
    except DRIVER_FAULTS as fault:
        raise cannot_open(dial.server, fault) from fault


async def _inspected(connection: Connection) -> Server:
    ((version, number, encoding, fsync, commit),) = await connection.fetch(
        "SELECT current_setting('server_version'), current_setting('server_version_num')::int,"
        " pg_encoding_to_char(encoding), current_setting('fsync'), current_setting('synchronous_commit')"
        " FROM pg_database WHERE datname = current_database()"
    )
    if number < OLDEST_VERSION * 10_000:
        raise StoreMisconfigured(f"The PostgreSQL server has version {version}; {OLDEST_VERSION} or newer is needed.")
    if encoding != "UTF8":
        raise StoreMisconfigured(f"The database has the encoding {encoding}; make one with the encoding UTF8.")
    return Server(
        version=f"PostgreSQL {version.partition(' ')[0]}",
        durable=fsync == "on" and commit in _FLUSHES,
        facts=(f"fsync {fsync}", f"synchronous_commit {commit}"),
    )

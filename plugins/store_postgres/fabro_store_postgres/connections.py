"""Connections to the server, each used by one who asks at a time, and the transactions in which everything is written.

A question whose connection turns out to be lost is asked once more, and so is the beginning of a transaction, as
nothing has happened by then. Nothing else is tried again: a write may have taken effect. A connection on which
something went wrong, or whose user gave up, is closed at once, which the server takes for the end of what it was doing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any, Final

import asyncpg

from fabro_core.store import FENCE_COLLECTION, FENCE_KEY, StoreError, StoreFenced
from fabro_store_postgres.compiling import Statement
from fabro_store_postgres.dialing import Connection, Dial
from fabro_store_postgres.faults import DRIVER_FAULTS, is_lost, is_read_only, unavailable

Rows = Sequence[Any]


class Turn(Enum):
    """Who may write at the same time as a transaction."""

    ANY = "any"
    """Others, of this and of other processes; the rows that are written keep them apart."""
    RUNS = "runs"
    """Nobody who writes runs, so that positions become readable in their order."""
    FENCE = "fence"
    """Nobody: it puts up the fence or lifts it, and may therefore pass it."""


class Transaction:
    """A connection inside an open transaction."""

    def __init__(self, connection: Connection, timeout_seconds: float) -> None:
        self._connection = connection
        self._timeout_seconds = timeout_seconds

    async def rows(self, statement: Statement, binds: Mapping[str, Any]) -> Rows:
        """What a statement answers. Raises faults of the driver."""
        arguments = statement.arguments(binds)
        return await self._connection.fetch(statement.text, *arguments, timeout=self._timeout_seconds)

    async def lengthen(self, seconds: int) -> None:
        """Let each statement take so long from here on."""
        self._timeout_seconds = seconds
        await self._connection.execute(f"SET LOCAL statement_timeout = '{seconds}s'", timeout=seconds)


class Connections:
    """At most `most` connections at a time. Lives on one event loop; `close` ends it for good."""

    def __init__(self, dial: Dial, most: int) -> None:
        self._dial = dial
        self._turns = asyncio.Semaphore(most)
        self._idle: list[Connection] = []
        self._used: set[Connection] = set()
        self._closed = False
        self._openings = _openings(dial.schema)

    async def rows(self, statement: Statement, binds: Mapping[str, Any]) -> Rows:
        """What a statement answers that changes nothing. Raises `StoreUnavailable`."""
        arguments = statement.arguments(binds)
        try:
            connection, is_fresh = await self._take()
            try:
                return await self._ask(connection, statement.text, arguments)
            except DRIVER_FAULTS as fault:
                if is_fresh or not is_lost(fault):
                    raise
            connection, _ = await self._take(fresh=True)
            return await self._ask(connection, statement.text, arguments)
        except DRIVER_FAULTS as fault:
            raise unavailable(self._dial.server, fault) from fault

    async def _ask(self, connection: Connection, text: str, arguments: Sequence[Any]) -> Rows:
        sound = False
        try:
            rows: Rows = await connection.fetch(text, *arguments, timeout=self._dial.timeout_seconds)
            sound = True
        finally:
            self._give_back(connection, sound=sound)
        return rows

    @asynccontextmanager
    async def transaction(self, turn: Turn = Turn.ANY) -> AsyncIterator[Transaction]:
        """Whatever is written inside is committed at the end, or nothing of it.

        Raises `StoreFenced`, or `StoreUnavailable`, after which it may have been committed only when the commit itself
        was under way.
        """
        sound = False
        try:
            connection = await self._begin(turn)
            try:
                try:
                    yield Transaction(connection, self._dial.timeout_seconds)
                except StoreError:  # a refusal
                    await connection.execute("ROLLBACK", timeout=self._dial.timeout_seconds)
                    sound = True
                    raise
                await connection.execute("COMMIT", timeout=self._dial.timeout_seconds)
                sound = True
            finally:
                self._give_back(connection, sound=sound)
        except DRIVER_FAULTS as fault:
            if is_read_only(fault):
                self._forget_idle()
            raise unavailable(self._dial.server, fault) from fault

    async def _begin(self, turn: Turn) -> Connection:
        connection, is_fresh = await self._take()
        try:
            return await self._opened(connection, turn)
        except DRIVER_FAULTS as fault:
            if is_fresh or not is_lost(fault):
                raise
        connection, _ = await self._take(fresh=True)
        return await self._opened(connection, turn)

    async def _opened(self, connection: Connection, turn: Turn) -> Connection:
        sound = False
        try:
            status = await connection.execute(self._openings[turn], timeout=self._dial.timeout_seconds)
            if status != _NOT_FENCED:
                await connection.execute("ROLLBACK", timeout=self._dial.timeout_seconds)
                self._give_back(connection, sound=True)
                raise StoreFenced
            sound = True
            return connection
        finally:
            if not sound and connection in self._used:
                self._give_back(connection, sound=False)

    async def _take(self, *, fresh: bool = False) -> tuple[Connection, bool]:
        """A connection, and whether it is new. `fresh`: those that were made earlier are not trusted any more."""
        async with asyncio.timeout(self._dial.timeout_seconds):
            await self._turns.acquire()
        try:
            if self._closed:
                raise asyncpg.InterfaceError("closed")
            if fresh:
                self._forget_idle()
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    self._used.add(connection)
                    return connection, False
            connection = await self._dial.connect()
            self._used.add(connection)
            return connection, True
        except BaseException:
            self._turns.release()
            raise

    def _give_back(self, connection: Connection, *, sound: bool) -> None:
        self._used.discard(connection)
        self._turns.release()
        if sound and not self._closed and not connection.is_closed():
            self._idle.append(connection)
        else:
            connection.terminate()

    def _forget_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.terminate()

    def close(self) -> None:
        """Close all connections, without asking the server."""
        self._closed = True
        self._forget_idle()
        for connection in tuple(self._used):
            connection.terminate()


_NOT_FENCED: Final = "SELECT 0"
"""What the driver says of the last statement of an opening, which looks for the fence."""


def lock_of(schema: str) -> int:
    """The number of the lock that all who write to the schema share, and who fences or migrates it has alone."""
    return int.from_bytes(hashlib.sha256(f"fabro:{schema}".encode()).digest()[:8], signed=True)


def _openings(schema: str) -> Mapping[Turn, str]:
    """What begins a transaction, in one go. Each statement sees what was committed before it began: the fence is looked
    for after whoever puts it up has been waited for."""
    key = lock_of(schema)
    share = f"SELECT pg_advisory_xact_lock_shared({key})"
    look_for_fence = f"SELECT FROM documents WHERE collection_id = '{FENCE_COLLECTION}' AND key_id = '{FENCE_KEY}'"
    return {
        Turn.ANY: "; ".join(("BEGIN", share, look_for_fence)),
        Turn.RUNS: "; ".join(("BEGIN", share, "SELECT newest FROM positions FOR UPDATE", look_for_fence)),
        Turn.FENCE: "; ".join(("BEGIN", f"SELECT pg_advisory_xact_lock({key})", "SELECT WHERE false")),
    }

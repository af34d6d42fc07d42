"""Hints about appends: at once for this instance's own, over a channel of the database for those of others.

A hint tells who has appended, and which runs up to which sequence number. The server passes it on after the commit.
What is told while nobody listens is lost, which hints may be.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from fabro_core.store import StoreUnavailable, Wakeup, WakeupHub
from fabro_store_postgres.dialing import Connection, Dial
from fabro_store_postgres.faults import DRIVER_FAULTS, unavailable

PAUSE_SECONDS: Final = 0.2
"""Between two attempts to listen again."""

ASK_SECONDS: Final = 1.0
"""How often a listener asks whether the server is still there: nothing may come from it because nothing happens."""

RUNS_A_LINE: Final = 150
"""The server takes 8,000 bytes a line."""

_LINE: Final = re.compile(r"(?P<sender>[0-9a-f]+)(?P<runs>( [0-9]{1,19}:[0-9A-Z]+)+)")
"""Other lines are not ours: a channel is open to whoever may speak to the database."""


class Hints:
    """Feeds `watch()` of one instance. Lives on one event loop."""

    def __init__(self, dial: Dial, logger: logging.Logger, *, returned: Callable[[], Awaitable[None]]) -> None:
        """`returned` is called when a lost listener is back, maybe at another server; it raises `StoreUnavailable`."""
        self._dial = dial
        self._logger = logger
        self._returned = returned
        self._connection: Connection | None = None
        self._lost = asyncio.Event()
        self._hub = WakeupHub()
        self._own = secrets.token_hex(8)
        self.channel: Final = f"{dial.schema}_appends"

    def lines(self, wakeups: Sequence[Wakeup]) -> list[str]:
        """What is told to others of own appends."""
        return list(self._lines(wakeups))

    def _lines(self, wakeups: Sequence[Wakeup]) -> Iterator[str]:
        for first in range(0, len(wakeups), RUNS_A_LINE):
            told = " ".join(f"{each.seq}:{each.run_id}" for each in wakeups[first : first + RUNS_A_LINE])
            yield f"{self._own} {told}"

    def announce(self, wakeups: Sequence[Wakeup]) -> None:
        """Hand out the hints of own appends that have been committed."""
        self._hub.announce(wakeups)

    def watch(self) -> AsyncIterator[Wakeup]:
        return self._hub.watch()

    async def listen(self) -> None:
        """Be told of every append from now on. Raises `StoreUnavailable`."""
        self._lost.clear()
        try:
            connection = await self._dial.connect()
            try:
                async with asyncio.timeout(self._dial.timeout_seconds):
                    await connection.add_listener(self.channel, self._receive)
                connection.add_termination_listener(self._on_loss)
            except BaseException:
                connection.terminate()
                raise
        except DRIVER_FAULTS as fault:
            raise unavailable(self._dial.server, fault) from fault
        self._connection = connection

    def _on_loss(self, _: object) -> None:
        self._lost.set()

    def _receive(self, _: object, __: int, ___: str, line: Any) -> None:
        told = _LINE.fullmatch(str(line))
        if told is None or told["sender"] == self._own:
            return
        parts = (each.split(":") for each in told["runs"].split())
        self._hub.announce([Wakeup(run_id=run_id, seq=int(seq)) for seq, run_id in parts])

    async def follow_others(self) -> None:
        """Notice when the listener is lost, and listen again, until cancelled."""
        while True:
            try:
                await self._until_lost()
            except DRIVER_FAULTS as fault:
                self._logger.warning(
                    "the channel of appends is lost and will be listened to again: %s",
                    unavailable(self._dial.server, fault),
                )
            await self._listen_again()

    async def _until_lost(self) -> None:
        connection = self._connection
        while connection is not None:
            with suppress(asyncio.TimeoutError):
                async with asyncio.timeout(ASK_SECONDS):
                    await self._lost.wait()
            await connection.execute("SELECT", timeout=self._dial.timeout_seconds)

    async def _listen_again(self) -> None:
        while True:
            self._hang_up()
            await asyncio.sleep(PAUSE_SECONDS)
            with suppress(StoreUnavailable):
                await self.listen()
                await self._returned()
                return

    def close(self) -> None:
        """End every watch, and listen no more."""
        self._hub.close()
        self._hang_up()

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

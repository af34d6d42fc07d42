"""Hints about appends: at once for this instance's own, over a channel of the server for those of others.

A hint is one line, "INSTANCE SEQ RUN". What is published while the channel is lost is lost as well, which hints may be.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from typing import Final

from redis.exceptions import TimeoutError as NoAnswer

from fabro_core.errors import StoreUnavailable
from fabro_core.store.records import Wakeup
from fabro_core.store.wakeups import WakeupHub
from fabro_store_redis.connections import Connections
from fabro_store_redis.faults import DRIVER_FAULTS, unavailable

PAUSE_SECONDS: Final = 0.2
"""Between two attempts to get the channel back."""


class Changes:
    """Feeds `watch()` of one instance. Lives on one event loop."""

    def __init__(self, connections: Connections, channel: str, logger: logging.Logger) -> None:
        self._connection = connections.another()
        self._channel = channel
        self._logger = logger
        self._hub = WakeupHub()
        self._own = secrets.token_hex(8)

    def hint(self, run_id: str, seq: int) -> str:
        """The line to publish with an own append."""
        return f"{self._own} {seq} {run_id}"

    def announce(self, run_id: str, seq: int) -> None:
        """Hand out the hint of an own append that has been acknowledged."""
        self._hub.announce([Wakeup(run_id=run_id, seq=seq)])

    def watch(self) -> AsyncIterator[Wakeup]:
        return self._hub.watch()

    async def subscribe(self) -> None:
        """Be told of every append from now on. Raises `StoreUnavailable`."""
        try:
            await self._connection.connect()
            await self._connection.send_command("SUBSCRIBE", self._channel)
            await self._connection.read_response()
        except DRIVER_FAULTS as fault:
            raise unavailable() from fault

    async def follow_others(self) -> None:
        """Announce what is published, until cancelled. A channel that is lost is subscribed to again."""
        while True:
            try:
                await self._listen()
            except DRIVER_FAULTS as fault:
                self._logger.warning("the channel of appends is lost and will be subscribed to again: %s", fault)
            await self._subscribe_again()

    async def _listen(self) -> None:
        while True:
            try:
                message = await self._connection.read_response(disconnect_on_error=False)
            except NoAnswer:
                # A line that is quiet for the timeout of an answer may be a cut one.
                await self._connection.send_command("PING")
                message = await self._connection.read_response()
            if message[0] == b"message":
                self._receive(message[2].decode())

    def _receive(self, line: str) -> None:
        sender, seq, run_id = line.split(" ", 2)
        if sender != self._own:
            self.announce(run_id, int(seq))

    async def _subscribe_again(self) -> None:
        while True:
            await self._connection.disconnect(nowait=True)
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                return await self.subscribe()
            except StoreUnavailable:
                continue

    async def close(self) -> None:
        """End every watch, and leave the channel."""
        self._hub.close()
        await self._connection.disconnect(nowait=True)

"""Hints about appends: at once for this instance's own, over a channel of the server for those of others.

A hint is one line, "INSTANCE SEQ RUN". What is published while the channel is lost is lost as well, which hints may be.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final

from redis.exceptions import TimeoutError as NoAnswer

from fabro_core.store import StoreUnavailable, Wakeup, WakeupHub
from fabro_store_redis.connections import Connections
from fabro_store_redis.faults import DRIVER_FAULTS, NoPrimary, unavailable
from fabro_store_redis.link import Link

PAUSE_SECONDS: Final = 0.2
"""Between two attempts to get the channel back."""

_HINT: Final = re.compile(rb"(?P<sender>[0-9a-f]+) (?P<seq>[0-9]{1,19}) (?P<run_id>[0-9A-Z]+)")
"""Other lines are not ours: a channel is open to whoever may speak to the server."""


class Hints:
    """Feeds `watch()` of one instance. Lives on one event loop."""

    def __init__(
        self, connections: Connections, channel: str, logger: logging.Logger, *, returned: Callable[[], Awaitable[None]]
    ) -> None:
        """`returned` is called when a lost channel is back, maybe at another server; it raises `StoreUnavailable` when
        that is lost as well."""
        self._connections = connections
        self._returned = returned
        self._moves = 0
        self._link: Link | None = None
        self._closed = False
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
            self._moves = self._connections.moves
            self._link = await self._connections.dial.link()
            await self._link.send(("SUBSCRIBE", self._channel))
            await self._link.answer()
        except DRIVER_FAULTS as fault:
            raise unavailable(self._connections.dial.server, fault) from fault

    async def follow_others(self) -> None:
        """Announce what is published, until cancelled. A channel that is lost is subscribed to again."""
        while not self._closed:  # the driver may lose a cancellation
            try:
                if self._link is not None:
                    await self._listen(self._link)
            except DRIVER_FAULTS as fault:
                self._logger.warning("the channel of appends is lost and will be subscribed to again: %s", fault)
            await self._subscribe_again()

    async def _listen(self, link: Link) -> None:
        while not self._closed:
            try:
                message = await link.message()
            except NoAnswer:
                # A line that is quiet for the timeout of an answer may be a cut one.
                await link.send(("PING",))
                message = await link.answer()
            if self._moves != self._connections.moves:
                raise NoPrimary from None
            if message[0] == b"message":
                self._receive(message[2])

    def _receive(self, line: bytes) -> None:
        hint = _HINT.fullmatch(line)
        if hint is None or hint["sender"].decode() == self._own:
            return
        self.announce(hint["run_id"].decode(), int(hint["seq"]))

    async def _subscribe_again(self) -> None:
        while not self._closed:
            await self._hang_up()
            await asyncio.sleep(PAUSE_SECONDS)
            with suppress(StoreUnavailable):
                await self.subscribe()
                await self._returned()
                return

    def end(self) -> None:
        """Follow nobody any more. Before `follow_others` is cancelled: the driver may lose a cancellation."""
        self._closed = True

    async def close(self) -> None:
        """End every watch, and leave the channel."""
        self.end()
        self._hub.close()
        await self._hang_up()

    async def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

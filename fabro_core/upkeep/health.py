"""What `/health` and `/health/ready` report: kept by a background check, so asking never waits for the store.

A store that answers and takes no writes is no store to work with: its disk is full, its file read-only, its server a
replica. So the check writes as well, now and then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from fabro_core.causes import BrokenPromise, errors_of_stores, told
from fabro_core.clock import Clock, epoch_ms
from fabro_core.errors import StoreError, StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.store.presence import Presence

CHECK_INTERVAL_SECONDS: Final = 5
CHECK_TIMEOUT_SECONDS: Final = 5
WRITE_INTERVAL_SECONDS: Final = 30
"""Between two writes of the check while everything works."""
LEAVE_SECONDS: Final = 1

log = logging.getLogger("fabro.health")


class StoreHealth:
    """Whether the store answers and takes writes, checked every few seconds and at once after a failed call
    (server.md S7). The log has a line when that ends, with the cause, and one when it is so again."""

    def __init__(self, store: RunStore, clock: Clock) -> None:
        self._store = store
        self.presence: Final = Presence(store)
        """What is written."""
        self._clock = clock
        self._suspected = asyncio.Event()
        self._write_at = 0.0
        self.available = True

    def suspect(self, fault: StoreUnavailable) -> None:
        """A call has failed: report the store as unavailable until a check succeeds."""
        self._found(told(fault))
        self._suspected.set()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Check at once, and in the background for the length of the context."""
        self._suspected = asyncio.Event()  # the last one belongs to the event loop it was waited for on
        await self.check()
        checks = asyncio.create_task(self._check_for_ever(), name="fabro store health")
        try:
            yield
        finally:
            checks.cancel()
            await asyncio.gather(checks, return_exceptions=True)
            if self.available:
                await self._take_leave()

    async def _check_for_ever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(CHECK_INTERVAL_SECONDS if self.available else 1):
                    await self._suspected.wait()
                self._suspected.clear()
            except TimeoutError:
                pass
            await self.check()

    async def check(self) -> None:
        """Ask now, and write when it is time to."""
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                with errors_of_stores():
                    await self._store.ping()
                    if time.monotonic() >= self._write_at:
                        await self.presence.say_so(epoch_ms(self._clock.now()))
                        self._write_at = time.monotonic() + WRITE_INTERVAL_SECONDS
        except BrokenPromise as fault:
            if not self.available:  # for its author, whatever else was wrong before
                log.error("the store is unavailable: %s", told(fault))
            self._found(told(fault))
        except StoreError as fault:
            self._found(told(fault))
        except TimeoutError:
            self._found(f"It has not answered within {CHECK_TIMEOUT_SECONDS} s.")
        else:
            self._found(None)

    async def _take_leave(self) -> None:
        """Nobody has to wait until this process is not believed to be there any more. A stop does not wait long."""
        with suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self.presence.take_back(epoch_ms(self._clock.now()))

    def _found(self, fault: str | None) -> None:
        """The store works, or has a fault."""
        was_available, self.available = self.available, fault is None
        if fault is not None:
            self._write_at = 0.0
            if was_available:
                log.error("the store is unavailable: %s", fault)
        elif not was_available:
            log.warning("the store is available again")

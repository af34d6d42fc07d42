"""What `/health` and `/health/ready` report: kept by a background check, so asking never waits for the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fabro_core.errors import StoreUnavailable
from fabro_core.store.base import RunStore

CHECK_INTERVAL_SECONDS = 5
CHECK_TIMEOUT_SECONDS = 5

log = logging.getLogger("fabro.health")


class StoreHealth:
    """Whether the store answers, checked every few seconds and at once after a failed call (server.md S7)."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._suspected = asyncio.Event()
        self.available = True

    def suspect(self) -> None:
        """A call has failed: report the store as unavailable until a check succeeds."""
        self.available = False
        self._suspected.set()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Check in the background for the length of the context."""
        self._suspected = asyncio.Event()  # the last one belongs to the event loop it was waited for on
        checks = asyncio.create_task(self._check_for_ever(), name="fabro store health")
        try:
            yield
        finally:
            checks.cancel()
            await asyncio.gather(checks, return_exceptions=True)

    async def _check_for_ever(self) -> None:
        while True:
            await self._check()
            try:
                async with asyncio.timeout(CHECK_INTERVAL_SECONDS if self.available else 1):
                    await self._suspected.wait()
                self._suspected.clear()
            except TimeoutError:
                pass

    async def _check(self) -> None:
        was_available = self.available
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                await self._store.ping()
            self.available = True
        except (StoreUnavailable, TimeoutError):
            self.available = False
        except Exception:
            log.exception("the store broke its promise to raise nothing but StoreUnavailable")
            self.available = False
        if self.available != was_available:
            log.log(
                logging.INFO if self.available else logging.WARNING,
                "the store is %s",
                "available again" if self.available else "unavailable",
            )

"""Removes what has expired from the store, in the background. Nothing waits for it: expired is absent anyway."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fabro_core.causes import told
from fabro_core.clock import Clock, epoch_ms
from fabro_core.errors import StoreUnavailable
from fabro_core.store.base import RunStore

INTERVAL_SECONDS: Final = 600

log = logging.getLogger("fabro.store")


class Housekeeping:
    """Purges one store now and then. Several servers on one store may do so at the same time."""

    def __init__(self, store: RunStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Keep house for the length of the context, beginning at once."""
        keeping = asyncio.create_task(self._keep_for_ever(), name="fabro housekeeping")
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def purge(self) -> None:
        """Remove what has expired; a store that does not answer is left for the next time."""
        try:
            removed = await self._store.purge(epoch_ms(self._clock.now()))
        except StoreUnavailable as fault:
            log.warning("expired documents stay for now, the store is unavailable: %s", told(fault))
            return
        except Exception:  # or nothing would be purged any more, and nobody would know
            log.exception("expired documents stay for now: the store failed in a way that stores must not")
            return
        if removed:
            log.debug("%s expired documents removed", removed)

    async def _keep_for_ever(self) -> None:
        while True:
            await self.purge()
            await asyncio.sleep(INTERVAL_SECONDS)

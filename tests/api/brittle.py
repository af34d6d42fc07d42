"""A store whose engine can be taken away, call by call."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from fabro_core.errors import StoreUnavailable
from fabro_core.hooks import PLUGIN_API, hookimpl
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore

EVERYTHING = frozenset(RunStore.__abstractmethods__) - {"info", "lifespan", "watch"}
"""Every call that a store answers."""

DRIVER_TEXT = "disk I/O error in /srv/fabro/fabro.db near SELECT"


class BrittleStore(MemoryRunStore):
    """Keeps its runs in memory; the methods named in `failing` raise what a store may raise."""

    failing: frozenset[str] = frozenset()
    failure: Exception = StoreUnavailable(DRIVER_TEXT)

    def __init__(self) -> None:
        super().__init__(MemoryData(), name="brittle")
        self.answered = asyncio.Event()
        """A ping has succeeded."""
        self.refused = asyncio.Event()
        """A call has failed."""

    async def ping(self) -> None:
        await super().ping()
        self.answered.set()

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        return self._fail if name in EVERYTHING and name in self.failing else found

    async def _fail(self, *_: object) -> None:
        self.refused.set()
        raise self.failure


def plugin_of(store: RunStore) -> InlinePlugin:
    """A plugin that hands out `store`; its settings key is `brittle`."""

    @hookimpl
    def fabro_run_store() -> RunStore:
        return store

    target = SimpleNamespace(FABRO_PLUGIN_API=PLUGIN_API, fabro_run_store=fabro_run_store)
    return InlinePlugin(group=Group.STORE, name="brittle", target=target)

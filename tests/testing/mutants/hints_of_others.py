"""Hints about the appends of other instances: too early, too late, or not any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar
from weakref import WeakSet

from msgspec.structs import replace

from fabro_core.errors import StoreUnavailable
from fabro_core.store import records
from fabro_core.store.wakeups import WakeupHub
from fabro_core.testing.store.hinting import HintConformance
from fabro_store_sqlite import SqliteRunStore
from fabro_store_sqlite.changes import newest_change
from tests.testing.bugs import breaks
from tests.testing.mutants.hints import naming_the_first


@breaks("what a hint names is readable", found_by=HintConformance)
class AnnouncesBeforeItCommits(SqliteRunStore):
    """Tells the other instances of this process of an append, then writes it."""

    _hubs: ClassVar[WeakSet[WakeupHub]] = WeakSet()

    async def append(self, batch: records.AppendBatch, /) -> int:
        for hub in self._hubs:
            hub.announce([records.Wakeup(run_id=batch.run_id, seq=batch.row.seq)])
        return await super().append(batch)

    def watch(self) -> AsyncIterator[records.Wakeup]:
        hub = self._open().hints._hub
        self._hubs.add(hub)
        return hub.watch()


@breaks("what a hint names is readable", found_by=HintConformance)
class AnnouncesTheNext(SqliteRunStore):
    """Names the sequence number that the next append will have."""

    def watch(self) -> AsyncIterator[records.Wakeup]:
        return self._told(super().watch())

    async def _told(self, hints: AsyncIterator[records.Wakeup]) -> AsyncIterator[records.Wakeup]:
        async for hint in hints:
            yield replace(hint, seq=hint.seq + 1)


@breaks("every append is announced", found_by=HintConformance)
class HearsItselfAlone(SqliteRunStore):
    """Says that it announces what others append."""

    def watch(self) -> AsyncIterator[records.Wakeup]:
        async def never(*_: object) -> None:
            return None

        self._open().hints._look = never  # type: ignore[method-assign]  # that is the bug
        return super().watch()


@breaks("a hint about another instance comes within 1 s", found_by=HintConformance)
class LooksSeldom(SqliteRunStore):
    """Looks for the appends of others every two and a half seconds."""

    def watch(self) -> AsyncIterator[records.Wakeup]:
        looking = self._open().hints
        look = looking._look

        async def seldom() -> None:
            await asyncio.sleep(2.5)
            await look()

        looking._look = seldom  # type: ignore[method-assign]  # that is the bug
        return super().watch()


@breaks("every append is announced", found_by=HintConformance)
class AnnouncesOnlyMore(SqliteRunStore):
    """Remembers how far a run was announced, also when it is another run by now."""

    def watch(self) -> AsyncIterator[records.Wakeup]:
        return self._told(super().watch())

    async def _told(self, hints: AsyncIterator[records.Wakeup]) -> AsyncIterator[records.Wakeup]:
        announced: dict[str, int] = {}
        async for hint in hints:
            if hint.seq > announced.get(hint.run_id, 0):
                announced[hint.run_id] = hint.seq
                yield hint


@breaks("every append is announced", found_by=HintConformance)
class AnnouncesARunOnce(SqliteRunStore):
    """Announces a run, and not that it goes on."""

    def watch(self) -> AsyncIterator[records.Wakeup]:
        return self._told(super().watch())

    async def _told(self, hints: AsyncIterator[records.Wakeup]) -> AsyncIterator[records.Wakeup]:
        announced = set()
        async for hint in hints:
            if hint.run_id not in announced:
                announced.add(hint.run_id)
                yield hint


@breaks("every append is announced", found_by=HintConformance)
class AnnouncesTheFirstOfABatch(SqliteRunStore):
    """Names the first event of those that came at once."""

    def watch(self) -> AsyncIterator[records.Wakeup]:
        return naming_the_first(super().watch())


@breaks("who watches again is told of others again", found_by=HintConformance)
class WatchedOnce(SqliteRunStore):
    """Has nothing to tell to whoever watches after another."""

    _watched = False

    def watch(self) -> AsyncIterator[records.Wakeup]:
        if self._watched:
            return WakeupHub().watch()
        self._watched = True
        return super().watch()


@breaks("after a fault of the driver others are heard again", found_by=HintConformance)
class DeafAfterAFault(SqliteRunStore):
    """Stops listening at the first fault of the driver."""

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        async with super().lifespan():
            looking = self._open().hints
            look = looking._look

            async def until_a_fault() -> None:
                try:
                    await look()
                except StoreUnavailable:
                    await asyncio.Event().wait()

            looking._look = until_a_fault  # type: ignore[method-assign]  # that is the bug
            yield


@breaks("own appends and those of others are announced side by side", found_by=HintConformance)
class PassesOverOthers(SqliteRunStore):
    """Takes its own newest append for the newest that there was to announce."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        opened = self._open()
        opened.hints._seen = await opened.readers.statement(newest_change)
        return seq


@breaks("every append is announced", found_by=HintConformance)
class LosesWhatIsMany(SqliteRunStore):
    """Announces the newest run of those that came since it looked last."""

    def watch(self) -> AsyncIterator[records.Wakeup]:
        hub = self._open().hints._hub
        announce = hub.announce

        def the_last(wakeups: object) -> None:
            announce(list(wakeups)[-1:])  # type: ignore[call-overload]  # an iterable

        hub.announce = the_last  # type: ignore[method-assign]  # that is the bug
        return super().watch()

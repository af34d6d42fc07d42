"""Schedules: every due time makes one run, on whatever server notices it first (resources.md X10).

A server looks several times a minute for what has become due since its last look. Whoever notices claims the due time
in the store, by compare-and-set, and makes the run; so it is made once, however many servers there are. What no server
noticed while it was due is not made up for: nobody knows whether it is still wanted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from typing import Final, NamedTuple

import msgspec
from cronsim import CronSim

from fabro_core.automation.starting import AutomationRuns
from fabro_core.causes import told
from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents
from fabro_core.errors import Refusal, StoreUnavailable
from fabro_core.models.principal import PrincipalSystem, RunProvenance, RunServerProvenance
from fabro_core.resources.automations import Automation, Automations, ScheduleTrigger
from fabro_core.store.base import RunStore
from fabro_core.store.records import ABSENT

LOOK_SECONDS: Final = 15

NOTICED: Final = timedelta(minutes=1)
"""How long ago something may have become due that is noticed now, as when the machine has slept."""

CLAIMED: Final = timedelta(hours=1)
"""How long a claim is kept: longer than clocks of servers differ."""

AT_ONCE: Final = 8
"""How many runs one server makes at the same time."""

STOP_SECONDS: Final = 5
"""What those that are being made get to be there when the server stops."""

ENGINE: Final = PrincipalSystem(system_kind="engine")

log = logging.getLogger("fabro.automations")


class Claim(msgspec.Struct, frozen=True):
    """Somebody makes the run of a due time."""


class Due(NamedTuple):
    """A time at which an automation is to be run."""

    automation: Automation
    trigger_id: str
    at: datetime

    @property
    def key(self) -> str:
        """The same on every server."""
        return f"{self.automation.id}/{self.trigger_id}/{self.at:%Y%m%dT%H%M}"


class Schedules:
    """The schedules of one server's automations."""

    def __init__(
        self, store: RunStore, clock: Clock, automations: Automations, runs: AutomationRuns, *, version: str
    ) -> None:
        self._clock = clock
        self._automations = automations
        self._runs = runs
        self._claims = Documents(store, clock, "automation_claims", Claim, expires=lambda _, now: now + CLAIMED)
        self._provenance = RunProvenance(server=RunServerProvenance(version=version), subject=ENGINE)
        self._since = clock.now()
        self._next: dict[str, datetime | None] = {}
        """When each expression is due after `_since`."""
        self._order = SystemRandom()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Look for the length of the context, unless nothing could be run. Only what becomes due from now on counts."""
        self._since, self._next = self._clock.now(), {}
        self._room = asyncio.Semaphore(AT_ONCE)
        looking = asyncio.create_task(self._look_for_ever(), name="fabro schedules") if self._runs.has_source else None
        try:
            yield
        finally:
            if looking is not None:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)
            await self._finish()

    async def look(self) -> None:
        """Begin to make the runs of everything that has become due since the last look."""
        try:
            automations = await self._automations.all()
        except StoreUnavailable as fault:
            log.warning("schedules cannot be looked at, the store is unavailable: %s", told(fault))
            return
        now = self._clock.now()
        since = min(max(self._since, now - NOTICED), now)
        found = await asyncio.to_thread(self._due, automations, since, now)
        self._since = now
        self._order.shuffle(found)  # so that servers that notice the same do not meet at each of it
        for due in found:
            task = asyncio.create_task(self._make(due), name=f"fabro automation {due.key}")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def settled(self) -> None:
        """Wait until what was begun is done."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _due(self, automations: Iterable[Automation], since: datetime, now: datetime) -> list[Due]:
        """What became due after `since`. When an expression is due next is worked out once: for some, such as the 29th
        of February, that is a walk through years."""
        known, self._next = self._next, {}
        found = []
        for automation, trigger in _schedules(automations):
            times = _times(trigger.expression, since, now, known, self._next)
            found += [Due(automation, trigger.id, at) for at in times]
        return found

    async def _make(self, due: Due) -> None:
        async with self._room:
            try:
                if not await self._claims.put(due.key, Claim(), if_revision=ABSENT):
                    return
                run = await self._runs.create(due.automation, due.trigger_id, provenance=self._provenance)
                await self._runs.start(run, provenance=self._provenance)
            except Refusal as refusal:
                text = "the automation %s was due at %s and not run: %s"
                log.warning(text, due.automation.id, due.at, refusal.detail)
            except StoreUnavailable as fault:
                text = "the automation %s was due at %s and not run, the store is unavailable: %s"
                log.warning(text, due.automation.id, due.at, told(fault))
            except Exception:
                log.exception("the automation %s was due at %s and not run", due.automation.id, due.at)

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Exception:
                log.exception("schedules cannot be looked at")

    async def _finish(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self.settled()
        left = list(self._under_way)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _schedules(automations: Iterable[Automation]) -> Iterator[tuple[Automation, ScheduleTrigger]]:
    for automation in automations:
        for trigger in automation.triggers:
            if isinstance(trigger, ScheduleTrigger) and trigger.enabled:
                yield automation, trigger


def _times(
    expression: str,
    since: datetime,
    now: datetime,
    known: Mapping[str, datetime | None],
    coming: dict[str, datetime | None],
) -> list[datetime]:
    """When an expression was due after `since` and until `now`. What is `coming` after that is noted."""
    if expression in known:
        upcoming = known[expression]
        if upcoming is None or now < upcoming:
            coming[expression] = upcoming
            return []
    walk = CronSim(expression, since.astimezone(UTC))
    times = []
    coming[expression] = at = next(walk, None)
    while at is not None and at <= now:
        times.append(at)
        coming[expression] = at = next(walk, None)
    return times

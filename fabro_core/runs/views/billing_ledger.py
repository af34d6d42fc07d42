"""The bill of all runs (events.md E11), kept in memory and brought up to date from the feed when it is asked for.

A store sums nothing up, so the first question reads every run once. Later ones read what the feed says has changed
since; what they cost does not depend on how many runs there are. A run that was deleted leaves no event, but makes
the number of stored runs differ from the number of known ones; only then all ids are listed again.
"""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

import msgspec

from fabro_core.models.instant import Instant, ms_of_instant
from fabro_core.models.run_billing import AggregateBilling
from fabro_core.runs.fold.stage_table import Stage
from fabro_core.runs.views.billing import Contribution, Tally, contribution
from fabro_core.runs.views.listing import EVERYTHING
from fabro_core.store.base import RunStore
from fabro_core.store.pages import run_ids
from fabro_core.store.records import FeedQuery, RunQuery

_PAGE_EVENTS = 1000
_PAGE_BYTES = 2 * 1024 * 1024
_TURN = "bill"


class _Billed(msgspec.Struct, frozen=True, kw_only=True):
    """What a bill needs of a stored projection; the rest is not decoded."""

    last_event_at: Instant
    completed_at: Instant | None = None
    checkpoints: list[msgspec.Raw] = []
    stages: dict[str, Stage] = {}


class BillingLedger:
    """What each stored run contributes. Durations of open stages are as of their runs' newest events."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One lock, for as long as somebody holds it or waits: a lock that lived on would belong to one event loop."""
        self._position: int | None = None
        """In the feed, up to which everything has been taken in; None: nothing has been read yet."""
        self._known: dict[str, Contribution | None] = {}
        """Of every stored run, by its id; None for one that has neither checkpoint nor conclusion."""
        self._tally = Tally()

    async def bill(self) -> AggregateBilling:
        """The bill of all stored runs that have a checkpoint or a conclusion. Raises `StoreUnavailable`."""
        turn = self._turns.setdefault(_TURN, asyncio.Lock())
        async with turn:
            # Counted first: what is created afterwards can then not stand in for what was deleted before.
            stored = await self._stored()
            if self._position is None or not await self._follow(self._position):
                await self._begin()
            if stored != len(self._known):
                await self._reconcile()
            return self._tally.answer()

    async def _begin(self) -> None:
        """Read every run. What changes meanwhile comes with the feed the next time."""
        self._position = None
        present = await self._store.read_feed(FeedQuery(limit=1, after=None))
        async for ids in run_ids(self._store):
            for run_id in ids:
                await self._take_in(run_id)
        self._position = present.position

    async def _follow(self, position: int) -> bool:
        """Read the runs that have changed since `position`; False when the store does not remember that far."""
        while True:
            page = await self._store.read_feed(FeedQuery(limit=_PAGE_EVENTS, max_bytes=_PAGE_BYTES, after=position))
            if page.gap:
                return False
            for run_id in dict.fromkeys(event.run_id for event in page.events):
                await self._take_in(run_id)
            self._position = position = page.position
            if not page.has_more:
                return True

    async def _take_in(self, run_id: str) -> None:
        """Put the run's present contribution in the place of what was known of it; others get their turn first."""
        await asyncio.sleep(0)
        hit = await self._store.get_run(run_id)
        self._forget(run_id)
        if hit is None:
            return
        run = msgspec.json.decode(hit.state, type=_Billed)
        if run.completed_at is None and not run.checkpoints:
            self._known[run_id] = None
            return
        contributed = contribution(run.stages, ms_of_instant(run.last_event_at))
        self._known[run_id] = contributed
        self._tally.add(contributed)

    def _forget(self, run_id: str) -> None:
        contributed = self._known.pop(run_id, None)
        if contributed is not None:
            self._tally.remove(contributed)

    async def _reconcile(self) -> None:
        """Forget what is no longer stored."""
        gone = set(self._known)
        async for ids in run_ids(self._store):
            gone.difference_update(ids)
            await asyncio.sleep(0)
        for run_id in gone:
            self._forget(run_id)

    async def _stored(self) -> int:
        """How many runs the store has."""
        page = await self._store.list_runs(RunQuery(buckets=EVERYTHING, limit=1, now_ms=0))
        return page.total

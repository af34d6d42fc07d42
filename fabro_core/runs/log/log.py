"""Writing to a run's log: read, decide, fold, append; again when another writer was first (runs.md R1.7)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar
from weakref import WeakValueDictionary

import msgspec

from fabro_core.clock import Clock
from fabro_core.errors import Conflict, NotFound, RunArchived, SeqConflict
from fabro_core.models.ids import RunId
from fabro_core.models.principal import Principal
from fabro_core.runs.fold.projection import Projection, fold
from fabro_core.runs.fold.wire import row_of
from fabro_core.runs.log.entry import Change, Entry, own_entry
from fabro_core.store.base import RunStore
from fabro_core.store.records import AppendBatch, Blob, StoredRun

Result = TypeVar("Result")

MAX_APPEND_ATTEMPTS = 32
"""How often a change is decided anew because another writer was first, before it is a conflict."""

MAX_EVENTS: Final = 999_999
"""How many events a run's log holds (events.md E2)."""
_ALWAYS_HAS_ROOM = "run.removing"

Decision = Callable[[Projection], Sequence[Change]]
"""Looks at a run and returns the events to append, none for no change; raises a `Refusal` when it must not happen."""


class Outcome(msgspec.Struct, frozen=True):
    """A run after a change was asked for."""

    hit: StoredRun
    changed: bool
    """False: the run was as asked for already, and nothing was written."""
    before: Projection
    """The run that the decision was taken on."""


class RunLog:
    """The only writer of runs."""

    def __init__(self, store: RunStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def create(
        self, run_id: RunId, changes: Sequence[Change], *, actor: Principal, now: datetime, blobs: tuple[Blob, ...]
    ) -> StoredRun:
        """Start the log of a new run, and store what it refers to in the same step; `now` is the instant in its id."""
        return await self.create_with([own_entry(change, run_id, actor=actor, now=now) for change in changes], blobs)

    async def create_with(self, entries: Sequence[Entry], blobs: tuple[Blob, ...]) -> StoredRun:
        """The same with entries that are written already, `run.created` first."""
        await self._append(None, entries, blobs)
        return await self.get(RunId(entries[0].event.run_id))

    async def change(self, run_id: RunId, decide: Decision, *, actor: Principal) -> Outcome:
        """Append what `decide` asks for in one batch.

        Raises `NotFound` for an unknown run, whatever `decide` raises, and `Conflict` when other writers were
        first too often.
        """

        async def attempt(hit: StoredRun, run: Projection) -> Outcome:
            now = self._clock.now()
            entries = [own_entry(change, run_id, actor=actor, now=now) for change in decide(run)]
            if not entries:
                return Outcome(hit, changed=False, before=run)
            await self._append(run, entries)
            return Outcome(await self.get(run_id), changed=True, before=run)

        return await self._in_turn(run_id, attempt)

    async def submit(self, run_id: RunId, entry: Entry) -> int:
        """Append an event that a client wrote, and return its sequence number.

        Raises `NotFound` for an unknown run, and `Conflict` when the run is archived, its state forbids the event,
        its log is full, or other writers were first too often (events.md E3).
        """

        async def attempt(hit: StoredRun, run: Projection) -> int:
            if run.archived:
                raise RunArchived
            return await self._append(run, [entry])

        return await self._in_turn(run_id, attempt)

    async def get(self, run_id: RunId) -> StoredRun:
        """The stored run. Raises `NotFound`."""
        hit = await self._store.get_run(run_id)
        if hit is None:
            raise NotFound(f"Run {run_id} not found.")
        return hit

    async def _in_turn(self, run_id: RunId, attempt: Callable[[StoredRun, Projection], Awaitable[Result]]) -> Result:
        """Attempt a write on what is stored, again and again while others are first.

        Writers of this process take turns, so that only those of other processes are ever in the way.
        """
        turn = self._turns.setdefault(run_id, asyncio.Lock())
        async with turn:
            for _ in range(MAX_APPEND_ATTEMPTS):
                hit = await self.get(run_id)
                try:
                    return await attempt(hit, msgspec.json.decode(hit.state, type=Projection))
                except SeqConflict:
                    continue
        raise Conflict("Other writers kept changing the run. Try again.")

    async def _append(self, before: Projection | None, entries: Sequence[Entry], blobs: tuple[Blob, ...] = ()) -> int:
        expected_seq = before.seq if before else 0
        if expected_seq + len(entries) > MAX_EVENTS and entries[0].event.event != _ALWAYS_HAS_ROOM:
            raise Conflict("The log of the run is full.")
        after = before
        for seq, entry in enumerate(entries, start=expected_seq + 1):
            after = fold(after, entry.numbered(seq))
        if after is None:
            raise ValueError("a batch needs at least one event")
        records = tuple(entry.record(seq) for seq, entry in enumerate(entries, start=expected_seq + 1))
        batch = AppendBatch(run_id=after.id, expected_seq=expected_seq, events=records, row=row_of(after), blobs=blobs)
        return await self._store.append(batch)

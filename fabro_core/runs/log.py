"""Writing to a run's log: read, decide, fold, append; again when another writer was first (runs.md R1.7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from uuid_utils import uuid7

from fabro_core.clock import Clock
from fabro_core.errors import Conflict, NotFound, SeqConflict
from fabro_core.models.events import Properties, RunEvent
from fabro_core.models.ids import RunId
from fabro_core.models.instant import format_instant
from fabro_core.models.principal import Principal
from fabro_core.runs.projection import Projection, fold
from fabro_core.runs.wire import row_of
from fabro_core.store.base import RunStore
from fabro_core.store.records import AppendBatch, EventRecord, RunHit

MAX_APPEND_ATTEMPTS = 32
"""How often a change is decided anew because another writer was first, before it is a conflict."""

Decision = Callable[[Projection], Sequence[Properties]]
"""Looks at a run and returns the events to append, none for no change; raises a `Refusal` when it must not happen."""


class Outcome(msgspec.Struct, frozen=True):
    """A run after a change was asked for."""

    hit: RunHit
    changed: bool
    """False: the run was as asked for already, and nothing was written."""


class RunLog:
    """The only writer of runs."""

    def __init__(self, store: RunStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, run_id: RunId, changes: Sequence[Properties], *, actor: Principal, now: datetime) -> RunHit:
        """Start the log of a new run; `now` is the instant inside its id."""
        await self._append(None, run_id, changes, actor=actor, now=now)
        return await self.get(run_id)

    async def change(self, run_id: RunId, decide: Decision, *, actor: Principal) -> Outcome:
        """Append what `decide` asks for in one batch.

        Raises `NotFound` for an unknown run, whatever `decide` raises, and `Conflict` when other writers were
        first too often.
        """
        for _ in range(MAX_APPEND_ATTEMPTS):
            hit = await self.get(run_id)
            projection = msgspec.json.decode(hit.state, type=Projection)
            changes = decide(projection)
            if not changes:
                return Outcome(hit, changed=False)
            try:
                await self._append(projection, run_id, changes, actor=actor, now=self._clock.now())
            except SeqConflict:
                continue
            return Outcome(await self.get(run_id), changed=True)
        raise Conflict("Other writers kept changing the run. Try again.")

    async def get(self, run_id: RunId) -> RunHit:
        """The stored run. Raises `NotFound`."""
        hit = await self._store.get_run(run_id)
        if hit is None:
            raise NotFound(f"Run {run_id} not found.")
        return hit

    async def _append(
        self,
        before: Projection | None,
        run_id: RunId,
        changes: Sequence[Properties],
        *,
        actor: Principal,
        now: datetime,
    ) -> None:
        expected_seq = before.seq if before else 0
        after = before
        records = []
        for seq, properties in enumerate(changes, start=expected_seq + 1):
            event = RunEvent(
                seq=seq,
                id=str(uuid7()),
                ts=format_instant(now),
                run_id=run_id,
                event=properties.event,
                actor=actor,
                properties=msgspec.Raw(msgspec.json.encode(properties)),
            )
            after = fold(after, event)
            records.append(EventRecord(seq=seq, kind=event.event, body=msgspec.json.encode(event)))
        if after is None:
            raise ValueError("a batch needs at least one event")
        await self._store.append(
            AppendBatch(run_id=run_id, expected_seq=expected_seq, events=tuple(records), row=row_of(after))
        )

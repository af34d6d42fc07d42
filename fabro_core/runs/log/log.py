"""Writing to a run's log: read, decide, fold, append; again when another writer was first (runs.md R1.7).

Whoever waits for a run is served together: each is decided on the run as those before it leave it, and all that they
write is one append. What a decision refuses, its own caller is told alone; what happens to the append, all are told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import msgspec

from fabro_core.clock import Clock
from fabro_core.errors import Conflict, NotFound, RunArchived, SeqConflict
from fabro_core.models.client_text import refuse_nul
from fabro_core.models.ids import RunId
from fabro_core.models.principal import Principal
from fabro_core.models.status import Bucket
from fabro_core.redaction import Redact, nothing_secret
from fabro_core.runs.fold.facets import facets_of
from fabro_core.runs.fold.projection import Projection, counted
from fabro_core.runs.fold.wire import row_of
from fabro_core.runs.log.batch import Batch
from fabro_core.runs.log.entry import Change, Entry, own_entry, redacted
from fabro_core.runs.log.recent import RecentRuns
from fabro_core.runs.log.turns import Turns
from fabro_core.runs.log.wish import Wish
from fabro_core.runs.off_loop import OffLoop
from fabro_core.store.base import RunStore
from fabro_core.store.records import AppendBatch, Blob, RunRow, StoredRun

MAX_APPEND_ATTEMPTS = 32
"""How often a change is decided anew because another writer was first, before it is a conflict."""

Decision = Callable[[Projection], Sequence[Change]]
"""Looks at a run and returns the events to append, none for no change; raises a `Refusal` when it must not happen."""


class Outcome(msgspec.Struct, frozen=True):
    """A run after a change was asked for."""

    hit: StoredRun
    last_seq: int | None
    """Of the last event that was written; None: the run was as asked for already, and nothing was written."""
    before: Projection
    """The run that the decision was taken on."""

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self.last_seq is not None


class RunLog:
    """The only writer of runs."""

    def __init__(
        self, store: RunStore, clock: Clock, redact: Redact = nothing_secret, *, off_loop: OffLoop | None = None
    ) -> None:
        """`redact` says which values must not be stored in events. They are looked for in `off_loop`; None: in one that
        nobody else uses."""
        self._off_loop = off_loop or OffLoop()
        self._redact = redact
        self._store = store
        self._clock = clock
        self._turns = Turns(self._serve)
        self._recent = RecentRuns()

    async def create(
        self, run_id: RunId, changes: Sequence[Change], *, actor: Principal, now: datetime, blobs: tuple[Blob, ...]
    ) -> StoredRun:
        """Start the log of a new run, and store what it refers to in the same step; `now` is the instant in its id."""
        redaction = await self._redact()
        entries = [own_entry(change, run_id, actor=actor, now=now, redaction=redaction) for change in changes]
        return await self.create_with(entries, blobs)

    async def create_with(self, entries: Sequence[Entry], blobs: tuple[Blob, ...]) -> StoredRun:
        """The same with entries that are written already, `run.created` first. Raises `InvalidRequest` for texts that
        no store keeps."""
        batch = Batch(None)
        batch.add(entries)
        refuse_nul("The names and labels of a run", (batch.run.workflow.name or "", *facets_of(batch.run)))
        return await self._placed(_as_written(await self._append(batch, blobs), children_count=0))

    async def change(self, run_id: RunId, decide: Decision, *, actor: Principal) -> Outcome:
        """Append what `decide` asks for in one batch.

        Raises `NotFound` for an unknown run, whatever `decide` raises, and `Conflict` when other writers were
        first too often.
        """

        redaction = await self._redact()

        def entries(run: Projection) -> Sequence[Entry]:
            now = self._clock.now()
            changes = decide(counted(run))
            return [own_entry(change, run_id, actor=actor, now=now, redaction=redaction) for change in changes]

        wish = Wish(entries, wants_run=True)
        await self._turns.take(run_id, wish)
        wish.check()
        return Outcome(await self._placed(wish.hit), last_seq=wish.last_seq, before=wish.before)

    async def submit(self, run_id: RunId, entry: Entry) -> int:
        """Append an event that a client wrote, and return its sequence number.

        Raises `NotFound` for an unknown run, and `Conflict` when the run is archived, its state forbids the event,
        its log is full, or other writers were first too often (events.md E3).
        """

        without = await self._without_secrets(entry)

        def entries(run: Projection) -> Sequence[Entry]:
            if run.archived:
                raise RunArchived
            return (without,)

        wish = Wish(entries, wants_run=False)
        await self._turns.take(run_id, wish)
        wish.check()
        assert wish.last_seq is not None
        return wish.last_seq

    async def get(self, run_id: str) -> StoredRun:
        """The stored run. Raises `NotFound`."""
        stored = await self._store.get_run(run_id)
        if stored is None:
            raise NotFound(f"Run {run_id} not found.")
        return stored

    async def _without_secrets(self, entry: Entry) -> Entry:
        redaction = await self._redact()
        if not redaction:
            return entry
        return await self._off_loop.run(partial(redacted, entry, redaction), size=len(entry.encoded))

    async def _placed(self, hit: StoredRun) -> StoredRun:
        """A run as it was written, with its place in the queue, which only the store knows."""
        return await self.get(hit.id) if hit.bucket is Bucket.RUNNABLE and hit.queue_position is None else hit

    async def _serve(self, run_id: str, waiting: Sequence[Wish]) -> int:
        """Fulfil or refuse as many wishes as go into one batch."""
        served = waiting
        try:
            for _ in range(MAX_APPEND_ATTEMPTS):
                base = await self._base(run_id, waiting)
                batch = Batch(base.run, state_bytes=base.state_bytes)
                served = _decided(waiting, batch)
                if await self._write(base, batch, served):
                    return len(served)
            raise Conflict("Other writers kept changing the run. Try again.")
        except Exception as fault:  # noqa: BLE001 - whatever went wrong, everybody who was served must learn of it
            for wish in served:
                wish.fail(fault)
            return len(served)

    async def _base(self, run_id: str, waiting: Sequence[Wish]) -> _Base:
        """What is decided on: the run as it is remembered when nobody wants to be told of it, else as it is stored."""
        remembered = None if any(wish.wants_run for wish in waiting) else self._recent.get(run_id)
        if remembered is not None:
            return _Base(remembered.run, remembered.size, None)
        stored = await self.get(run_id)
        return _Base(msgspec.json.decode(stored.state, type=Projection), len(stored.state), stored)

    async def _write(self, base: _Base, batch: Batch, served: Sequence[Wish]) -> bool:
        """Append the batch and tell of it; False when another writer was first, so that all is to be decided anew."""
        stored = base.stored
        if stored is None and any(wish.last_seq is None for wish in served):
            # The store compares what an append was decided on. What was refused instead, nobody has compared.
            stored = await self.get(base.run.id)
            if stored.seq != base.run.seq:
                self._recent.forget(base.run.id)
                return False
        if batch.events:
            try:
                row = await self._append(batch)
            except SeqConflict:
                return False
            stored = None if stored is None else _as_written(row, children_count=stored.children_count)
        if stored is not None:
            for wish in served:
                wish.hit = stored
        return True

    async def _append(self, batch: Batch, blobs: tuple[Blob, ...] = ()) -> RunRow:
        run = counted(batch.run)
        row = row_of(run)
        events = tuple(batch.events)
        try:
            await self._store.append(
                AppendBatch(run_id=run.id, expected_seq=batch.expected_seq, events=events, row=row, blobs=blobs)
            )
        except BaseException:  # it may have been written all the same
            self._recent.forget(run.id)
            raise
        self._recent.wrote(run, len(row.state), on_top_of=batch.expected_seq)
        return row


class _Base(msgspec.Struct, frozen=True):
    run: Projection
    state_bytes: int
    """What the run takes encoded."""
    stored: StoredRun | None
    """None: the run was not read."""


def _decided(waiting: Sequence[Wish], batch: Batch) -> Sequence[Wish]:
    """Decide for those in front, each on the run as the ones before it leave it, until the batch is full."""
    for number, wish in enumerate(waiting):
        if number and batch.full:
            return waiting[:number]
        wish.decide(batch)
    return waiting


def _as_written(row: RunRow, *, children_count: int) -> StoredRun:
    """A run that was written just now; the place in the queue is left out."""
    return StoredRun(
        id=row.id,
        seq=row.seq,
        bucket=row.bucket,
        begun_ms=row.begun_ms,
        live=row.elapsed_ms is None,
        body=row.body,
        children_count=children_count,
        queue_position=None,
        state=row.state,
    )

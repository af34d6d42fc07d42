"""What one caller wants to be written to a run, and what has become of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.log.batch import Batch
from fabro_core.runs.log.entry import Entry
from fabro_core.store.records import StoredRun


class Wish:
    """`entries` looks at a run and returns what is to be appended, or raises why nothing may be."""

    before: Projection
    """The run that was decided on; set with the first decision."""
    hit: StoredRun
    """The run afterwards; set for who `wants_run` and was not refused."""

    def __init__(self, entries: Callable[[Projection], Sequence[Entry]], *, wants_run: bool) -> None:
        self._entries = entries
        self.wants_run = wants_run
        """The caller is told of the run, of which some things are not in its log."""
        self.arrival: asyncio.Future[None] | None = None
        self.last_seq: int | None = None
        """Of the last event that it writes; None: it writes none."""
        self._refusal: Exception | None = None

    def decide(self, batch: Batch) -> None:
        """Add what is wished for to the batch, if it may be. May be called again, for another batch."""
        self.before, self.last_seq, self._refusal = batch.run, None, None
        try:
            entries = self._entries(self.before)
            self.last_seq = batch.add(entries) if entries else None
        except Exception as refusal:  # noqa: BLE001 - whatever a decision raises is its caller's alone
            self._refusal = refusal

    def fail(self, fault: Exception) -> None:
        """Let the caller know that nothing came of it."""
        self.last_seq, self._refusal = None, fault

    def check(self) -> None:
        """Raise what stood in the way, if anything did."""
        if self._refusal is not None:
            raise self._refusal

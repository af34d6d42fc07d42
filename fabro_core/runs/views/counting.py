"""How many runs there are, and how many of them need the server (runs.md R6.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fabro_core.models.status import Bucket
from fabro_core.runs.views.listing import EVERYTHING
from fabro_core.store.base import RunStore
from fabro_core.store.records import RunQuery

SLOTS: Final = frozenset({Bucket.INITIALIZING, Bucket.RUNNING, Bucket.BLOCKED})
"""Runs that hold a slot of the scheduler."""
ACTIVE: Final = SLOTS | {Bucket.PENDING, Bucket.RUNNABLE, Bucket.REMOVING}
"""Runs that have not ended; only an ended run can be archived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    total: int
    active: int
    slots: int


async def count_runs(store: RunStore, now_ms: int) -> RunCounts:
    """Three totals of the store, which may be a moment apart."""

    async def total(buckets: frozenset[Bucket]) -> int:
        return (await store.list_runs(RunQuery(buckets=buckets, limit=1, now_ms=now_ms))).total

    return RunCounts(slots=await total(SLOTS), active=await total(ACTIVE), total=await total(EVERYTHING))

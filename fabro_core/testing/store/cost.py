"""What a page costs as runs become many: measured against the same page of few, printed, and never a failure.

Nothing of this is a promise of time: machines differ, and are busy. The ratio is, where it is small, that of a store
whose pages do not grow with what is not on them; where it is large, the summary warns.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Final

import pytest

from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.testing.conformance import note_cost, takes_long
from fabro_core.testing.store.case import ALL_BUCKETS, NOW_MS, StoreCase, batch, list_all, row, run_id

FEW: Final = 500
MANY: Final = 20_000
PAGE: Final = 20

AT_ONCE: Final = 32
"""How many appends are made side by side: stores may write what comes together in one step, and a busy machine must not
keep the last of them waiting for longer than a store waits."""

ROUNDS: Final = 15
"""The quickest of so many counts: what else the machine does can only make it slower."""


async def _fill(store: RunStore, first: int, last: int) -> None:
    for start in range(first, last, AT_ONCE):
        rows = (
            row(run_id(n), created_ms=NOW_MS + n, bucket=Bucket.SUCCEEDED, elapsed_ms=n % 977, facets=("f",))
            for n in range(start, min(start + AT_ONCE, last))
        )
        await asyncio.gather(*(store.append(batch(each)) for each in rows))


async def _seconds(store: RunStore, **asked: object) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        start = perf_counter()
        page = await list_all(store, limit=PAGE, buckets=ALL_BUCKETS - {Bucket.ARCHIVED}, **asked)
        best = min(best, perf_counter() - start)
        assert len(page.hits) == PAGE
    return best


class CostConformance(StoreCase):
    @takes_long
    async def test_what_a_page_costs_among_many_runs_is_measured(
        self, store: RunStore, request: pytest.FixtureRequest
    ) -> None:
        asks = {"newest first": {}, "of one facet": {"facets": ("f",)}}
        await _fill(store, 0, FEW)
        of_few = {name: await _seconds(store, **asked) for name, asked in asks.items()}
        await _fill(store, FEW, MANY)
        assert (await list_all(store, limit=PAGE)).total == MANY
        for name, asked in asks.items():
            ratio = await _seconds(store, **asked) / of_few[name]
            note_cost(request, f"a page of {PAGE} runs {name}, of {MANY:,} and of {FEW}", ratio)

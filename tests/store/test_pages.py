"""Walking through everything, however many pages it has."""

from __future__ import annotations

import pytest

from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.pages import PAGE_IDS, run_ids
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import append_all, row, run_id

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("count", [0, 1, PAGE_IDS, PAGE_IDS + 1, 2 * PAGE_IDS + 1])
async def test_every_run_is_met_once_and_those_that_vanish_hide_no_other(count: int) -> None:
    async with opened(MemoryRunStore(MemoryData())) as store:
        await append_all(store, [row(run_id(number)) for number in range(count)])
        met: list[str] = []
        async for page in run_ids(store):
            assert page
            met += page
            await store.delete_run(page[0])
    assert met == [run_id(number) for number in range(count)]

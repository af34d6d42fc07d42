"""Walking through all that a store holds of something, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from fabro_core.store.base import RunStore
from fabro_core.store.records import RunIdQuery

PAGE_IDS: Final = 500


async def run_ids(store: RunStore) -> AsyncIterator[Sequence[str]]:
    """Pages of the ids of all runs, in their order. A run that stays is met once, whatever comes and goes meanwhile."""
    after = None
    while True:
        page = await store.list_run_ids(RunIdQuery(limit=PAGE_IDS, after_id=after))
        if page.ids:
            yield page.ids
            after = page.ids[-1]
        if not page.has_more:
            return

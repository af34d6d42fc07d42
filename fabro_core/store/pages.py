"""Pages: where one ends, and walking through all that a store holds of something, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final, TypeVar

from fabro_core.store.base import RunStore
from fabro_core.store.records import EventQuery, EventRecord, FeedEvent, FeedQuery, RunIdQuery

E = TypeVar("E", EventRecord, FeedEvent)

PAGE_IDS: Final = 500


def first_page(matching: Iterable[E], query: EventQuery | FeedQuery) -> tuple[tuple[E, ...], bool]:
    """The events that a page has of all that match, and whether further ones follow.

    `matching` comes in the order of the page, and is asked for one event more than the page has, if there is one.
    """
    page: list[E] = []
    size = 0
    for event in matching:
        size += len(event.body)
        too_large = query.max_bytes is not None and size > query.max_bytes
        if len(page) == query.limit or (page and too_large):
            return tuple(page), True
        page.append(event)
    return tuple(page), False


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

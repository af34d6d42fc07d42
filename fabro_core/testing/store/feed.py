"""`read_feed`: the events of all runs, in one order that nobody who follows it can miss anything of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from fabro_core.store.base import RunStore
from fabro_core.store.records import FeedEvent, FeedQuery
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.store.case import OpenStore, StoreCase, batch, event, log_of, row, run_id

A, B, C = (run_id(n) for n in range(1, 4))


async def present(store: RunStore) -> int:
    """The newest position."""
    return (await store.read_feed(FeedQuery(after=None, limit=1))).position


async def since(store: RunStore, position: int, *, limit: int = 100, max_bytes: int | None = None) -> list[FeedEvent]:
    """Every event after `position`, read page by page."""
    found: list[FeedEvent] = []
    has_more = True
    while has_more:
        page = await store.read_feed(FeedQuery(after=position, limit=limit, max_bytes=max_bytes))
        assert len(page.events) <= limit, "a page is no longer than asked for"
        size = sum(len(each.body) for each in page.events)
        assert max_bytes is None or len(page.events) == 1 or size <= max_bytes, "a page has no more bytes"
        assert page.position >= position, "the feed never leads back"
        found += page.events
        position, has_more = page.position, page.has_more
    return found


def names(events: Iterable[FeedEvent]) -> list[tuple[str, int]]:
    return [(each.run_id, each.seq) for each in events]


class FeedConformance(StoreCase):
    async def test_the_feed_of_an_empty_store_is_empty(self, store: RunStore) -> None:
        page = await store.read_feed(FeedQuery(after=None, limit=10))
        assert (page.events, page.has_more, page.gap) == ((), False, False)
        assert await since(store, page.position) == []

    async def test_the_feed_has_the_events_of_all_runs_in_the_order_of_their_appends(self, store: RunStore) -> None:
        start = await present(store)
        await store.append(batch(row(B)))
        await store.append(batch(row(A, 2), event(1), event(2)))
        await store.append(batch(row(B, 2)))
        found = await since(store, start)
        assert names(found) == [(B, 1), (A, 1), (A, 2), (B, 2)]
        positions = [each.position for each in found]
        assert positions == sorted(set(positions)), "every event has a position of its own, in ascending order"
        logs = {run: [each.body for each in await log_of(store, run)] for run in (A, B)}
        assert {run: [each.body for each in found if each.run_id == run] for run in (A, B)} == logs

    async def test_the_present_is_after_everything_that_was_appended(self, store: RunStore) -> None:
        await store.append(batch(row(A, 3), event(1), event(2), event(3)))
        position = await present(store)
        assert await since(store, position) == []
        await store.append(batch(row(A, 4), event(4)))
        assert names(await since(store, position)) == [(A, 4)]

    async def test_pages_of_the_feed_one_after_the_other_miss_and_repeat_nothing(self, store: RunStore) -> None:
        start = await present(store)
        for seq in range(1, 8):
            await store.append(batch(row(A, seq)))
            await store.append(batch(row(B, seq * 3), *(event(seq * 3 - back) for back in (2, 1, 0))))
        whole = await since(store, start)
        assert len(whole) == 28
        for limit in (1, 2, 5, 27, 28):
            assert await since(store, start, limit=limit) == whole, "a page may end inside a batch"
        for max_bytes in (0, 9, 27, 28, 1_000):
            assert await since(store, start, max_bytes=max_bytes) == whole, "a page may end because of its bytes"

    async def test_a_full_page_says_whether_anything_follows(self, store: RunStore) -> None:
        start = await present(store)
        await store.append(batch(row(A, 2), event(1), event(2)))
        assert (await store.read_feed(FeedQuery(after=start, limit=1))).has_more
        assert not (await store.read_feed(FeedQuery(after=start, limit=2))).has_more
        assert (await store.read_feed(FeedQuery(after=start, limit=2, max_bytes=17))).has_more
        assert not (await store.read_feed(FeedQuery(after=start, limit=2, max_bytes=18))).has_more

    async def test_a_deleted_run_leaves_the_feed_and_its_positions_are_not_given_again(self, store: RunStore) -> None:
        start = await present(store)
        for run in (A, B, C):
            await store.append(batch(row(run)))
        newest = await present(store)
        await store.delete_run(C)
        await store.delete_run(A)
        assert names(await since(store, start)) == [(B, 1)]
        assert names(await since(store, start, max_bytes=0)) == [(B, 1)]
        assert await present(store) >= newest
        await store.append(batch(row(C)))
        assert names(await since(store, newest)) == [(C, 1)]

    async def test_who_follows_the_feed_during_appends_sees_each_event_once(
        self, open_store: OpenStore, store: RunStore
    ) -> None:
        await _follow_while_appending(store, [store])

    async def test_who_follows_the_feed_sees_the_appends_of_every_instance(
        self, open_store: OpenStore, store: RunStore
    ) -> None:
        if not store.info().shared:
            not_applicable("the store says it is not shared")
        async with open_store() as other:
            await _follow_while_appending(store, [store, other])


async def _follow_while_appending(store: RunStore, writers: list[RunStore]) -> None:
    position = await present(store)
    runs = [run_id(n) for n in range(10, 14)]
    writing = asyncio.gather(
        *(_append_one_by_one(writers[number % len(writers)], run, 20) for number, run in enumerate(runs))
    )
    found: list[FeedEvent] = []
    while not writing.done():
        page = await store.read_feed(FeedQuery(after=position, limit=3))
        found += page.events
        position = page.position
        await asyncio.sleep(0)
    await writing
    found += await since(store, position)
    assert sorted(names(found)) == [(run, seq) for run in runs for seq in range(1, 21)], "nothing missed or repeated"
    for run in runs:
        assert [each.seq for each in found if each.run_id == run] == list(range(1, 21)), "in order within a run"


async def _append_one_by_one(store: RunStore, run: str, count: int) -> None:
    for seq in range(1, count + 1):
        await store.append(batch(row(run, seq)))

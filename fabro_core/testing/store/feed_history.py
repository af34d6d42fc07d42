"""What the feed keeps: the newest 10,000 events with their bodies, at positions that are never given twice.

See `feed` for its order and its pages.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Final

from fabro_core.store.base import RunStore
from fabro_core.store.records import EventRecord, FeedEvent, FeedPage, FeedQuery
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.store.case import OpenStore, StoreCase, batch, event, row, run_id
from fabro_core.testing.store.elsewhere import Elsewhere, ElsewhereCase
from fabro_core.testing.store.feed import names, present, since

A, B, C = (run_id(n) for n in range(1, 4))

KEPT: Final = 10_000
"""How many of the newest events every store keeps in its feed."""
BATCH: Final = 500
PAGE: Final = 1_000

BODIES: Final = (b"", b"\x00\xff\xfe", b'{"a":1} ', "é😀".encode(), b"x" * 70_000, b"\n", b"last")


def body_of(run: str, seq: int) -> bytes:
    """Of an event of the long histories below: no two are the same."""
    return f"{run} {seq}".encode()


async def append_history(store: RunStore, runs: int, first: int = 100, size: int = BATCH) -> list[tuple[str, int]]:
    """Append one batch to each of many runs: the names of their events."""
    events: list[tuple[str, int]] = []
    for number in range(first, first + runs):
        id_ = run_id(number)
        written = [event(seq, body=body_of(id_, seq)) for seq in range(1, size + 1)]
        await store.append(batch(row(id_, size), *written))
        events += [(id_, seq) for seq in range(1, size + 1)]
    return events


async def pages_since(store: RunStore, position: int, limit: int = PAGE) -> list[FeedPage]:
    """All pages that follow, the last one included, which may be empty."""
    pages: list[FeedPage] = []
    while not pages or pages[-1].has_more:
        pages.append(await store.read_feed(FeedQuery(after=position, limit=limit)))
        position = pages[-1].position
    return pages


def events_of(pages: list[FeedPage]) -> list[FeedEvent]:
    return [each for page in pages for each in page.events]


async def append_some(store: RunStore, first: int) -> None:
    """Make ten runs of three events each."""
    for number in range(first, first + 10):
        id_ = run_id(number)
        await store.append(batch(row(id_, 3), *(event(seq, body=body_of(id_, seq)) for seq in (1, 2, 3))))


class FeedHistoryConformance(StoreCase):
    async def test_the_newest_10_000_events_stay_in_the_feed_with_their_bodies(self, store: RunStore) -> None:
        start = await present(store)
        written = await append_history(store, KEPT // BATCH)
        pages = await pages_since(store, start)
        found = events_of(pages)
        assert names(found) == written, "the newest 10,000 events stay in the feed, in their order"
        assert [each.body for each in found] == [body_of(*name) for name in written], "with their bodies"
        assert not any(page.gap for page in pages), "there is no gap where nothing is missing"
        # The whole of it may be asked for from anywhere.
        for index in (0, KEPT // 2, KEPT - 2):
            page = await store.read_feed(FeedQuery(after=found[index].position, limit=3))
            assert names(page.events) == written[index + 1 : index + 4], "a page goes on right behind its position"

    async def test_a_gap_is_reported_when_events_are_missing_and_only_then(self, store: RunStore) -> None:
        start = await present(store)
        written = await append_history(store, (KEPT + 4 * BATCH) // BATCH)
        pages = await pages_since(store, start)
        found = names(events_of(pages))
        assert found == written[len(written) - len(found) :], "what the feed forgets are its oldest events"
        assert len(found) >= KEPT, "at least the newest 10,000 events stay in the feed"
        assert pages[0].gap == (len(found) < len(written)), "a gap is reported when events are missing, and only then"
        assert not any(page.gap for page in pages[1:]), "there is no gap where the page before has ended"
        newest = await store.read_feed(FeedQuery(after=await present(store), limit=10))
        assert (newest.events, newest.gap) == ((), False), "there is no gap behind the newest event"

    async def test_a_deleted_run_is_no_gap(self, store: RunStore) -> None:
        start = await present(store)
        for run in (A, B, C):
            await store.append(batch(row(run)))
        for run in (A, C):
            await store.delete_run(run)
        page = await store.read_feed(FeedQuery(after=start, limit=10))
        assert (names(page.events), page.gap) == ([(B, 1)], False), "what was deleted is not what was forgotten"
        await store.delete_run(B)
        page = await store.read_feed(FeedQuery(after=start, limit=10))
        assert (page.events, page.has_more, page.gap) == ((), False, False), "also when nothing is left"

    async def test_bodies_of_the_feed_are_byte_exact(self, store: RunStore) -> None:
        start = await present(store)
        events: tuple[EventRecord, ...] = tuple(event(seq, body=body) for seq, body in enumerate(BODIES, start=1))
        await store.append(batch(row(A, len(events)), *events))
        assert tuple(each.body for each in await since(store, start)) == BODIES, "an event is in the feed byte for byte"

    async def test_every_event_of_the_feed_has_a_position_of_its_own(self, store: RunStore) -> None:
        start = await present(store)
        await asyncio.gather(*(append_some(store, first) for first in (100, 200, 300)))
        found = await since(store, start, limit=7)
        assert len(found) == 90
        assert all(before.position < after.position for before, after in pairwise(found)), "positions ascend"
        assert await since(store, start) == found, "an event keeps its position"
        assert start < found[0].position, "positions are greater than every one before them"
        assert found[-1].position <= await present(store), "the present is not before the newest event"

    async def test_positions_are_not_given_again_after_reopening(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            if not store.info().durable:
                not_applicable("info().durable is false")
            await append_some(store, 100)
            newest = await present(store)
            for number in range(100, 110):
                await store.delete_run(run_id(number))
        async with open_store() as store:
            assert await present(store) >= newest, "the feed does not lead back after everything was deleted"
            await store.append(batch(row(B)))
            assert names(await since(store, newest)) == [(B, 1)], "who goes on from where it was misses nothing"
        async with open_store() as store:
            (found,) = await since(store, newest)
            assert found.position > newest, "a position is never given twice"

    async def test_the_feed_is_the_same_after_reopening(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            if not store.info().durable:
                not_applicable("info().durable is false")
            start = await present(store)
            await append_some(store, 100)
            before = (await since(store, start), await present(store))
        async with open_store() as store:
            assert (await since(store, start), await present(store)) == before, "events keep their positions"

    async def test_an_append_to_an_old_run_is_at_the_end_of_the_feed(self, store: RunStore) -> None:
        for run in (A, B, C):
            await store.append(batch(row(run)))
        position = await present(store)
        await store.append(batch(row(A, 2)))
        await store.append(batch(row(run_id(0))))
        assert names(await since(store, position)) == [(A, 2), (run_id(0), 1)], "in the order of the appends"

    async def test_a_refused_append_is_not_in_the_feed(self, store: RunStore) -> None:
        await store.append(batch(row(A)))
        position = await present(store)
        await asyncio.gather(*(store.append(batch(row(A, 1))) for _ in range(5)), return_exceptions=True)
        assert await since(store, position) == [], "nothing was appended"
        await store.append(batch(row(A, 2)))
        assert names(await since(store, position)) == [(A, 2)]


class SharedFeedConformance(ElsewhereCase):
    async def test_two_sides_give_every_event_a_position_of_its_own(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        start = await present(store)
        await asyncio.gather(append_some(store, 100), elsewhere.do(append_some, 200), append_some(store, 300))
        found = await since(store, start)
        assert len(found) == 90, "every event is in the feed once"
        assert all(before.position < after.position for before, after in pairwise(found)), "positions ascend"
        assert await elsewhere.do(since, start) == found, "the feed is the same for everybody"
        assert await elsewhere.do(present) == await present(store), "and so is the present"

    async def test_who_follows_the_feed_misses_nothing_that_another_side_appends(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        position = await present(store)
        writing = asyncio.gather(
            elsewhere.do(append_some, 100), elsewhere.do(append_some, 200), append_some(store, 300)
        )
        found: list[FeedEvent] = []
        while not writing.done():
            page = await store.read_feed(FeedQuery(after=position, limit=4))
            found += page.events
            assert page.position >= position, "the feed never leads back"
            position = page.position
            await asyncio.sleep(0)
        await writing
        found += await since(store, position)
        expected = sorted(
            (run_id(number), seq)
            for first in (100, 200, 300)
            for number in range(first, first + 10)
            for seq in (1, 2, 3)
        )
        assert sorted(names(found)) == expected, "nothing appears before a position that was readable"

    async def test_a_position_is_not_given_again_by_another_side(self, store: RunStore, elsewhere: Elsewhere) -> None:
        await elsewhere.do(append_some, 100)
        newest = await present(store)
        for number in range(100, 110):
            await store.delete_run(run_id(number))
        await elsewhere.do(append_some, 200)
        assert len(await since(store, newest)) == 30, "who goes on from where it was misses nothing"

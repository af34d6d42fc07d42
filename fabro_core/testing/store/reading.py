"""`read`: byte-exact, strictly ordered, without gaps, in both directions and by tag."""

from __future__ import annotations

import pytest

from fabro_core.store.base import RunStore
from fabro_core.store.records import EventQuery, EventRecord
from fabro_core.testing.store.case import StoreCase, batch, event, log_of, row, run_id

A, B = run_id(1), run_id(2)


class ReadConformance(StoreCase):
    @pytest.fixture
    async def log(self, store: RunStore) -> RunStore:
        """Ten events of run A, the even ones of stage `even@1`."""
        events = [event(seq, *(["stage:even@1"] if seq % 2 == 0 else [])) for seq in range(1, 11)]
        await store.append(batch(row(A, 4), *events[:4]))
        await store.append(batch(row(A, 10), *events[4:]))
        await store.append(batch(row(B), event(1, "stage:even@1")))
        return store

    @pytest.mark.parametrize("body", [b"", b"\x00\xff\xfe", b'{"a":1} ', "é😀".encode()])
    async def test_read_is_byte_exact(self, store: RunStore, body: bytes) -> None:
        written = event(1, kind="run.created", body=body)
        await store.append(batch(row(A, body=body, state=body), written))
        assert await log_of(store, A) == (written,), "an event comes back byte for byte"
        hit = await store.get_run(A)
        assert hit is not None
        assert (hit.body, hit.state) == (body, body), "row and state come back byte for byte"

    async def test_tags_come_back_as_written(self, store: RunStore) -> None:
        tags = ("stage:a@1", "session:s\x01é", "stage:a@1", "")
        await store.append(batch(row(A), event(1, *tags)))
        assert (await log_of(store, A))[0].tags == tags
        for tag in tags:
            page = await store.read(EventQuery(run_id=A, tag=tag, limit=10))
            assert [each.seq for each in page.events] == [1], f"found once by {tag!r}"

    async def test_an_unknown_run_has_an_empty_log(self, store: RunStore) -> None:
        page = await store.read(EventQuery(run_id=A, limit=10))
        assert (page.events, page.has_more) == ((), False)

    @pytest.mark.parametrize(
        ("changes", "seqs", "has_more"),
        [
            ({}, [1, 2, 3], True),
            ({"limit": 10}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], False),
            ({"limit": 9}, [1, 2, 3, 4, 5, 6, 7, 8, 9], True),
            ({"after_seq": 3}, [4, 5, 6], True),
            ({"after_seq": 7}, [8, 9, 10], False),
            ({"after_seq": 10}, [], False),
            ({"after_seq": 99}, [], False),
            ({"before_seq": 3}, [1, 2], False),
            ({"before_seq": 4}, [1, 2, 3], False),
            ({"before_seq": 5}, [1, 2, 3], True),
            ({"before_seq": 1}, [], False),
            ({"after_seq": 4, "before_seq": 7}, [5, 6], False),
            ({"reverse": True}, [10, 9, 8], True),
            ({"reverse": True, "before_seq": 4}, [3, 2, 1], False),
            ({"reverse": True, "before_seq": 5}, [4, 3, 2], True),
            ({"reverse": True, "after_seq": 8}, [10, 9], False),
            ({"tag": "stage:even@1"}, [2, 4, 6], True),
            ({"tag": "stage:even@1", "after_seq": 4}, [6, 8, 10], False),
            ({"tag": "stage:even@1", "reverse": True}, [10, 8, 6], True),
            ({"tag": "stage:even@1", "before_seq": 6}, [2, 4], False),
            ({"tag": "stage:even"}, [], False),
            ({"after_seq": 2**63 - 1}, [], False),
            ({"after_seq": 2**63 - 1, "tag": "stage:even@1"}, [], False),
            ({"before_seq": 2**63 - 1, "reverse": True}, [10, 9, 8], True),
            ({"before_seq": 2**63 - 1, "tag": "stage:even@1"}, [2, 4, 6], True),
            # Each of the first nine bodies has nine bytes, the tenth has ten.
            ({"max_bytes": 26}, [1, 2], True),
            ({"max_bytes": 27}, [1, 2, 3], True),
            ({"max_bytes": 28}, [1, 2, 3], True),
            ({"max_bytes": 0}, [1], True),
            ({"max_bytes": 2**63 - 1}, [1, 2, 3], True),
            ({"max_bytes": 18, "after_seq": 7}, [8, 9], True),
            ({"max_bytes": 9, "after_seq": 9}, [10], False),
            ({"max_bytes": 18, "before_seq": 3}, [1, 2], False),
            ({"max_bytes": 91, "limit": 10}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], False),
            ({"max_bytes": 90, "limit": 10}, [1, 2, 3, 4, 5, 6, 7, 8, 9], True),
            ({"max_bytes": 90, "limit": 10, "reverse": True}, [10, 9, 8, 7, 6, 5, 4, 3, 2], True),
            ({"max_bytes": 19, "reverse": True}, [10, 9], True),
            ({"max_bytes": 18, "tag": "stage:even@1"}, [2, 4], True),
            ({"max_bytes": 1, "tag": "stage:even@1", "reverse": True}, [10], True),
            ({"max_bytes": 18, "tag": "stage:even@1", "before_seq": 6}, [2, 4], False),
        ],
        ids=str,
    )
    async def test_a_page_has_exactly_the_asked_events_in_order(
        self, log: RunStore, changes: dict[str, object], seqs: list[int], has_more: bool
    ) -> None:
        query = EventQuery(**({"run_id": A, "limit": 3} | changes))  # type: ignore[arg-type]  # columns of the table
        page = await log.read(query)
        assert [each.seq for each in page.events] == seqs
        assert page.has_more is has_more, "has_more tells whether further events match beyond the last one"

    async def test_pages_one_after_the_other_make_the_whole_log(self, log: RunStore) -> None:
        seqs: list[int] = []
        after, has_more = 0, True
        while has_more:
            page = await log.read(EventQuery(run_id=A, limit=3, after_seq=after))
            seqs += [each.seq for each in page.events]
            after, has_more = seqs[-1], page.has_more
        assert seqs == list(range(1, 11)), "no gap and no repetition at the seams"

    async def test_pages_that_are_bounded_in_bytes_make_the_whole_log(self, store: RunStore) -> None:
        sizes = (0, 1, 31, 32, 255, 256, 70_000, 1, 0, 65_535, 65_536, 3)
        events = tuple(event(seq, body=b"x" * size) for seq, size in enumerate(sizes, start=1))
        await store.append(batch(row(A, len(sizes)), *events))
        found: list[EventRecord] = []
        has_more = True
        while has_more:
            page = await store.read(EventQuery(run_id=A, limit=100, after_seq=len(found), max_bytes=65_536))
            bounded = len(page.events) == 1 or sum(len(each.body) for each in page.events) <= 65_536
            assert bounded, "a page has no more bytes than asked for, or one event"
            assert page.events, "no event is too large for a page of its own"
            found += page.events
            has_more = page.has_more
        assert tuple(found) == events, "has_more tells that a page ended because of its bytes"

    async def test_a_page_may_be_as_long_as_the_log(self, store: RunStore) -> None:
        events = tuple(event(seq) for seq in range(1, 1_001))
        await store.append(batch(row(A, 1_000), *events))
        assert (await store.read(EventQuery(run_id=A, limit=1_000))).events == events

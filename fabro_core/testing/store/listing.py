"""`list_runs`, promise by promise; `model` compares random queries over random runs with a plain model."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from fabro_core.errors import TooBroad
from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import RunSort
from fabro_core.testing.store.case import (
    ALL_BUCKETS,
    FIRST_MS,
    LAST_MS,
    NOW_MS,
    StoreCase,
    append_all,
    batch,
    ids,
    list_all,
    row,
    run_id,
)

A, B, C, D = (run_id(n) for n in range(1, 5))

BY_KEY: dict[RunSort, list[dict[str, Any]]] = {
    RunSort.CREATED_AT: [{"created_ms": -5}, {"created_ms": 0}, {"created_ms": NOW_MS}],
    RunSort.UPDATED_AT: [{"updated_ms": -5}, {"updated_ms": 9}, {"updated_ms": 10}],
    RunSort.STATUS: [{"bucket": Bucket.RUNNING}, {"bucket": Bucket.FAILED}, {"bucket": Bucket.ARCHIVED}],
    RunSort.ELAPSED: [{"elapsed_ms": -3}, {"begun_ms": NOW_MS - 4}, {"elapsed_ms": 5}],
    RunSort.REPO: [{"repo_key": ""}, {"repo_key": "acme"}, {"repo_key": "acme/shop"}],
    RunSort.TITLE: [{"title_key": "Z"}, {"title_key": "\uffff"}, {"title_key": "\U00010000"}],
    RunSort.WORKFLOW: [{"workflow_key": "a"}, {"workflow_key": "a\x01"}, {"workflow_key": "a\x01b"}],
    RunSort.CHANGES: [{"changes": 2}, {"changes": 10}, {"changes": 100}],
    RunSort.SIZE: [{"size": 0}, {"size": 3}, {"size": 4}],
}
"""For each sort key three rows in ascending order."""

_SORT_BY = {
    "created_ms": RunSort.CREATED_AT,
    "updated_ms": RunSort.UPDATED_AT,
    "changes": RunSort.CHANGES,
    "size": RunSort.SIZE,
    "elapsed_ms": RunSort.ELAPSED,
}


class ListConformance(StoreCase):
    async def test_an_empty_store_lists_nothing(self, store: RunStore) -> None:
        page = await list_all(store)
        assert (page.hits, page.total) == ((), 0)

    @pytest.mark.parametrize("sort", list(RunSort))
    @pytest.mark.parametrize("direction", ["asc", "desc"])
    async def test_rows_are_ordered_by_the_key_and_ties_by_id_descending(
        self, store: RunStore, sort: RunSort, direction: Literal["asc", "desc"]
    ) -> None:
        low, middle, high = BY_KEY[sort]
        # Ids run against the keys, and two runs share the middle key.
        await append_all(store, [row(D, **low), row(B, **middle), row(C, **middle), row(A, **high)])
        expected = [D, C, B, A] if direction == "asc" else [A, C, B, D]
        page = await list_all(store, sort=sort, direction=direction)
        assert ids(page) == expected, f"sort={sort} {direction}, ties by id descending in both directions"

    @pytest.mark.parametrize("direction", ["asc", "desc"])
    async def test_text_keys_compare_by_code_point(self, store: RunStore, direction: Literal["asc", "desc"]) -> None:
        keys = ["", "\x01", "\x01a", "A", "Z", "_", "a", "a\x01", "a\x01z", "aa", "ß", "é", "\ue000", "\uffff", "😀"]
        await append_all(store, [row(run_id(n), title_key=key) for n, key in enumerate(keys)])
        order = [run_id(n) for n in range(len(keys))]
        page = await list_all(store, sort=RunSort.TITLE, direction=direction)
        assert ids(page) == (order if direction == "asc" else order[::-1])

    async def test_the_elapsed_time_of_a_live_run_is_counted_to_the_querys_now(self, store: RunStore) -> None:
        await append_all(store, [row(A, elapsed_ms=100), row(B, begun_ms=NOW_MS - 50)])
        early = await list_all(store, sort=RunSort.ELAPSED, direction="asc", now_ms=NOW_MS)
        late = await list_all(store, sort=RunSort.ELAPSED, direction="asc", now_ms=NOW_MS + 51)
        assert ids(early) == [B, A]
        assert ids(late) == [A, B], "a live run passes an ended one as time goes on"

    async def test_a_live_and_an_ended_run_of_equal_elapsed_time_go_by_id(self, store: RunStore) -> None:
        rows = [row(A, elapsed_ms=50), row(B, begun_ms=NOW_MS - 50), row(C, elapsed_ms=50)]
        await append_all(store, [*rows, row(D, begun_ms=NOW_MS - 50)])
        for direction in ("asc", "desc"):
            assert ids(await list_all(store, sort=RunSort.ELAPSED, direction=direction)) == [D, C, B, A]

    @pytest.mark.parametrize("column", ["created_ms", "updated_ms", "changes", "size", "elapsed_ms"])
    @pytest.mark.parametrize("direction", ["asc", "desc"])
    async def test_columns_sort_exactly_at_the_edges_of_64_bits(
        self, store: RunStore, column: str, direction: Literal["asc", "desc"]
    ) -> None:
        least, most = -(2**63), 2**63 - 1
        numbers = [least, least + 1, -(2**53) - 1, -(2**53), -1, 0, 1, 2**53, 2**53 + 1, most - 1, most]
        await append_all(store, [row(run_id(n), **{column: number}) for n, number in enumerate(numbers)])
        page = await list_all(store, sort=_SORT_BY[column], direction=direction)
        order = [run_id(n) for n in range(len(numbers))]
        assert ids(page) == (order if direction == "asc" else order[::-1]), "no number loses its last digit"

    @pytest.mark.parametrize("direction", ["asc", "desc"])
    async def test_live_runs_sort_by_their_start_however_far_it_is(
        self, store: RunStore, direction: Literal["asc", "desc"]
    ) -> None:
        starts = [-(2**62), FIRST_MS, NOW_MS - 1, NOW_MS, NOW_MS + 1, LAST_MS, 2**62]
        await append_all(store, [row(run_id(n), begun_ms=start) for n, start in enumerate(starts)])
        page = await list_all(store, sort=RunSort.ELAPSED, direction=direction)
        longest_first = [run_id(n) for n in range(len(starts))]
        assert ids(page) == (longest_first if direction == "desc" else longest_first[::-1])
        assert {hit.id: hit.begun_ms for hit in page.hits} == dict(zip(longest_first, starts, strict=True))

    async def test_a_resumed_run_is_live_again(self, store: RunStore) -> None:
        await append_all(store, [row(A, elapsed_ms=100), row(B, elapsed_ms=20)])
        await store.append(batch(row(A, 2, elapsed_ms=None, begun_ms=NOW_MS - 10)))
        assert ids(await list_all(store, sort=RunSort.ELAPSED)) == [B, A]

    # -- filters ------------------------------------------------------------------------------------------------

    async def test_only_runs_in_the_asked_buckets_are_listed(self, store: RunStore) -> None:
        by_bucket = {bucket: run_id(bucket) for bucket in Bucket}
        await append_all(store, [row(id_, bucket=bucket) for bucket, id_ in by_bucket.items()])
        for bucket, id_ in by_bucket.items():
            assert ids(await list_all(store, buckets=frozenset({bucket}))) == [id_], f"only {bucket.label}"
        some = frozenset({Bucket.PENDING, Bucket.SUCCEEDED, Bucket.ARCHIVED})
        page = await list_all(store, buckets=some)
        assert (set(ids(page)), page.total) == ({by_bucket[bucket] for bucket in some}, 3)

    async def test_no_buckets_list_nothing(self, store: RunStore) -> None:
        await append_all(store, [row(A)])
        for sort in RunSort:
            page = await list_all(store, buckets=frozenset(), sort=sort)
            assert (page.hits, page.total) == ((), 0)

    async def test_a_facet_is_compared_as_it_is(self, store: RunStore) -> None:
        facets = ["", "f", "F", "f ", "fg", "f\x01", "%", "all", "ä", "a\u0308", "f" * 300, "f" * 301]
        await append_all(store, [row(run_id(n), facets=(facet,)) for n, facet in enumerate(facets)])
        await store.append(batch(row(run_id(900))))
        for n, facet in enumerate(facets):
            page = await list_all(store, facets=(facet,))
            assert (ids(page), page.total) == ([run_id(n)], 1), f"the runs with the facet {facet!r} and no others"
        unknown = await list_all(store, facets=("unknown",))
        assert (unknown.hits, unknown.total) == ((), 0)

    @pytest.mark.parametrize("sort", list(RunSort))
    @pytest.mark.parametrize("direction", ["asc", "desc"])
    async def test_what_has_a_facet_is_ordered_like_everything(
        self, store: RunStore, sort: RunSort, direction: Literal["asc", "desc"]
    ) -> None:
        low, middle, high = (each | {"facets": ("f", "g")} for each in BY_KEY[sort])
        rows = [row(D, **low), row(B, **middle), row(C, **middle), row(A, **high)]
        await append_all(store, [*rows, row(run_id(50), facets=("g",)), row(run_id(51))])
        expected = [D, C, B, A] if direction == "asc" else [A, C, B, D]
        for asked in (("f",), ("f", "g"), ("g", "f")):
            page = await list_all(store, sort=sort, direction=direction, facets=asked)
            assert (ids(page), page.total) == (expected, 4), f"sort={sort} {direction} of what has {asked}"
            part = await list_all(store, sort=sort, direction=direction, facets=asked, offset=1, limit=2)
            assert (ids(part), part.total) == (expected[1:3], 4)

    async def test_facets_and_buckets_are_and_ed(self, store: RunStore) -> None:
        await append_all(
            store,
            [
                row(A, facets=("p", "u")),
                row(B, facets=("p",)),
                row(C, facets=("p", "u"), bucket=Bucket.FAILED),
                row(D, facets=("u",), bucket=Bucket.ARCHIVED),
            ],
        )
        for facets, buckets, expected in (
            (("p",), ALL_BUCKETS, [C, B, A]),
            (("u",), ALL_BUCKETS, [D, C, A]),
            (("p", "u"), ALL_BUCKETS, [C, A]),
            (("p",), {Bucket.FAILED}, [C]),
            (("u",), {Bucket.ARCHIVED, Bucket.PENDING}, [D, A]),
            (("p", "u"), {Bucket.ARCHIVED}, []),
        ):
            page = await list_all(store, facets=facets, buckets=frozenset(buckets))
            assert (ids(page), page.total) == (expected, len(expected)), f"{facets} in {buckets}"

    async def test_facets_that_come_and_go_change_what_is_listed(self, store: RunStore) -> None:
        await append_all(store, [row(A, facets=("f", "g")), row(B, facets=("f",))])
        await store.append(batch(row(A, 2, facets=("g", "h"))))
        for facet, expected in (("f", [B]), ("g", [A]), ("h", [A])):
            page = await list_all(store, facets=(facet,))
            assert (ids(page), page.total) == (expected, 1)
        await store.delete_run(A)
        for facet in ("g", "h"):
            page = await list_all(store, facets=(facet,))
            assert (page.hits, page.total) == ((), 0), "nothing is left of a deleted run"

    # -- searches -----------------------------------------------------------------------------------------------

    async def test_the_bounds_of_creation_are_from_inclusive_and_to_exclusive(self, store: RunStore) -> None:
        await append_all(store, [row(each, created_ms=ms) for each, ms in ((A, -1), (B, 10), (C, 11), (D, 20))])
        for bounds, expected in (
            ({"created_from_ms": 10}, [D, C, B]),
            ({"created_to_ms": 11}, [B, A]),
            ({"created_from_ms": 10, "created_to_ms": 20}, [C, B]),
            ({"created_from_ms": 11, "created_to_ms": 11}, []),
        ):
            page = await list_all(store, **bounds)
            assert (ids(page), page.total) == (expected, len(expected)), f"{bounds}"

    async def test_all_words_occur_in_the_title_as_they_are(self, store: RunStore) -> None:
        titles = ["ship the notes", "ship 100% of it", "snake_case [x]", "strasse ä"]
        await append_all(store, [row(run_id(n), title_text=title) for n, title in enumerate(titles)])
        for words, expected in (
            (("ship",), [1, 0]),
            (("notes", "ship"), [0]),
            (("100%",), [1]),
            (("e_c", "[x]"), [2]),
            (("a_e",), []),
            (("ä",), [3]),
            (("Ship",), []),
            (("ship", "case"), []),
        ):
            page = await list_all(store, words=words)
            assert (ids(page), page.total) == ([run_id(n) for n in expected], len(expected)), f"{words}"

    async def test_a_search_that_needs_more_rows_than_it_may_look_at_is_refused(self, store: RunStore) -> None:
        rows = [row(run_id(n), created_ms=n, facets=("few",) if n % 10 == 0 else (), title_text="t") for n in range(40)]
        await append_all(store, rows)
        whole = await list_all(store, words=("t",), max_rows=40)
        assert whole.total == 40, "as many as it may look at"
        with pytest.raises(TooBroad):
            await list_all(store, words=("t",), max_rows=39)
        asks: tuple[dict[str, Any], ...] = ({"facets": ("few",)}, {"created_from_ms": 0, "created_to_ms": 4})
        for asked in asks:
            try:
                page = await list_all(store, words=("t",), max_rows=4, **asked)
            except TooBroad:
                continue  # a store may look at more than it had to
            assert page.total == 4, "it may refuse, and never answers with less than there is"

    async def test_one_facet_is_no_search(self, store: RunStore) -> None:
        await append_all(store, [row(run_id(n), facets=("f",)) for n in range(10)])
        for sort in RunSort:
            assert (await list_all(store, facets=("f",), sort=sort, max_rows=1)).total == 10

    # -- pages --------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("sort", list(RunSort))
    @pytest.mark.parametrize("direction", ["asc", "desc"])
    async def test_pages_one_after_the_other_make_the_whole_list(
        self, store: RunStore, sort: RunSort, direction: Literal["asc", "desc"]
    ) -> None:
        rows = [
            row(run_id(n), bucket=Bucket(n % 9), size=n % 5, elapsed_ms=None if n % 3 else n % 4, title_key=f"t{n % 4}")
            for n in range(25)
        ]
        await append_all(store, rows)
        whole = ids(await list_all(store, sort=sort, direction=direction))
        parts = [await list_all(store, sort=sort, direction=direction, offset=at, limit=7) for at in range(0, 28, 7)]
        assert [id_ for part in parts for id_ in ids(part)] == whole, "no run is lost or repeated at the seams"
        assert {part.total for part in parts} == {25}, "every page has the total of the whole list"

    async def test_an_offset_past_the_end_is_an_empty_page_with_the_true_total(self, store: RunStore) -> None:
        await append_all(store, [row(A), row(B, facets=("f",))])
        for changes, total in (
            ({}, 2),
            ({"sort": RunSort.ELAPSED}, 2),
            ({"facets": ("f",)}, 1),
            ({"words": ("x",)}, 0),
        ):
            page = await list_all(store, offset=1_000_000, **changes)
            assert (page.hits, page.total) == ((), total)

    async def test_the_total_follows_every_move_between_buckets(self, store: RunStore) -> None:
        shown = ALL_BUCKETS - {Bucket.ARCHIVED, Bucket.REMOVING}
        await append_all(store, [row(A, facets=("P",)), row(B, facets=("P",))])
        await store.append(batch(row(A, 2, facets=("P",), bucket=Bucket.SUCCEEDED, elapsed_ms=1)))
        assert ((await list_all(store, buckets=shown)).total) == 2
        await store.append(batch(row(A, 3, facets=("P",), bucket=Bucket.ARCHIVED, elapsed_ms=1)))
        assert ((await list_all(store, buckets=shown)).total) == 1
        assert ((await list_all(store, buckets=shown, facets=("P",))).total) == 1
        await store.append(batch(row(A, 4, facets=("Q",), bucket=Bucket.SUCCEEDED, elapsed_ms=1)))
        assert ((await list_all(store, buckets=shown)).total) == 2
        assert ((await list_all(store, buckets=shown, facets=("P",))).total) == 1
        await store.delete_run(A)
        assert ((await list_all(store)).total) == 1

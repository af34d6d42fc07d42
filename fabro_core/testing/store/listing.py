"""`list_runs`, promise by promise; `model` compares random queries over random runs with a plain model."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import RunSort
from fabro_core.testing.store.case import (
    ALL_BUCKETS,
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
    RunSort.WORKFLOW: [{"workflow_key": "a"}, {"workflow_key": "a\x00"}, {"workflow_key": "a\x00b"}],
    RunSort.CHANGES: [{"changes": 2}, {"changes": 10}, {"changes": 100}],
    RunSort.SIZE: [{"size": 0}, {"size": 3}, {"size": 4}],
}
"""For each sort key three rows in ascending order."""


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
        keys = ["", "\x00", "\x00a", "A", "Z", "_", "a", "a\x00", "a\x00z", "aa", "ß", "é", "\ue000", "\uffff", "😀"]
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

    @pytest.mark.parametrize("column", ["parent_id", "automation_id"])
    async def test_a_filter_matches_the_exact_id_only(self, store: RunStore, column: str) -> None:
        in_x: dict[str, Any] = {column: "X"}
        in_xy: dict[str, Any] = {column: "XY"}
        in_y: dict[str, Any] = {column: "Y"}
        await append_all(store, [row(A), row(B, **in_x), row(C, **in_xy), row(D, **in_x)])
        page = await list_all(store, **in_x)
        assert (ids(page), page.total) == ([D, B], 2)
        unknown = await list_all(store, **in_y)
        assert (unknown.hits, unknown.total) == ((), 0), "an unknown id is an empty page"

    async def test_filters_and_buckets_are_and_ed(self, store: RunStore) -> None:
        await append_all(
            store,
            [
                row(A, parent_id="P", automation_id="U"),
                row(B, parent_id="P"),
                row(C, parent_id="P", automation_id="U", bucket=Bucket.FAILED),
                row(D, automation_id="U"),
            ],
        )
        failed = frozenset({Bucket.FAILED})
        for changes, expected in (({"parent_id": "P"}, [C, B, A]), ({"automation_id": "U"}, [D, C, A])):
            page = await list_all(store, **changes)
            assert (ids(page), page.total) == (expected, 3), "a run may be on the lists of both"
            page = await list_all(store, **changes, buckets=failed)
            assert (ids(page), page.total) == ([C], 1)

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
        await append_all(store, [row(A), row(B, parent_id=A)])
        for changes in ({}, {"sort": RunSort.ELAPSED}, {"parent_id": A}):
            page = await list_all(store, offset=1_000_000, **changes)
            assert page.hits == ()
            assert page.total == (1 if "parent_id" in changes else 2)

    async def test_the_total_follows_every_move_between_buckets(self, store: RunStore) -> None:
        shown = ALL_BUCKETS - {Bucket.ARCHIVED, Bucket.REMOVING}
        await append_all(store, [row(A, parent_id="P"), row(B, parent_id="P")])
        await store.append(batch(row(A, 2, parent_id="P", bucket=Bucket.SUCCEEDED, elapsed_ms=1)))
        assert ((await list_all(store, buckets=shown)).total) == 2
        await store.append(batch(row(A, 3, parent_id="P", bucket=Bucket.ARCHIVED, elapsed_ms=1)))
        assert ((await list_all(store, buckets=shown)).total) == 1
        assert ((await list_all(store, buckets=shown, parent_id="P")).total) == 1
        await store.append(batch(row(A, 4, parent_id="Q", bucket=Bucket.SUCCEEDED, elapsed_ms=1)))
        assert ((await list_all(store, buckets=shown)).total) == 2
        assert ((await list_all(store, buckets=shown, parent_id="P")).total) == 1
        await store.delete_run(A)
        assert ((await list_all(store)).total) == 1

"""What a reader learns about a run beyond its row: children, its place in the queue, the workflows there are."""

from __future__ import annotations

from typing import Any

import pytest

from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import RunHit, RunIdQuery, StoredRun, WorkflowHit
from fabro_core.testing.store.case import NOW_MS, StoreCase, append_all, batch, list_all, row, run_id

A, B, C, D = (run_id(n) for n in range(1, 5))


async def children(store: RunStore, id_: str) -> int:
    hit = await store.get_run(id_)
    assert hit is not None
    (listed,) = [each for each in (await list_all(store)).hits if each.id == id_]
    assert listed.children_count == hit.children_count, "get_run and list_runs agree on children_count"
    return hit.children_count


async def positions(store: RunStore) -> dict[str, int | None]:
    return {hit.id: hit.queue_position for hit in (await list_all(store)).hits}


async def ids_of(store: RunStore, **query: Any) -> list[str]:
    page = await store.list_run_ids(RunIdQuery(limit=100, **query))
    assert not page.has_more
    return list(page.ids)


class RunConformance(StoreCase):
    async def test_an_unknown_run_is_none(self, store: RunStore) -> None:
        assert await store.get_run(A) is None

    async def test_get_run_shows_the_columns_a_reader_needs(self, store: RunStore) -> None:
        await store.append(batch(row(A, bucket=Bucket.BLOCKED, begun_ms=NOW_MS - 7)))
        hit = await store.get_run(A)
        assert hit is not None
        assert (hit.id, hit.seq, hit.bucket, hit.begun_ms) == (A, 1, Bucket.BLOCKED, NOW_MS - 7)
        assert isinstance(hit.bucket, Bucket), "the bucket is a Bucket, not its number"

    @pytest.mark.parametrize(("elapsed_ms", "live"), [(None, True), (0, False), (5, False)])
    async def test_a_run_is_live_until_it_has_an_elapsed_time(
        self, store: RunStore, elapsed_ms: int | None, live: bool
    ) -> None:
        await store.append(batch(row(A, elapsed_ms=elapsed_ms)))
        hit = await store.get_run(A)
        assert hit is not None
        assert hit.live is live
        assert [each.live for each in (await list_all(store)).hits] == [live]

    async def test_get_run_has_the_state_and_a_list_has_not(self, store: RunStore) -> None:
        await store.append(batch(row(A, state=b"state")))
        stored = await store.get_run(A)
        assert isinstance(stored, StoredRun)
        assert stored.state == b"state"
        assert [type(hit) for hit in (await list_all(store)).hits] == [RunHit]

    # -- children_count -----------------------------------------------------------------------------------------

    async def test_children_are_counted_whatever_their_bucket(self, store: RunStore) -> None:
        await store.append(batch(row(A)))
        assert await children(store, A) == 0
        await store.append(batch(row(B, parent_id=A, bucket=Bucket.ARCHIVED)))
        await store.append(batch(row(C, parent_id=A, bucket=Bucket.REMOVING)))
        assert await children(store, A) == 2
        await store.append(batch(row(B, 2, parent_id=A, bucket=Bucket.FAILED)))
        assert await children(store, A) == 2, "a child that changes its bucket stays one child"

    async def test_children_are_counted_from_the_parents_first_append(self, store: RunStore) -> None:
        await append_all(store, [row(B, parent_id=A), row(C, parent_id=A), row(A)])
        assert await children(store, A) == 2, "children may be stored before their parent"

    async def test_a_child_that_moves_is_counted_at_its_new_parent_only(self, store: RunStore) -> None:
        await append_all(store, [row(A), row(B), row(C, parent_id=A)])
        await store.append(batch(row(C, 2, parent_id=B)))
        assert (await children(store, A), await children(store, B)) == (0, 1)
        await store.append(batch(row(C, 3, parent_id=None)))
        assert (await children(store, A), await children(store, B)) == (0, 0)

    async def test_a_deleted_child_is_no_longer_counted(self, store: RunStore) -> None:
        await append_all(store, [row(A), row(B, parent_id=A)])
        await store.delete_run(B)
        assert await children(store, A) == 0

    async def test_a_parent_that_comes_back_finds_its_children(self, store: RunStore) -> None:
        await append_all(store, [row(A), row(B, parent_id=A)])
        await store.delete_run(A)
        await store.append(batch(row(A)))
        assert await children(store, A) == 1

    # -- queue_position -----------------------------------------------------------------------------------------

    async def test_the_queue_is_ranked_by_id_over_all_runnable_runs(self, store: RunStore) -> None:
        waiting = {"bucket": Bucket.RUNNABLE}
        await append_all(store, [row(C, **waiting), row(A, **waiting), row(B), row(D, **waiting, facets=("f",))])
        assert await positions(store) == {A: 1, B: None, C: 2, D: 3}
        only_d = await list_all(store, facets=("f",))
        assert [hit.queue_position for hit in only_d.hits] == [3], "the rank is among all runs, not among the listed"
        hit = await store.get_run(C)
        assert hit is not None
        assert hit.queue_position == 2

    async def test_the_queue_moves_up_when_a_run_leaves_it(self, store: RunStore) -> None:
        await append_all(store, [row(each, bucket=Bucket.RUNNABLE) for each in (A, B, C)])
        await store.append(batch(row(A, 2, bucket=Bucket.RUNNING)))
        assert await positions(store) == {A: None, B: 1, C: 2}
        await store.delete_run(B)
        assert await positions(store) == {A: None, C: 1}

    async def test_positions_hold_in_a_long_queue(self, store: RunStore) -> None:
        queue = [run_id(n) for n in range(100, 700)]
        await append_all(store, [row(each, bucket=Bucket.RUNNABLE) for each in queue])
        for offset in (0, 250, 500, 590):
            page = await list_all(store, offset=offset, limit=10)
            assert [hit.queue_position for hit in page.hits] == [600 - offset - n for n in range(10)]

    # -- list_run_ids -------------------------------------------------------------------------------------------

    async def test_ids_are_listed_by_what_they_start_with(self, store: RunStore) -> None:
        near, nearest, far = run_id(32 * 7), run_id(32 * 7 + 1), run_id(32 * 8)
        await append_all(store, [row(nearest), row(far), row(near)])
        assert await ids_of(store, prefix=near[:-1]) == [near, nearest]
        assert await ids_of(store, prefix=far) == [far], "a whole id is its own prefix"
        assert await ids_of(store) == [near, nearest, far], "every id starts with nothing"
        assert await ids_of(store, prefix="7ZZ") == []
        assert await ids_of(store, prefix=near[:-1], after_id=near) == [nearest]
        assert await ids_of(store, prefix=near[:-1], after_id=run_id(1)) == [near, nearest]
        assert await ids_of(store, prefix=near[:-1], after_id=far) == []

    async def test_pages_of_ids_are_in_their_order_and_complete(self, store: RunStore) -> None:
        expected = [run_id(bucket) for bucket in sorted(Bucket)]
        await append_all(store, [row(run_id(bucket), bucket=bucket) for bucket in sorted(Bucket, reverse=True)])
        for limit in (1, 2, len(Bucket)):
            found: list[str] = []
            has_more = True
            while has_more:
                query = RunIdQuery(limit=limit, after_id=found[-1] if found else None)
                page = await store.list_run_ids(query)
                found += page.ids
                has_more = page.has_more
                assert len(page.ids) == limit or not has_more
            assert found == expected, "every id is listed once, in ascending order, whatever its bucket"

    async def test_ids_follow_appends_and_deletes(self, store: RunStore) -> None:
        await append_all(store, [row(A), row(B)])
        await store.append(batch(row(A, 2, bucket=Bucket.ARCHIVED)))
        assert await ids_of(store) == [A, B], "a run that moves is listed once"
        await store.delete_run(A)
        assert await ids_of(store) == [B]

    # -- list_workflows -----------------------------------------------------------------------------------------

    async def test_workflows_of_an_empty_store_are_none(self, store: RunStore) -> None:
        assert list(await store.list_workflows()) == []

    async def test_workflows_are_the_distinct_pairs_each_with_its_newest_run(self, store: RunStore) -> None:
        pairs = [("a", "A"), ("a", None), (None, "A"), (None, None), ("a", "A"), ("a\x01", "A"), ("", ""), ("é", '"')]
        rows = [row(run_id(n), workflow_slug=slug, workflow_name=name) for n, (slug, name) in enumerate(pairs)]
        await append_all(store, rows)
        found = await store.list_workflows()
        assert len(found) == len(set(found)), "no pair comes twice"
        newest = {pair: run_id(n) for n, pair in enumerate(pairs)}
        expected = {WorkflowHit(slug=slug, name=name, newest_run_id=id_) for (slug, name), id_ in newest.items()}
        assert set(found) == expected

    async def test_workflows_follow_appends_and_deletes(self, store: RunStore) -> None:
        await append_all(store, [row(A, workflow_slug="a"), row(B, workflow_slug="a")])
        await store.delete_run(B)
        await store.append(batch(row(A, 2, workflow_slug="b", bucket=Bucket.ARCHIVED)))
        assert list(await store.list_workflows()) == [WorkflowHit(slug="b", name=None, newest_run_id=A)]

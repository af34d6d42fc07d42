"""Two instances, and two processes, that want the same thing at the same time: what each was told is what is stored.

Only for a store whose `info().shared` is true. The sides meet often: see `contests`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from fabro_core.store.base import RunStore
from fabro_core.store.records import BlobQuery, DocRef, EventQuery, FeedQuery, RunIdQuery
from fabro_core.testing.store.case import ALL_BUCKETS, NOW_MS, batch, list_all, log_of, row, run_id
from fabro_core.testing.store.contests import (
    BUCKETS,
    FACETS,
    PARENTS,
    ROUNDS,
    RUN,
    append_on_top,
    append_until_fenced,
    contested_row_at,
    count_up,
    delete_old_bytes,
    make_and_delete_a_run,
    make_and_take,
    make_runs,
    purge_all,
    put_again_and_again,
    put_and_delete_bytes,
    replace_and_delete,
    work_under_a_lock,
)
from fabro_core.testing.store.documents import put
from fabro_core.testing.store.elsewhere import Elsewhere, ElsewhereCase
from fabro_core.testing.store.fencing import fence

EXPIRED: Final = 150
"""How many documents two sides purge."""


class RivalConformance(ElsewhereCase):
    async def test_no_append_is_lost_when_two_sides_append_to_one_run(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        sides = {"here": append_on_top(store, "here"), "there": elsewhere.do(append_on_top, "there")}
        told = dict(zip(sides, await asyncio.gather(*sides.values()), strict=True))
        acknowledged = sorted(told["here"] + told["there"])
        log = (await store.read(EventQuery(run_id=RUN, limit=10_000))).events
        stored = [(event.seq, event.body) for event in log]
        assert stored == acknowledged, "what was acknowledged is stored, and nothing that was refused"
        assert [seq for seq, _ in stored] == list(range(1, len(stored) + 1)), "the sequence is dense"
        newest = await store.get_run(RUN)
        assert newest is not None
        assert (newest.seq, newest.body) == stored[-1], "row and log agree"
        for side, appends in told.items():
            tagged = await store.read(EventQuery(run_id=RUN, tag=f"stage:{side}@1", limit=10_000))
            assert [event.seq for event in tagged.events] == [seq for seq, _ in appends], "tags and log agree"
        feed = (await store.read_feed(FeedQuery(after=0, limit=10_000))).events
        assert [(event.seq, event.body) for event in feed] == stored, "feed and log agree"
        blobs = (await store.list_blobs(BlobQuery(limit=10_000))).digests
        assert len(blobs) == len(stored), "a refused append stores no blob"
        await _check_lists(store, len(stored))

    async def test_of_two_sides_that_make_and_delete_one_run_both_are_told_what_happened(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        told = await asyncio.gather(make_and_delete_a_run(store, "here"), elsewhere.do(make_and_delete_a_run, "there"))
        made, deleted = (sum(numbers) for numbers in zip(*told, strict=True))
        left = await store.get_run(RUN)
        assert made == deleted + (left is not None), "a run is deleted as often as it was made, but for the last time"
        log = await log_of(store, RUN)
        assert [event.seq for event in log] == list(range(1, (0 if left is None else left.seq) + 1)), (
            "log and row agree"
        )
        assert (await list_all(store)).total == (left is not None), "totals hold"
        assert (await list_all(store, facets=(FACETS[0],))).total == (left is not None), "totals of facets hold"

    async def test_totals_hold_when_two_sides_make_runs(self, store: RunStore, elsewhere: Elsewhere) -> None:
        await asyncio.gather(make_runs(store, 1_000), elsewhere.do(make_runs, 2_000))
        await store.append(batch(row(PARENTS[0])))
        assert (await list_all(store)).total == 2 * ROUNDS + 1, "no run goes uncounted"
        assert (await list_all(store, facets=(FACETS[0],))).total == 2 * ROUNDS, "nor in the count of a facet"
        parent = await store.get_run(PARENTS[0])
        assert parent is not None
        assert parent.children_count == 2 * ROUNDS, "nor among the children of its parent"
        assert len((await store.list_run_ids(RunIdQuery(limit=1_000))).ids) == 2 * ROUNDS + 1, "every id is listed"

    # -- documents ------------------------------------------------------------------------------------------------

    async def test_no_change_of_a_document_is_lost_when_two_sides_compare_and_set(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        told = await asyncio.gather(count_up(store, "k"), elsewhere.do(count_up, "k"))
        counted = await store.get_doc(DocRef(collection="c", key="k", now_ms=NOW_MS))
        assert counted is not None
        assert int(counted.body) == sum(told), "every acknowledged change was made to the one before it"

    async def test_of_two_sides_one_makes_a_document_and_one_takes_it(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        told = await asyncio.gather(make_and_take(store, "k"), elsewhere.do(make_and_take, "k"))
        put = [revision for revisions, _ in told for revision in revisions]
        left = await store.get_doc(DocRef(collection="c", key="k", now_ms=NOW_MS))
        assert len(put) == sum(taken for _, taken in told) + (left is not None), "what was made once is taken once"
        assert len(set(put)) == len(put), "a revision is never given twice"

    async def test_a_revision_is_replaced_or_deleted_once_by_two_sides(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        told = await asyncio.gather(replace_and_delete(store, "k"), elsewhere.do(replace_and_delete, "k"))
        changes = [change for side in told for change in side]
        ended = Counter(before for before, _ in changes if before is not None)
        given = Counter(after for _, after in changes if after is not None)
        assert set(given.values()) <= {1}, "a revision is never given twice"
        assert set(ended.values()) <= {1}, "of a put and a delete on one revision one wins"
        left = await store.get_doc(DocRef(collection="c", key="k", now_ms=NOW_MS))
        current = {} if left is None else {left.revision: 1}
        assert given - ended == Counter(current), "what was put is replaced, deleted or there"
        assert not ended - given, "nothing is replaced or deleted that was never put"

    async def test_a_lock_has_one_holder_among_two_sides(self, store: RunStore, elsewhere: Elsewhere) -> None:
        told = await asyncio.gather(work_under_a_lock(store, "k"), elsewhere.do(work_under_a_lock, "k"))
        counted = await store.get_doc(DocRef(collection="c", key="k", now_ms=NOW_MS))
        assert counted is not None
        assert int(counted.body) == sum(told), "a document that must be absent is made by one of two"

    # -- blobs and the fence --------------------------------------------------------------------------------------

    async def test_bytes_that_one_side_puts_outlive_the_deletes_of_another(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        await asyncio.gather(put_again_and_again(store), elsewhere.do(delete_old_bytes))

    async def test_bytes_are_new_to_one_of_two_sides_and_deleted_by_one(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        balances = await asyncio.gather(put_and_delete_bytes(store), elsewhere.do(put_and_delete_bytes))
        left = (await store.list_blobs(BlobQuery(limit=100))).digests
        assert sum(balances) == len(left), "bytes are deleted as often as they were new, but for those that are left"

    async def test_two_sides_that_purge_remove_each_document_once(self, store: RunStore, elsewhere: Elsewhere) -> None:
        for number in range(EXPIRED):
            await put(store, f"k{number}", expires_ms=NOW_MS)
        removed = await asyncio.gather(purge_all(store), elsewhere.do(purge_all))
        assert sum(removed) == EXPIRED, "what was purged is counted once"

    async def test_nothing_is_acknowledged_after_the_fence_of_another_side(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        appending = asyncio.ensure_future(elsewhere.do(append_until_fenced, 1_000))
        for number in range(ROUNDS):  # so that the other has begun
            await store.append(batch(row(run_id(number))))
        await fence(store)
        before = (await store.list_run_ids(RunIdQuery(limit=1_000))).ids
        acknowledged = await appending
        after = (await store.list_run_ids(RunIdQuery(limit=1_000))).ids
        assert after == before, "nothing is written once the fence is acknowledged"
        assert list(after[ROUNDS:]) == acknowledged, "what was acknowledged is stored, and nothing else"


async def _check_lists(store: RunStore, seq: int) -> None:
    """The contested run is on the lists of its newest row alone."""
    bucket, parent, facet = contested_row_at(seq)
    assert (await list_all(store, buckets=ALL_BUCKETS)).total == 1, "totals hold"
    for each in BUCKETS:
        assert (await list_all(store, buckets=frozenset({each}))).total == (each is bucket), "totals of buckets hold"
    for name in FACETS:
        assert (await list_all(store, facets=(name,))).total == (name == facet), "totals of facets hold"
    for each_parent in PARENTS:
        await store.append(batch(row(each_parent)))
        stored = await store.get_run(each_parent)
        assert stored is not None
        assert stored.children_count == (each_parent == parent), "counts of children hold"

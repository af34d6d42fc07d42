"""`append` and `delete_run`: all or nothing, one winner, a dense sequence."""

from __future__ import annotations

import asyncio

import pytest

from fabro_core.errors import SeqConflict
from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventQuery, RunSort
from fabro_core.testing.store.case import StoreCase, batch, event, ids, list_all, log_of, row, run_id

A, B, C = run_id(1), run_id(2), run_id(3)


class AppendConformance(StoreCase):
    async def test_append_returns_the_new_newest_sequence_number(self, store: RunStore) -> None:
        assert await store.append(batch(row(A, 2), event(1), event(2))) == 2
        assert await store.append(batch(row(A, 3))) == 3

    async def test_append_is_readable_at_once_as_log_and_as_row(self, store: RunStore) -> None:
        await store.append(batch(row(A, body=b"row body", state=b"row state")))
        hit = await store.get_run(A)
        assert hit is not None, "an acknowledged append is readable"
        assert (hit.seq, hit.body, hit.state) == (1, b"row body", b"row state"), "row and state come back as written"
        assert await log_of(store, A) == (event(1),), "events come back as written"

    async def test_append_replaces_the_row(self, store: RunStore) -> None:
        await store.append(batch(row(A)))
        await store.append(batch(row(A, 2, bucket=Bucket.FAILED, body=b"two", state=b"later", elapsed_ms=5)))
        hit = await store.get_run(A)
        assert hit is not None
        assert (hit.seq, hit.bucket, hit.body, hit.state) == (2, Bucket.FAILED, b"two", b"later")
        assert ids(await list_all(store, buckets=frozenset({Bucket.PENDING}))) == [], "the run has left its old bucket"

    @pytest.mark.parametrize("expected", [0, 1, 3])
    async def test_append_with_a_stale_sequence_writes_nothing(self, store: RunStore, expected: int) -> None:
        await store.append(batch(row(A, 2), event(1), event(2)))
        before = (await log_of(store, A), await store.get_run(A))
        stale = batch(row(A, expected + 1, bucket=Bucket.FAILED, body=b"no"), event(expected + 1, "stage:no@1"))
        with pytest.raises(SeqConflict) as conflict:
            await store.append(stale)
        assert (conflict.value.expected, conflict.value.actual) == (expected, 2), "the conflict names both numbers"
        assert (await log_of(store, A), await store.get_run(A)) == before, "a refused append writes nothing"
        assert (await store.read(EventQuery(run_id=A, tag="stage:no@1", limit=1))).events == (), "nor any tag"
        assert (await list_all(store, buckets=frozenset({Bucket.FAILED}))).total == 0, "nor any count"

    async def test_append_to_a_run_that_does_not_exist_is_a_conflict(self, store: RunStore) -> None:
        with pytest.raises(SeqConflict) as conflict:
            await store.append(batch(row(A, 5), event(5)))
        assert (conflict.value.expected, conflict.value.actual) == (4, 0)
        assert await store.get_run(A) is None

    async def test_of_concurrent_appends_to_one_run_exactly_one_wins(self, store: RunStore) -> None:
        rivals = [batch(row(A, body=b"%d" % n), event(1, body=b"%d" % n)) for n in range(16)]
        outcomes = await asyncio.gather(*(store.append(rival) for rival in rivals), return_exceptions=True)
        winners = [n for n, outcome in enumerate(outcomes) if outcome == 1]
        assert len(winners) == 1, "one append wins"
        assert sum(isinstance(outcome, SeqConflict) for outcome in outcomes) == 15, "all others get SeqConflict"
        hit = await store.get_run(A)
        assert hit is not None
        winner = b"%d" % winners[0]
        assert hit.body == winner, "the row is the winner's"
        assert [each.body for each in await log_of(store, A)] == [winner], "the log is the winner's"

    async def test_a_conflict_does_not_touch_appends_made_at_the_same_time(self, store: RunStore) -> None:
        await store.append(batch(row(A)))
        outcomes = await asyncio.gather(
            store.append(batch(row(B))),
            store.append(batch(row(A))),
            store.append(batch(row(C))),
            return_exceptions=True,
        )
        assert [outcomes[0], outcomes[2]] == [1, 1], "the others are written"
        assert isinstance(outcomes[1], SeqConflict), "the stale one is refused"
        assert (await list_all(store)).total == 3

    async def test_a_cancelled_append_happens_completely_or_not_at_all(self, store: RunStore) -> None:
        waiting = asyncio.ensure_future(store.append(batch(row(A, 2), event(1), event(2))))
        others = [asyncio.ensure_future(store.append(batch(row(run_id(n))))) for n in range(10, 20)]
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await asyncio.gather(*others) == [1] * 10, "a cancelled caller does not disturb the others"
        assert len(await log_of(store, A)) in (0, 2), "never half a batch"
        assert (await store.get_run(A) is None) == (await log_of(store, A) == ()), "row and log agree"

    async def test_a_long_batch_is_written_whole(self, store: RunStore) -> None:
        events = [event(seq, f"stage:s{seq % 7}@1") for seq in range(1, 301)]
        assert await store.append(batch(row(A, 300), *events)) == 300
        assert await log_of(store, A) == tuple(events), "no event of an acknowledged batch is lost"

    # -- delete_run ---------------------------------------------------------------------------------------------

    async def test_delete_removes_row_log_and_tags(self, store: RunStore) -> None:
        await store.append(batch(row(A), event(1, "stage:a@1")))
        assert await store.delete_run(A) is True
        assert await store.get_run(A) is None, "the row is gone"
        assert await log_of(store, A) == (), "the log is gone"
        assert (await store.read(EventQuery(run_id=A, tag="stage:a@1", limit=1))).events == (), "the tags are gone"
        assert (await list_all(store)).total == 0, "the counts are gone"

    async def test_delete_of_an_unknown_run_is_false(self, store: RunStore) -> None:
        assert await store.delete_run(A) is False

    async def test_delete_leaves_every_other_run_alone(self, store: RunStore) -> None:
        await store.append(batch(row(A)))
        await store.append(batch(row(B), event(1, "stage:a@1")))
        await store.delete_run(A)
        assert await log_of(store, B) == (event(1, "stage:a@1"),)
        assert ids(await list_all(store)) == [B]

    async def test_a_deleted_run_can_be_created_again_from_nothing(self, store: RunStore) -> None:
        await store.append(batch(row(A, 2), event(1, "stage:a@1"), event(2)))
        await store.delete_run(A)
        assert await store.append(batch(row(A))) == 1
        assert await log_of(store, A) == (event(1),), "nothing of the deleted log comes back"

    async def test_children_of_a_deleted_run_keep_their_parent(self, store: RunStore) -> None:
        await store.append(batch(row(A)))
        await store.append(batch(row(B, parent_id=A, facets=("f",))))
        await store.delete_run(A)
        assert ids(await list_all(store, facets=("f",))) == [B]
        await store.append(batch(row(A)))
        again = await store.get_run(A)
        assert again is not None
        assert again.children_count == 1

    async def test_rows_keep_any_integer_up_to_64_bits(self, store: RunStore) -> None:
        big = 2**63 - 1
        await store.append(batch(row(A, changes=big, created_ms=big, updated_ms=big)))
        await store.append(batch(row(B, changes=big - 1)))
        await store.append(batch(row(C, changes=-big)))
        assert ids(await list_all(store, sort=RunSort.CHANGES)) == [A, B, C], "no number loses its last digit"

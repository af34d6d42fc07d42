"""Two instances on one data set, as two processes would have them; only for a store whose `info().shared` is true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fabro_core.errors import RevisionConflict, SeqConflict
from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import ANY, BlobDelete, DocDelete, DocRef, DocWrite
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.store.case import (
    NOW_MS,
    OpenStore,
    StoreCase,
    append_all,
    batch,
    blob,
    ids,
    list_all,
    log_of,
    row,
    run_id,
)
from fabro_core.testing.store.watching import until

A, B = run_id(1), run_id(2)


class SharingConformance(StoreCase):
    @pytest.fixture
    async def other(self, open_store: OpenStore, store: RunStore, anyio_backend: str) -> AsyncIterator[RunStore]:
        """A second instance on the data of `store`."""
        if not store.info().shared:
            not_applicable("info().shared is false")
        async with open_store() as other:
            yield other

    async def test_an_append_is_readable_through_the_other_instance(self, store: RunStore, other: RunStore) -> None:
        await store.append(batch(row(A, bucket=Bucket.RUNNABLE)))
        assert len(await log_of(other, A)) == 1
        assert (ids(await list_all(other)), (await list_all(other)).total) == ([A], 1)
        await other.append(batch(row(A, 2, bucket=Bucket.FAILED)))
        hit = await store.get_run(A)
        assert hit is not None
        assert (hit.seq, hit.bucket, hit.queue_position) == (2, Bucket.FAILED, None)

    async def test_of_appends_through_both_instances_exactly_one_wins(self, store: RunStore, other: RunStore) -> None:
        for seq in range(1, 21):
            outcomes = await asyncio.gather(
                store.append(batch(row(A, seq))), other.append(batch(row(A, seq))), return_exceptions=True
            )
            assert sum(outcome == seq for outcome in outcomes) == 1, "append is linearizable across instances"
            assert sum(isinstance(outcome, SeqConflict) for outcome in outcomes) == 1
        assert [event.seq for event in await log_of(store, A)] == list(range(1, 21)), "the sequence is dense"

    async def test_totals_hold_with_appends_through_both_instances(self, store: RunStore, other: RunStore) -> None:
        await asyncio.gather(
            append_all(store, [row(run_id(n), parent_id=A, facets=("f",)) for n in range(100, 130)]),
            append_all(other, [row(run_id(n), parent_id=A, facets=("f",)) for n in range(200, 230)]),
        )
        await store.append(batch(row(A)))
        for each in (store, other):
            assert (await list_all(each)).total == 61
            assert (await list_all(each, facets=("f",))).total == 60
            hit = await each.get_run(A)
            assert hit is not None
            assert hit.children_count == 60

    async def test_a_delete_is_seen_by_the_other_instance(self, store: RunStore, other: RunStore) -> None:
        await store.append(batch(row(A)))
        await other.delete_run(A)
        assert await store.get_run(A) is None
        assert (await list_all(store)).total == 0

    async def test_a_document_is_compared_and_set_across_instances(self, store: RunStore, other: RunStore) -> None:
        first = await store.put_doc(_write())
        rivals = (_write(first.revision), _write(first.revision))
        outcomes = await asyncio.gather(store.put_doc(rivals[0]), other.put_doc(rivals[1]), return_exceptions=True)
        assert sum(isinstance(outcome, RevisionConflict) for outcome in outcomes) == 1, "one of two rivals wins"
        ref = DocRef(collection="c", key="k", now_ms=NOW_MS)
        assert await store.get_doc(ref) == await other.get_doc(ref)

    async def test_of_deletes_through_both_instances_exactly_one_is_true(
        self, store: RunStore, other: RunStore
    ) -> None:
        await store.put_doc(_write())
        delete = DocDelete(collection="c", key="k", if_revision=ANY, now_ms=NOW_MS)
        outcomes = await asyncio.gather(*(each.delete_doc(delete) for each in (store, other) * 4))
        assert sorted(outcomes) == [False] * 7 + [True]

    async def test_bytes_that_are_put_while_they_are_deleted_are_there_afterwards(
        self, store: RunStore, other: RunStore
    ) -> None:
        wanted = blob(b"wanted")
        delete = BlobDelete(digest=wanted.digest, if_put_before_ms=NOW_MS)
        for number in range(20):
            await store.put_blob(blob(b"wanted", now_ms=NOW_MS - 1))
            puts = (
                store.put_blob(wanted) if number % 2 else store.append(batch(row(A, number // 2 + 1), blobs=(wanted,)))
            )
            await asyncio.gather(puts, other.delete_blob(delete))
            assert await other.get_blob(wanted.digest) == b"wanted", "who puts bytes finds them stored"
            assert await store.delete_blob(delete) is False
            assert await other.delete_blob(BlobDelete(digest=wanted.digest, if_put_before_ms=NOW_MS + 1)) is True
            assert await store.get_blob(wanted.digest) is None, "a delete is seen by the other instance"

    async def test_an_append_through_the_other_instance_is_announced(self, store: RunStore, other: RunStore) -> None:
        if not store.info().wakeups:
            not_applicable("info().wakeups is false")
        hints = store.watch()
        await other.append(batch(row(A)))
        await store.append(batch(row(B)))
        await other.append(batch(row(A, 2)))
        await until(hints, {A: 2, B: 1})


def _write(if_revision: str | None = None) -> DocWrite:
    return DocWrite(collection="c", key="k", body=b"{}", if_revision=if_revision or ANY, now_ms=NOW_MS)

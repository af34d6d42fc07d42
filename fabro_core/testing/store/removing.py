"""`purge`, `delete_doc`, `delete_run`, `delete_blob`: all of it, once, nothing of others, and nothing left over.

What is gone is looked for in every way there is of finding it, among many of its kind; what was made again under the
same name starts from nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fabro_core.errors import RevisionConflict, SeqConflict
from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import (
    ABSENT,
    BlobDelete,
    BlobQuery,
    EventQuery,
    FeedQuery,
    RunIdQuery,
    RunSort,
    WorkflowHit,
)
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.store.case import (
    FIRST_MS,
    LAST_MS,
    NOW_MS,
    OpenStore,
    StoreCase,
    append_all,
    batch,
    blob,
    event,
    ids,
    list_all,
    log_of,
    row,
    run_id,
)
from fabro_core.testing.store.documents import delete, get, keys, put

A, B, C = (run_id(n) for n in range(1, 4))
MANY = 250
"""More than any page or batch that a store might remove in one go."""


VERY_MANY = 1_100
"""More than what engines take in one statement or answer at once."""


class RemovalConformance(StoreCase):
    # -- purge --------------------------------------------------------------------------------------------------

    async def test_a_purge_removes_everything_that_has_expired_however_much_it_is(self, store: RunStore) -> None:
        for first in range(0, VERY_MANY, 25):
            await asyncio.gather(
                *(
                    put(store, f"k{number}", expires_ms=NOW_MS - number, collection=f"c{number % 7}")
                    for number in range(first, first + 25)
                )
            )
        await put(store, "kept", collection="c0")
        assert await store.purge(NOW_MS) == VERY_MANY, "one purge removes all of them and counts them"
        assert await store.purge(LAST_MS) == 0, "nothing is left to purge"
        assert await keys(store, collection="c0", now_ms=FIRST_MS) == (["kept"], False), "nothing of it is left"
        for number in range(0, VERY_MANY, 9):
            found = await get(store, f"k{number}", now_ms=FIRST_MS, collection=f"c{number % 7}")
            assert found is None, "a purged document is gone for a reader with an earlier clock as well"

    async def test_a_purge_leaves_what_expires_later_or_never(self, store: RunStore) -> None:
        for number in range(MANY):
            await put(store, f"k{number:03}", expires_ms=NOW_MS + 1 if number % 2 else None, owner=f"o{number % 3}")
        assert await store.purge(NOW_MS) == 0, "a purge counts what it removes"
        found, has_more = await keys(store, limit=1_000)
        assert (len(found), has_more) == (MANY, False), "a purge removes nothing that has not expired"
        assert await store.purge(NOW_MS + 1) == MANY // 2
        assert (await keys(store, limit=1_000))[0] == [f"k{n:03}" for n in range(0, MANY, 2)], (
            "what never expires stays"
        )

    async def test_a_document_whose_expiry_was_moved_or_taken_away_is_not_purged(self, store: RunStore) -> None:
        await put(store, "moved", expires_ms=NOW_MS)
        await put(store, "freed", expires_ms=NOW_MS)
        await put(store, "shortened", expires_ms=NOW_MS + 1_000)
        await put(store, "moved", expires_ms=NOW_MS + 10)
        await put(store, "freed")
        await put(store, "shortened", expires_ms=NOW_MS)
        assert await store.purge(NOW_MS) == 1, "what counts is the expiry that was written last"
        assert await keys(store) == (["freed", "moved"], False)
        assert await store.purge(NOW_MS + 10) == 1
        assert await store.purge(LAST_MS) == 0, "an expiry that was taken away never comes back"
        assert await keys(store, now_ms=LAST_MS) == (["freed"], False)

    async def test_a_deleted_document_is_not_purged_nor_is_what_took_its_place(self, store: RunStore) -> None:
        await put(store, "k", expires_ms=NOW_MS)
        await delete(store, "k", now_ms=NOW_MS - 1)
        await put(store, "k", body=b"new")
        assert await store.purge(LAST_MS) == 0, "what was deleted has nothing left that expires"
        found = await get(store, "k")
        assert found is not None, "what took the place of a deleted document stays"
        assert found.body == b"new"

    async def test_a_purge_leaves_runs_and_blobs_alone(self, store: RunStore) -> None:
        await store.append(batch(row(A, facets=("f",)), event(1, "t"), blobs=(blob(b"kept"),)))
        await put(store, "k", expires_ms=NOW_MS, collection=A)
        assert await store.purge(LAST_MS) == 1
        assert await log_of(store, A) == (event(1, "t"),), "a purge is about documents alone"
        assert await store.get_blob(blob(b"kept").digest) == b"kept", "a purge is about documents alone"
        assert (await list_all(store, facets=("f",))).total == 1

    async def test_a_document_that_is_written_while_others_are_purged_is_kept(self, store: RunStore) -> None:
        for attempt in range(10):
            for number in range(5):
                await put(store, f"k{number}", expires_ms=NOW_MS)
            writes = [put(store, f"k{number}", body=b"again", now_ms=NOW_MS) for number in range(5)]
            await asyncio.gather(*writes[:2], store.purge(NOW_MS), *writes[2:], store.purge(NOW_MS))
            found, _ = await keys(store)
            assert len(found) == 5, f"no write is lost to a purge at the same time (attempt {attempt})"

    async def test_of_purges_at_the_same_time_each_document_counts_once(self, store: RunStore) -> None:
        for number in range(50):
            await put(store, f"k{number}", expires_ms=NOW_MS)
        removed = await asyncio.gather(*(store.purge(NOW_MS) for _ in range(4)))
        assert sum(removed) == 50, "what several purge together is counted once"

    # -- documents ----------------------------------------------------------------------------------------------

    async def test_a_delete_removes_one_document_of_many(self, store: RunStore) -> None:
        for number in range(MANY):
            await put(store, f"k{number:03}", collection=f"c{number % 2}", owner="o")
        await put(store, "k000", collection="c1", body=b"of another collection")
        assert await delete(store, "k000", collection="c0") is True
        assert await delete(store, "k000", collection="c0") is False, "there is nothing left to delete"
        other = await get(store, "k000", collection="c1")
        assert other is not None, "a delete removes nothing of another collection"
        found, _ = await keys(store, limit=1_000, collection="c0", owner="o")
        assert found == [f"k{n:03}" for n in range(2, MANY, 2)], "a delete removes that document and no other"

    async def test_a_deleted_document_leaves_no_owner_and_no_revision(self, store: RunStore) -> None:
        old = await put(store, owner="o")
        await delete(store)
        assert await keys(store, owner="o") == ([], False), "an owner has no deleted documents"
        with pytest.raises(RevisionConflict):
            await put(store, if_revision=old.revision)
        new = await put(store, if_revision=ABSENT, owner="p")
        assert (await keys(store, owner="o"))[0] == [], "a document has one owner"
        assert (await keys(store, owner="p"))[0] == ["k"]
        with pytest.raises(RevisionConflict):
            await delete(store, if_revision=old.revision)
        assert await get(store) == new, "a stale delete removes nothing"

    async def test_a_document_that_changes_hands_is_listed_under_its_new_owner_only(self, store: RunStore) -> None:
        await put(store, owner="o")
        await put(store, owner="p")
        assert (await keys(store, owner="o"))[0] == [], "a document has one owner"
        assert (await keys(store, owner="p"))[0] == ["k"]
        await put(store)
        assert (await keys(store, owner="p"))[0] == [], "an owner that was taken away is gone"
        assert (await keys(store))[0] == ["k"]

    async def test_a_delete_and_a_put_at_the_same_time_are_one_after_the_other(self, store: RunStore) -> None:
        for number in range(20):
            old = await put(store, body=b"old")
            outcomes = await asyncio.gather(
                delete(store, if_revision=old.revision),
                put(store, if_revision=old.revision, body=b"new"),
                return_exceptions=True,
            )
            deleted = outcomes[0] is True
            written = not isinstance(outcomes[1], BaseException)
            assert deleted != written, f"one of a delete and a put on one revision takes effect (attempt {number})"
            assert (await get(store) is not None) == written, "and what it answered is what is stored"
            await delete(store)

    # -- runs ---------------------------------------------------------------------------------------------------

    async def test_a_deleted_run_is_found_in_no_way_any_more(self, store: RunStore) -> None:
        start = (await store.read_feed(FeedQuery(after=None, limit=1))).position
        columns: dict[str, Any] = {
            "facets": ("f", "g"),
            "title_text": "word",
            "workflow_slug": "deploy",
            "workflow_name": "D",
        }
        others = [row(run_id(n), bucket=Bucket.RUNNABLE, parent_id=A, **columns) for n in range(100, 100 + MANY)]
        await append_all(store, others)
        facets = tuple(f"facet {number}" for number in range(150))
        events = tuple(event(seq, f"t{seq % 3}", "common") for seq in range(1, VERY_MANY + 1))
        columns |= {"workflow_slug": "gone", "facets": ("f", "g", *facets)}
        gone = row(B, VERY_MANY, bucket=Bucket.RUNNABLE, parent_id=A, **columns)
        await store.append(batch(gone, *events))
        await store.append(batch(row(A)))
        assert await store.delete_run(B) is True
        assert await store.delete_run(B) is False, "there is nothing left to delete"
        assert await store.get_run(B) is None
        assert await log_of(store, B) == (), "no event is left, however many there were"
        for tag in ("t0", "t1", "t2", "common"):
            assert (await store.read(EventQuery(run_id=B, tag=tag, limit=5))).events == (), "no tag is left"
        for facet in facets:
            assert (await list_all(store, facets=(facet,))).total == 0, "no facet is left, however many there were"
        for asked in ({}, {"facets": ("f",)}, {"facets": ("f", "g")}, {"words": ("word",)}):
            for sort in RunSort:
                page = await list_all(store, sort=sort, limit=1_000, buckets=frozenset({Bucket.RUNNABLE}), **asked)
                assert (page.total, B in ids(page)) == (MANY, False), (
                    f"no list by {sort} of {asked} has it or counts it"
                )
        assert (await store.list_run_ids(RunIdQuery(prefix=B, limit=1))).ids == (), "no id is left"
        assert "gone" not in {hit.slug for hit in await store.list_workflows()}, "no workflow is left"
        feed = await store.read_feed(FeedQuery(after=start, limit=2_000))
        assert B not in {each.run_id for each in feed.events}, "no event is left in the feed"
        parent = await store.get_run(A)
        assert parent is not None
        assert parent.children_count == MANY, "it is no child any more"
        first = await store.get_run(run_id(100))
        assert first is not None
        assert first.queue_position == 1, "it has left the queue"

    async def test_deleting_runs_leaves_every_other_one_as_it_was(self, store: RunStore) -> None:
        # Ids that begin alike, and a run whose tags and facets name another one.
        kept = run_id(32**3 + 1)
        alike = [run_id(32**3 + n) for n in range(2, 40)]
        await append_all(store, [row(each, facets=("f",), workflow_slug="w") for each in alike])
        events = (event(1, "t", A), event(2, "t", "common"))
        await store.append(batch(row(kept, 2, facets=("f", A), parent_id=A, workflow_slug="w"), *events))
        await store.append(batch(row(A), event(1, "t")))
        for each in (*alike, A):
            assert await store.delete_run(each) is True
        assert await log_of(store, kept) == events, "a delete removes no event of another run"
        page = await store.read(EventQuery(run_id=kept, tag="t", limit=5))
        assert [each.seq for each in page.events] == [1, 2], "a delete removes no tag of another run"
        for facets in (("f",), (A,), ("f", A), ()):
            page_of = await list_all(store, facets=facets)
            assert (ids(page_of), page_of.total) == ([kept], 1), "a delete removes no facet and no count of another run"
        assert list(await store.list_workflows()) == [WorkflowHit(slug="w", name=None, newest_run_id=kept)]

    async def test_a_run_that_was_made_again_has_nothing_of_the_first(self, store: RunStore) -> None:
        old = row(A, 3, facets=("old", "both"), title_text="old", parent_id=C, workflow_slug="old", state=b"old")
        await store.append(batch(old, event(1, "t"), event(2, "t"), event(3, "u")))
        await store.delete_run(A)
        await store.append(batch(row(A, facets=("both", "new"), title_text="new", workflow_slug="new"), event(1, "u")))
        assert await log_of(store, A) == (event(1, "u"),), "its log starts from nothing"
        for tag, seqs in (("t", []), ("u", [1])):
            page = await store.read(EventQuery(run_id=A, tag=tag, limit=5))
            assert [each.seq for each in page.events] == seqs, "its tags start from nothing"
        for facet, total in (("old", 0), ("both", 1), ("new", 1)):
            assert (await list_all(store, facets=(facet,))).total == total, "its facets start from nothing"
        assert (await list_all(store, words=("old",))).total == 0, "its title is the new one"
        assert [hit.slug for hit in await store.list_workflows()] == ["new"], "its workflow is the new one"
        await store.append(batch(row(C)))
        parent = await store.get_run(C)
        assert parent is not None
        assert parent.children_count == 0, "it has the parent that it has now"

    async def test_a_delete_and_an_append_at_the_same_time_are_one_after_the_other(self, store: RunStore) -> None:
        for number in range(10):
            await store.append(batch(row(A, facets=("f",)), event(1, "t")))
            appended, deleted = await asyncio.gather(
                store.append(batch(row(A, 2, facets=("f",)), event(2, "t"))),
                store.delete_run(A),
                return_exceptions=True,
            )
            assert deleted is True, f"a run that is there is deleted (attempt {number})"
            assert appended == 2 or isinstance(appended, SeqConflict), (
                "an append comes before the delete or finds no run"
            )
            assert (await log_of(store, A), await store.get_run(A)) == ((), None), "row and log are gone together"
            assert (await list_all(store, facets=("f",))).total == 0, "and so are its counts"

    async def test_of_deletes_of_one_run_at_the_same_time_exactly_one_is_true(self, store: RunStore) -> None:
        await store.append(batch(row(A, bucket=Bucket.RUNNABLE, facets=("f",), parent_id=B)))
        await store.append(batch(row(B, facets=("f",))))
        assert sorted(await asyncio.gather(*(store.delete_run(A) for _ in range(8)))) == [False] * 7 + [True]
        page = await list_all(store, facets=("f",))
        assert (ids(page), page.total) == ([B], 1), "a run is counted off once"
        assert page.hits[0].children_count == 0, "a child is counted off once"

    async def test_deleting_runs_leaves_blobs_and_documents_alone(self, store: RunStore) -> None:
        await store.append(batch(row(A), blobs=(blob(b"kept"),)))
        await put(store, A, collection=A, owner=A)
        await store.delete_run(A)
        assert await store.get_blob(blob(b"kept").digest) == b"kept", "blobs stay"
        assert (await keys(store, collection=A, owner=A))[0] == [A], "documents stay"

    async def test_many_runs_can_be_deleted_until_nothing_is_left(self, store: RunStore) -> None:
        rows = [row(run_id(n), bucket=Bucket(n % 9), facets=("f",), parent_id=A) for n in range(100, 220)]
        await append_all(store, rows)
        for first in range(0, len(rows), 8):
            await asyncio.gather(*(store.delete_run(each.id) for each in rows[first : first + 8]))
        for asked in ({}, {"facets": ("f",)}):
            page = await list_all(store, **asked)
            assert (page.hits, page.total) == ((), 0), "nothing is listed and nothing counted"
        assert (await store.list_run_ids(RunIdQuery(limit=10))).ids == (), "no id is left"
        assert list(await store.list_workflows()) == [], "no workflow is left"
        await store.append(batch(row(A)))
        parent = await store.get_run(A)
        assert parent is not None
        assert parent.children_count == 0, "no child is counted"

    # -- blobs --------------------------------------------------------------------------------------------------

    async def test_a_blob_is_deleted_alone_and_once(self, store: RunStore) -> None:
        bodies = [b"%d" % number for number in range(120)]
        await asyncio.gather(*(store.put_blob(blob(body)) for body in bodies))
        for body in bodies[::2]:
            unwanted = BlobDelete(digest=blob(body).digest, if_put_before_ms=LAST_MS)
            assert await store.delete_blob(unwanted) is True, "no other blob is deleted"
            assert await store.delete_blob(unwanted) is False, "there is nothing left to delete"
        left = await store.list_blobs(BlobQuery(limit=200))
        assert list(left.digests) == sorted(blob(body).digest for body in bodies[1::2]), "no other blob is deleted"
        for body in bodies[1::2]:
            assert await store.get_blob(blob(body).digest) == body, "no other blob is deleted"

    async def test_a_blob_that_was_made_again_has_the_instant_of_its_new_put(self, store: RunStore) -> None:
        await store.put_blob(blob(b"x", now_ms=NOW_MS + 100))
        await store.delete_blob(BlobDelete(digest=blob(b"x").digest, if_put_before_ms=LAST_MS))
        await store.put_blob(blob(b"x"))
        again = BlobDelete(digest=blob(b"x").digest, if_put_before_ms=NOW_MS + 1)
        assert await store.delete_blob(again) is True, "nothing is left of when it was put before"

    # -- what lasts ---------------------------------------------------------------------------------------------

    async def test_what_was_removed_is_still_gone_after_reopening(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            if not store.info().durable:
                not_applicable("info().durable is false")
            await store.append(batch(row(A, 2, facets=("f",), parent_id=B), event(1, "t"), event(2)))
            await append_all(store, [row(B), row(C, facets=("f",))])
            await store.put_blob(blob(b"x"))
            old = await put(store, "deleted", owner="o")
            await put(store, "expired", expires_ms=NOW_MS)
            await store.delete_run(A)
            await store.delete_blob(BlobDelete(digest=blob(b"x").digest, if_put_before_ms=LAST_MS))
            await delete(store, "deleted")
            await store.purge(NOW_MS)
        async with open_store() as store:
            assert (await store.get_run(A), await log_of(store, A)) == (None, ()), "a deleted run is gone for good"
            page = await list_all(store, facets=("f",))
            assert (ids(page), page.total) == ([C], 1), "and so are its facets and counts"
            parent = await store.get_run(B)
            assert parent is not None
            assert parent.children_count == 0, "and so is a child"
            assert await store.get_blob(blob(b"x").digest) is None, "a deleted blob is gone for good"
            assert await keys(store, now_ms=FIRST_MS) == ([], False), "deleted and purged documents are gone for good"
            assert await store.purge(LAST_MS) == 0, "there is nothing left to purge"
            new = await put(store, "deleted", if_revision=ABSENT)
            assert new.revision != old.revision, "a revision is never given twice, not even after reopening"

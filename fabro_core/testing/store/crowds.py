"""Many of everything: hundreds of runs, children, documents, collections, workflows, blobs, in pages of all depths."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, Literal

import pytest

from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import (
    BlobDelete,
    BlobQuery,
    EventQuery,
    RunHit,
    RunIdQuery,
    RunQuery,
    RunRow,
    RunSort,
    WorkflowHit,
)
from fabro_core.testing.conformance import takes_long
from fabro_core.testing.store.case import ALL_BUCKETS, NOW_MS, StoreCase, batch, blob, event, list_all, row, run_id
from fabro_core.testing.store.documents import delete, get, keys, put
from fabro_core.testing.store.model import expected_page

MANY: Final = 280
"""More than two pages of a hundred, and than what fits into a byte."""

AT_ONCE: Final = 24
"""How many calls are made side by side, to be through with hundreds soon."""

LIMIT: Final = 30
PARENTS: Final = tuple(run_id(number) for number in range(1, 4))


def _crowd() -> list[RunRow]:
    """Runs with ties in every column, and a facet for each kind of thing that the core has one for."""
    return [
        row(
            run_id(1_000 + number * 11 % MANY),
            bucket=Bucket(number % 9),
            created_ms=NOW_MS - number % 11,
            updated_ms=NOW_MS - number % 13,
            begun_ms=NOW_MS - number % 5,
            elapsed_ms=None if number % 3 == 0 else number % 6,
            repo_key=f"acme/{number % 4}",
            title_key=f"title {number % 3}",
            workflow_key=f"w{number % 5}",
            changes=number % 8,
            size=number % 5,
            parent_id=PARENTS[number % 3] if number % 4 else None,
            facets=(
                f"parent:{PARENTS[number % 3]}" if number % 4 else "parent:",
                f"workflow:w{number % 5}",
                f"repo:acme/{number % 4}",
                f"automation:{number % 6}",
                f"labelled:team{number % 2}",
            ),
            title_text=f"title {number % 3} of {number % 10}",
        )
        for number in range(MANY)
    ]


async def _at_once(calls: Sequence[Callable[[], Awaitable[Any]]]) -> None:
    for first in range(0, len(calls), AT_ONCE):
        await asyncio.gather(*(call() for call in calls[first : first + AT_ONCE]))


async def _append(store: RunStore, rows: Sequence[RunRow]) -> None:
    await _at_once([partial(store.append, batch(each)) for each in rows])


FILTERS: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    "buckets": {"buckets": frozenset({Bucket.PENDING, Bucket.FAILED, Bucket.ARCHIVED})},
    "a facet": {"facets": ("workflow:w2",)},
    "a facet and buckets": {"facets": ("repo:acme/1",), "buckets": ALL_BUCKETS - {Bucket.ARCHIVED, Bucket.REMOVING}},
    "a parent": {"facets": (f"parent:{PARENTS[1]}",)},
    "two facets": {"facets": ("labelled:team1", "workflow:w3")},
    "every facet": {"facets": (f"parent:{PARENTS[1]}", "workflow:w1", "repo:acme/1", "automation:1", "labelled:team1")},
    "a range": {"created_from_ms": NOW_MS - 7, "created_to_ms": NOW_MS - 2},
    "words": {"words": ("title 1", "of")},
    "everything": {
        "facets": ("labelled:team0",),
        "created_from_ms": NOW_MS - 9,
        "created_to_ms": NOW_MS,
        "words": ("of",),
        "buckets": ALL_BUCKETS - {Bucket.REMOVING},
    },
}


class CrowdConformance(StoreCase):
    @takes_long
    async def test_pages_of_any_depth_are_those_of_the_whole_list(self, store: RunStore) -> None:
        rows = _crowd()
        await _append(store, rows)
        for name, asked in FILTERS.items():
            for sort in RunSort:
                for direction in ("asc", "desc"):
                    await _check_pages(store, rows, name, sort, direction, asked)

    async def test_children_and_queue_are_counted_among_many(self, store: RunStore) -> None:
        rows = [*_crowd(), *(row(parent) for parent in PARENTS)]
        await _append(store, rows)
        for number, parent in enumerate(PARENTS):
            count = sum(each.parent_id == parent for each in rows)
            for _ in range(2):
                found = await store.get_run(parent)
                assert found is not None
                assert found.children_count == count, f"the children of parent {number} are all counted"
        queue = sorted(each.id for each in rows if each.bucket is Bucket.RUNNABLE)
        page = await list_all(store, buckets=frozenset({Bucket.RUNNABLE}))
        positions = {hit.id: hit.queue_position for hit in page.hits}
        assert positions == {id_: place for place, id_ in enumerate(queue, start=1)}, (
            "every run has its place in the queue"
        )

    async def test_totals_hold_after_every_run_has_moved(self, store: RunStore) -> None:
        rows = _crowd()
        await _append(store, rows)
        moved = [
            row(
                each.id,
                2,
                bucket=Bucket((each.bucket + 4) % 9),
                parent_id=PARENTS[0] if number % 2 else None,
                facets=(*each.facets[1:3], f"moved:{number % 3}"),
                workflow_slug=f"s{number % 2}",
                begun_ms=NOW_MS - number,
                elapsed_ms=None if number % 2 else number,
                body=b"moved %d" % number,
            )
            for number, each in enumerate(rows)
        ]
        await _append(store, moved)
        await _append(store, [row(PARENTS[0])])
        everything = [*moved, row(PARENTS[0])]
        for bucket in Bucket:
            total = sum(each.bucket is bucket for each in everything)
            assert (await list_all(store, buckets=frozenset({bucket}))).total == total, "a run is counted where it is"
        by_id = {each.id: each for each in everything}
        for offset in range(0, len(everything), 100):
            for hit in (await list_all(store, sort=RunSort.SIZE, offset=offset)).hits:
                _check_hit(hit, by_id[hit.id])
        for facet in {facet for each in (*rows, *moved) for facet in each.facets}:
            total = sum(facet in each.facets for each in everything)
            assert (await list_all(store, facets=(facet,))).total == total, f"{facet} is counted where it is"
        found = await store.get_run(PARENTS[0])
        assert found is not None
        assert found.children_count == sum(each.parent_id == PARENTS[0] for each in moved), (
            "a child that moved moves once"
        )

    @pytest.mark.parametrize("limit", [1, 99, 100, 101, MANY - 1, MANY])
    async def test_pages_of_hundreds_of_ids_are_complete(self, store: RunStore, limit: int) -> None:
        ids = [run_id(1_000 + 31 * number) for number in range(MANY)]
        await _append(store, [row(each) for each in ids[::-1]])
        found: list[str] = []
        has_more = True
        while has_more:
            page = await store.list_run_ids(RunIdQuery(limit=limit, after_id=found[-1] if found else None))
            assert len(page.ids) == limit or not page.has_more, "a page is full while more follow"
            found += page.ids
            has_more = page.has_more
            assert has_more is (len(found) < MANY), "has_more tells whether further ones follow"
            if limit == 1 and len(found) == 20:
                assert found == ids[:20], "ids are in ascending order"
                return
        assert found == ids, "every id is listed once, in ascending order"

    @pytest.mark.parametrize("limit", [3, 32])
    async def test_pages_of_ids_that_begin_alike_are_complete(self, store: RunStore, limit: int) -> None:
        ids = [run_id(32**3 + number) for number in range(MANY)]
        await _append(store, [row(each) for each in ids])
        for beginning in (ids[0][:-1], ids[0][:-2], ids[40][:-1]):
            expected = [each for each in ids if each.startswith(beginning)]
            found: list[str] = []
            has_more = True
            while has_more:
                after = found[-1] if found else None
                page = await store.list_run_ids(RunIdQuery(limit=limit, prefix=beginning, after_id=after))
                found += page.ids
                has_more = page.has_more
                assert has_more is (len(found) < len(expected)), "has_more tells whether further ones follow"
            assert found == expected, "every id that begins so is listed once"

    @pytest.mark.parametrize("limit", [7, 99, 100, 101, MANY])
    async def test_pages_of_hundreds_of_documents_are_complete(self, store: RunStore, limit: int) -> None:
        # Every third has expired, so that a page which ends early is no last page.
        names = [f"k{number:04}" for number in range(MANY)]
        columns: list[dict[str, Any]] = [
            {"owner": f"o{number % 2}", "expires_ms": NOW_MS if number % 3 == 0 else None} for number in range(MANY)
        ]
        await _at_once([partial(put, store, names[n], **columns[n]) for n in range(MANY)])
        for owner, step in ((None, 1), ("o1", 2)):
            expected = [name for number, name in enumerate(names) if number % 3 and (step == 1 or number % 2)]
            found: list[str] = []
            has_more = True
            while has_more:
                part, has_more = await keys(store, limit=limit, owner=owner, after_key=found[-1] if found else None)
                assert len(part) == limit or not has_more, "a page is full while more follow"
                found += part
                assert has_more is (len(found) < len(expected)), "has_more tells whether further ones follow"
                assert len(found) <= len(expected), "no document is listed twice"
            assert found == expected, "every document that is alive is listed once, in key order"

    async def test_hundreds_of_collections_are_kept_apart(self, store: RunStore) -> None:
        names = [f"c{number}" for number in range(MANY)]
        puts = [partial(put, store, collection=each, body=each.encode()) for each in names]
        await _at_once(puts)
        found = await store.list_collections()
        assert len(found) == len(set(found)), "a collection is listed once"
        assert set(found) >= set(names), "every collection is listed"
        for each in names[:: MANY // 12]:
            doc = await get(store, collection=each)
            assert doc is not None
            assert doc.body == each.encode(), "a document is that of its collection"
            assert await keys(store, collection=each) == (["k"], False), "a collection has its own documents alone"

    async def test_hundreds_of_workflows_are_listed_each_with_its_newest_run(self, store: RunStore) -> None:
        pairs = [(f"s{number % MANY}", f"n{number % MANY}") for number in range(MANY + 60)]
        columns: list[dict[str, Any]] = [{"workflow_slug": slug, "workflow_name": name} for slug, name in pairs]
        await _append(store, [row(run_id(1_000 + n), **each) for n, each in reversed(list(enumerate(columns)))])
        newest = {pair: run_id(1_000 + n) for n, pair in enumerate(pairs)}
        expected = {WorkflowHit(slug=slug, name=name, newest_run_id=id_) for (slug, name), id_ in newest.items()}
        found = await store.list_workflows()
        assert len(found) == len(expected), "every workflow is listed once"
        assert set(found) == expected, "every workflow is listed, with its newest run"
        for number in (MANY + 59, MANY + 58):
            await store.delete_run(run_id(1_000 + number))
        again = {(hit.slug, hit.name): hit.newest_run_id for hit in await store.list_workflows()}
        assert again[pairs[59]] == run_id(1_059), "an older run is the newest after a delete"

    @pytest.mark.parametrize("limit", [1, 100, MANY])
    async def test_pages_of_hundreds_of_blobs_are_complete(self, store: RunStore, limit: int) -> None:
        blobs = [blob(b"%d" % number) for number in range(MANY)]
        await _at_once([partial(store.put_blob, each) for each in blobs])
        found: list[str] = []
        has_more = True
        while has_more:
            page = await store.list_blobs(BlobQuery(limit=limit, after_digest=found[-1] if found else None))
            assert len(page.digests) == limit or not page.has_more, "a page is full while more follow"
            found += page.digests
            has_more = page.has_more
            assert has_more is (len(found) < MANY), "has_more tells whether further ones follow"
        assert found == sorted(each.digest for each in blobs), "every blob is listed once, in the order of digests"

    async def test_a_page_goes_on_after_what_has_been_deleted_meanwhile(self, store: RunStore) -> None:
        blobs = sorted((blob(b"%d" % number) for number in range(30)), key=lambda each: each.digest)
        await _at_once([partial(store.put_blob, each) for each in blobs])
        await _at_once([partial(put, store, f"k{number:02}", owner="o") for number in range(30)])
        await _append(store, [row(run_id(1_000 + number)) for number in range(30)])
        for last in (9, 19):
            await store.delete_blob(BlobDelete(digest=blobs[last].digest, if_put_before_ms=NOW_MS + 1))
            await delete(store, f"k{last:02}")
            await store.delete_run(run_id(1_000 + last))
            rest = [number for number in range(last + 1, 30) if number != 19 or last < 19]
            digests = (await store.list_blobs(BlobQuery(limit=100, after_digest=blobs[last].digest))).digests
            assert list(digests) == [blobs[number].digest for number in rest], "what a page goes on after may be gone"
            for owner in (None, "o"):
                found, _ = await keys(store, after_key=f"k{last:02}", owner=owner)
                assert found == [f"k{number:02}" for number in rest], "what a page goes on after may be gone"
            after = await store.list_run_ids(RunIdQuery(limit=100, after_id=run_id(1_000 + last)))
            assert list(after.ids) == [run_id(1_000 + number) for number in rest], (
                "what a page goes on after may be gone"
            )

    @pytest.mark.parametrize("reverse", [False, True])
    @pytest.mark.parametrize("tag", [None, "t1"])
    async def test_pages_of_a_long_log_are_complete_in_both_directions(
        self, store: RunStore, reverse: bool, tag: str | None
    ) -> None:
        count = 1_200
        for first in range(1, count, 400):
            events = (event(seq, f"t{seq % 3}") for seq in range(first, first + 400))
            await store.append(batch(row(PARENTS[0], first + 399), *events))
        expected = [seq for seq in range(1, count + 1) if tag is None or seq % 3 == 1]
        for limit in (37, 100):
            found: list[int] = []
            has_more = True
            while has_more:
                edge = {"before_seq" if reverse else "after_seq": found[-1]} if found else {}
                query = EventQuery(run_id=PARENTS[0], limit=limit, tag=tag, reverse=reverse, **edge)
                page = await store.read(query)
                assert len(page.events) == limit or not page.has_more, "a page is full while more follow"
                found += [each.seq for each in page.events]
                has_more = page.has_more
                assert has_more is (len(found) < len(expected)), "has_more tells whether further ones follow"
            assert found == (expected[::-1] if reverse else expected), "no gap and no repetition at the seams"


async def _check_pages(
    store: RunStore,
    rows: Sequence[RunRow],
    name: str,
    sort: RunSort,
    direction: Literal["asc", "desc"],
    asked: dict[str, Any],
) -> None:
    def query(offset: int) -> RunQuery:
        plain: dict[str, Any] = {"buckets": ALL_BUCKETS, "sort": sort, "direction": direction, "now_ms": NOW_MS}
        return RunQuery(**plain | {"limit": LIMIT, "offset": offset} | asked)

    _, total = expected_page(rows, query(0))
    by_id = {each.id: each for each in rows}
    for offset in sorted({0, 1, total // 2, max(0, total - 2), total}):
        page = await store.list_runs(query(offset))
        for hit in page.hits:
            _check_hit(hit, by_id[hit.id])
        found = ([hit.id for hit in page.hits], page.total)
        expected = expected_page(rows, query(offset))
        assert found == expected, f"{name} by {sort} {direction} from {offset}: a page of the whole list"


def _check_hit(hit: RunHit, stored: RunRow) -> None:
    found = (hit.seq, hit.bucket, hit.begun_ms, hit.live, hit.body)
    expected = (stored.seq, stored.bucket, stored.begun_ms, stored.elapsed_ms is None, stored.body)
    assert found == expected, "a page shows a run as its newest append left it"

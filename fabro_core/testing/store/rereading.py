"""Second reads: what an instance has read before is new once somebody else has written; a page is of one moment.

Only for a store whose `info().shared` is true. Whoever keeps what was read, or counts by itself, is found here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import (
    ANY,
    BlobDelete,
    BlobQuery,
    Doc,
    DocDelete,
    DocQuery,
    DocRef,
    DocWrite,
    EventQuery,
    FeedQuery,
    RunIdQuery,
    RunSort,
)
from fabro_core.testing.store.case import NOW_MS, batch, blob, event, list_all, opened, row, run_id
from fabro_core.testing.store.elsewhere import Elsewhere, ElsewhereCase, OtherInstance

Read = Callable[[RunStore], Awaitable[Any]]
Step = Callable[..., Awaitable[Any]]

A, B, C = (run_id(n) for n in range(1, 4))
PARENT: Final = run_id(9)
BYTES: Final = blob(b"bytes")


# -- what somebody else does ----------------------------------------------------------------------------------------


async def make_the_parent(store: RunStore) -> None:
    await store.append(batch(row(PARENT, bucket=Bucket.PENDING, title_text="nothing")))


async def make_a(store: RunStore) -> None:
    after = row(A, parent_id=PARENT, facets=("f",), bucket=Bucket.RUNNABLE, title_text="ship", workflow_slug="w")
    await store.append(batch(after, event(1, "t", body=b"first")))


async def go_on_with_a(store: RunStore) -> None:
    """Everything about the run is another, but its id."""
    after = row(
        A,
        2,
        bucket=Bucket.FAILED,
        body=b"second",
        state=b"second",
        elapsed_ms=7,
        changes=7,
        size=7,
        title_key="a",
        repo_key="a",
        workflow_key="a",
        title_text="ship again",
        updated_ms=NOW_MS + 7,
        facets=("g",),
        workflow_slug="x",
    )
    await store.append(batch(after, event(2, "t", body=b"second")))


async def change_the_body_of_a(store: RunStore) -> None:
    """Nothing by which a list is ordered or narrowed."""
    after = row(A, 3, bucket=Bucket.FAILED, body=b"third", state=b"third", elapsed_ms=7, facets=("g",))
    await store.append(batch(after, event(3, "u", body=b"third")))


async def delete_a(store: RunStore) -> None:
    await store.delete_run(A)


async def make_a_again(store: RunStore) -> None:
    """Another run of the same id, with as many events as the one before it had at first."""
    again = row(A, body=b"again", state=b"again", parent_id=PARENT, facets=("f",), bucket=Bucket.RUNNABLE)
    await store.append(batch(again, event(1, "t", body=b"again")))


async def make_another_run(store: RunStore) -> None:
    await store.append(batch(row(B, parent_id=PARENT, facets=("f",), bucket=Bucket.RUNNABLE, workflow_slug="y")))


async def make_a_run_before_the_others(store: RunStore) -> None:
    await store.append(batch(row(run_id(0), facets=("f",), bucket=Bucket.RUNNABLE, created_ms=NOW_MS - 9)))


RUN_STEPS: Final[tuple[Step, ...]] = (
    make_a,
    go_on_with_a,
    change_the_body_of_a,
    delete_a,
    make_a_again,
    make_another_run,
    make_a_run_before_the_others,
)


async def put(store: RunStore, body: bytes, owner: str | None = None) -> None:
    write = DocWrite(collection="c", key="k", body=body, if_revision=ANY, now_ms=NOW_MS, owner=owner)
    await store.put_doc(write)


async def put_first(store: RunStore) -> None:
    await put(store, b"first")


async def put_second(store: RunStore) -> None:
    await put(store, b"second", owner="o")


async def delete(store: RunStore) -> None:
    await store.delete_doc(DocDelete(collection="c", key="k", if_revision=ANY, now_ms=NOW_MS))


async def put_again(store: RunStore) -> None:
    await put(store, b"first")


async def put_another(store: RunStore) -> None:
    write = DocWrite(collection="c", key="a", body=b"", if_revision=ANY, now_ms=NOW_MS, owner="o")
    await store.put_doc(write)


async def put_in_another_collection(store: RunStore) -> None:
    await store.put_doc(DocWrite(collection="d", key="k", body=b"", if_revision=ANY, now_ms=NOW_MS))


DOCUMENT_STEPS: Final[tuple[Step, ...]] = (
    put_another,
    put_first,
    put_second,
    delete,
    put_again,
    put_in_another_collection,
)
"""No collection gets empty: such ones may be listed."""


async def put_bytes(store: RunStore) -> None:
    await store.put_blob(BYTES)


async def delete_bytes(store: RunStore) -> None:
    await store.delete_blob(BlobDelete(digest=BYTES.digest, if_put_before_ms=NOW_MS + 1))


async def append_bytes(store: RunStore) -> None:
    await store.append(batch(row(A), blobs=(BYTES,)))


BLOB_STEPS: Final[tuple[Step, ...]] = (put_bytes, delete_bytes, append_bytes)


# -- what is read before and after each step ------------------------------------------------------------------------


def _of_documents(key: str) -> Read:
    async def read(store: RunStore) -> Doc | None:
        found = await store.get_doc(DocRef(collection="c", key=key, now_ms=NOW_MS))
        return None if found is None else _without_revision(found)

    return read


def _page_of_documents(**query: Any) -> Read:
    columns: dict[str, Any] = {"collection": "c", "now_ms": NOW_MS, "limit": 10} | query

    async def read(store: RunStore) -> tuple[list[Doc], bool]:
        page = await store.list_docs(DocQuery(**columns))
        return [_without_revision(doc) for doc in page.docs], page.has_more

    return read


def _without_revision(doc: Doc) -> Doc:
    return replace(doc, revision="")


def _log(**query: Any) -> Read:
    columns: dict[str, Any] = {"run_id": A, "limit": 10} | query
    return lambda store: store.read(EventQuery(**columns))


def _runs(**query: Any) -> Read:
    return lambda store: list_all(store, **query)


async def _collections(store: RunStore) -> set[str]:
    return set(await store.list_collections()) & {"c", "d"}


async def _workflows(store: RunStore) -> set[Any]:
    return set(await store.list_workflows())


async def _children(store: RunStore) -> int:
    parent = await store.get_run(PARENT)
    assert parent is not None
    return parent.children_count


async def _feed(store: RunStore) -> list[tuple[str, int, bytes]]:
    page = await store.read_feed(FeedQuery(after=0, limit=10))
    return [(each.run_id, each.seq, each.body) for each in page.events]


OF_RUNS: Final[dict[str, Read]] = {
    "get_run": lambda store: store.get_run(A),
    "get_run, of another": lambda store: store.get_run(B),
    "children_count": _children,
    "read": _log(),
    "read, the newest": _log(limit=1, reverse=True),
    "read, by tag": _log(tag="t"),
    "read, what follows": _log(after_seq=1),
    "list_runs": _runs(),
    "list_runs, a page of one": _runs(limit=1),
    "list_runs, the second page": _runs(limit=1, offset=1),
    "list_runs, the total alone": _runs(offset=1_000),
    "list_runs, one bucket": _runs(buckets=frozenset({Bucket.RUNNABLE})),
    "list_runs, one facet": _runs(facets=("f",)),
    "list_runs, two facets": _runs(facets=("f", "f")),
    "list_runs, a search": _runs(words=("ship",)),
    "list_runs, a range": _runs(created_from_ms=NOW_MS, created_to_ms=NOW_MS + 1),
    **{f"list_runs, by {sort}": _runs(sort=sort, direction="asc") for sort in RunSort},
    "list_run_ids": lambda store: store.list_run_ids(RunIdQuery(limit=10)),
    "list_run_ids, a prefix": lambda store: store.list_run_ids(RunIdQuery(limit=10, prefix=A)),
    "list_workflows": _workflows,
    "read_feed": _feed,
}

OF_DOCUMENTS: Final[dict[str, Read]] = {
    "get_doc": _of_documents("k"),
    "list_docs": _page_of_documents(),
    "list_docs, a page of one": _page_of_documents(limit=1),
    "list_docs, what follows": _page_of_documents(after_key="a"),
    "list_docs, one owner": _page_of_documents(owner="o"),
    "list_collections": _collections,
}

OF_BLOBS: Final[dict[str, Read]] = {
    "get_blob": lambda store: store.get_blob(BYTES.digest),
    "list_blobs": lambda store: store.list_blobs(BlobQuery(limit=10)),
}


FAMILIES: Final[dict[str, tuple[dict[str, Read], tuple[Step, ...]]]] = {
    "runs": (OF_RUNS, RUN_STEPS),
    "documents": (OF_DOCUMENTS, DOCUMENT_STEPS),
    "blobs": (OF_BLOBS, BLOB_STEPS),
}


class RereadingConformance(ElsewhereCase):
    @pytest.mark.parametrize("family", FAMILIES)
    async def test_what_an_instance_has_read_is_new_after_its_own_write(self, store: RunStore, family: str) -> None:
        await _read_between(store, OtherInstance(store), family)

    @pytest.mark.parametrize("family", FAMILIES)
    async def test_what_an_instance_has_read_is_new_after_the_write_of_another(
        self, store: RunStore, elsewhere: Elsewhere, family: str
    ) -> None:
        await _read_between(store, elsewhere, family)

    async def test_a_page_and_its_total_are_of_one_moment(self, store: RunStore, elsewhere: Elsewhere) -> None:
        await store.append(batch(row(A, facets=("f",))))
        changing = asyncio.ensure_future(elsewhere.do(come_and_go))
        while not changing.done():
            for query in ({}, {"facets": ("f",)}, {"words": ("ship",)}, {"sort": RunSort.ELAPSED}):
                page = await list_all(store, **query)
                assert len(page.hits) == page.total, "page and total come from one snapshot"
            await asyncio.sleep(0)
        await changing

    async def test_a_run_that_moves_is_on_every_list_once(self, store: RunStore, elsewhere: Elsewhere) -> None:
        await store.append(batch(row(A)))
        await store.append(batch(row(B)))
        changing = asyncio.ensure_future(elsewhere.do(move))
        while not changing.done():
            page = await list_all(store, buckets=MOVES, sort=RunSort.TITLE)
            assert sorted(hit.id for hit in page.hits) == [A, B], "a run that moves is neither missing nor doubled"
            assert page.total == 2, "nor counted wrongly"
            await asyncio.sleep(0)
        await changing

    async def test_a_log_grows_only_at_its_end(self, store: RunStore, elsewhere: Elsewhere) -> None:
        changing = asyncio.ensure_future(elsewhere.do(append_in_threes))
        while not changing.done():
            page = await store.read(EventQuery(run_id=A, limit=1_000))
            assert [each.seq for each in page.events] == list(range(1, len(page.events) + 1)), "without gaps"
            assert len(page.events) % 3 == 0, "a batch is readable as a whole or not at all"
            stored = await store.get_run(A)
            assert stored is None or stored.seq >= len(page.events), "a row is never behind the log that was read"
            await asyncio.sleep(0)
        await changing


CHANGES: Final = 60
MOVES: Final = frozenset({Bucket.RUNNING, Bucket.PENDING, Bucket.FAILED})


async def come_and_go(store: RunStore) -> None:
    """Make a run and delete it, again and again."""
    for _ in range(CHANGES):
        await store.append(batch(row(B, facets=("f",), title_text="ship")))
        await store.delete_run(B)


async def move(store: RunStore) -> None:
    """Take a run to another bucket, title and facet with each event."""
    for seq in range(2, CHANGES + 2):
        bucket, title = (Bucket.RUNNING, "a") if seq % 2 else (Bucket.FAILED, "z")
        await store.append(batch(row(A, seq, bucket=bucket, title_key=title, facets=(title,))))


async def append_in_threes(store: RunStore) -> None:
    for seq in range(3, 3 * CHANGES, 3):
        await store.append(batch(row(A, seq), *(event(seq - back) for back in (2, 1, 0))))


async def _read_between(store: RunStore, writer: Elsewhere, family: str) -> None:
    """Read everything, twice, before and after each step of `writer`; a store that keeps nothing knows the answers."""
    reads, steps = FAMILIES[family]
    async with opened(MemoryRunStore(MemoryData())) as model:
        for each in (model, store):
            await make_the_parent(each)
        for step in steps:
            for read in (*reads.values(), *reads.values()):  # twice: some keep only what is asked for again
                await read(store)
            await step(model)
            await writer.do(step)
            stale = [name for name, read in reads.items() if await read(store) != await read(model)]
            assert not stale, f"what was read before is read anew: after {step.__name__} these are not: {stale}"

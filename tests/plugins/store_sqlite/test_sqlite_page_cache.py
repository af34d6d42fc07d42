"""Pages are answered from memory while the database stands still, and never a moment longer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fabro_core.store.base import RunStore
from fabro_core.store.records import ANY, DocWrite, RunQuery, RunSort
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import NOW_MS, append_all, batch, list_all, row, run_id
from fabro_store_sqlite import SqliteRunStore, page_cache

pytestmark = pytest.mark.anyio

A, B, C = (run_id(n) for n in range(1, 4))


def document(body: bytes) -> DocWrite:
    return DocWrite(collection="sessions", key="k", body=body, if_revision=ANY, now_ms=NOW_MS)


async def ids(store: RunStore) -> list[str]:
    return [hit.id for hit in (await list_all(store)).hits]


async def test_an_unchanged_database_answers_the_same_page_object(tmp_path: Path) -> None:
    async with opened(SqliteRunStore(tmp_path / "fabro.db")) as store:
        await store.append(batch(row(A)))
        await store.ping()
        assert await list_all(store) is await list_all(store)


async def test_every_change_of_this_or_another_instance_is_seen_by_the_next_list(tmp_path: Path) -> None:
    path = tmp_path / "fabro.db"
    async with opened(SqliteRunStore(path)) as one, opened(SqliteRunStore(path)) as other:
        await one.append(batch(row(A)))
        assert await ids(one) == await ids(other) == [A]
        await other.append(batch(row(B)))
        assert await ids(one) == await ids(other) == [B, A]
        await one.append(batch(row(C, parent_id=A)))
        parent = (await list_all(other)).hits[-1]
        assert (parent.id, parent.children_count) == (A, 1)
        await other.delete_run(B)
        assert await ids(one) == await ids(other) == [C, A]


async def test_a_document_that_is_written_leaves_pages_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "fabro.db"
    async with opened(SqliteRunStore(path)) as one, opened(SqliteRunStore(path)) as other:
        await one.append(batch(row(A)))
        await one.ping()
        before = await list_all(one)
        await other.put_doc(document(b"1"))
        between = await list_all(one)
        await one.put_doc(document(b"2"))
        assert await list_all(one) is between is before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda store: store.append(batch(row(B))), id="a new run"),
        pytest.param(lambda store: store.append(batch(row(A, seq=2, body=b"{}"))), id="an event"),
        pytest.param(lambda store: store.delete_run(A), id="a deletion"),
        pytest.param(lambda store: store.append(batch(row(B, parent_id=A))), id="a child"),
    ],
)
async def test_a_change_among_documents_is_seen_in_another_process(
    tmp_path: Path, change: Callable[[RunStore], Awaitable[object]]
) -> None:
    path = tmp_path / "fabro.db"
    async with opened(SqliteRunStore(path)) as one:
        await one.append(batch(row(A)))
        await one.ping()
        before = await list_all(one)
        async with opened(SqliteRunStore(path)) as other:
            await other.put_doc(document(b"1"))
            await change(other)
            await other.put_doc(document(b"2"))
        async with opened(SqliteRunStore(path)) as fresh:
            assert await list_all(one) == await list_all(fresh) != before


async def test_a_run_that_takes_the_place_of_a_deleted_one_is_seen(tmp_path: Path) -> None:
    async with opened(SqliteRunStore(tmp_path / "fabro.db")) as store:
        await store.append(batch(row(A)))
        await store.ping()
        assert await ids(store) == [A]
        await store.delete_run(A)
        await store.append(batch(row(B)))
        assert await ids(store) == [B]
        await store.delete_run(B)
        await store.append(batch(row(A, body=b'{"again":true}')))
        assert [hit.body for hit in (await list_all(store)).hits] == [b'{"again":true}']


async def test_the_order_by_elapsed_time_is_never_kept(tmp_path: Path) -> None:
    ended, live = row(A, elapsed_ms=1_000), row(B, elapsed_ms=None, begun_ms=NOW_MS)
    async with opened(SqliteRunStore(tmp_path / "fabro.db")) as store:
        await append_all(store, [ended, live])
        orders = []
        for now_ms in (NOW_MS + 10, NOW_MS + 10_000):
            buckets = frozenset({ended.bucket, live.bucket})
            page = await store.list_runs(RunQuery(buckets=buckets, sort=RunSort.ELAPSED, limit=9, now_ms=now_ms))
            orders.append([hit.id for hit in page.hits])
    assert orders == [[A, B], [B, A]]


async def test_the_cache_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "MAX_BYTES", 6_000)
    rows = [row(run_id(n)) for n in range(1, 8)]
    async with opened(SqliteRunStore(tmp_path / "fabro.db")) as store:
        await append_all(store, rows)
        for offset in (0, 1, 2, 0, 3):
            query = RunQuery(buckets=frozenset({rows[0].bucket}), limit=4, offset=offset, now_ms=NOW_MS)
            page = await store.list_runs(query)
            assert [hit.id for hit in page.hits] == [run_id(n) for n in range(7, 0, -1)][offset : offset + 4]
        cache = store._open().readers._pages  # type: ignore[attr-defined]  # what is kept is no part of the interface
        assert sum(len(page.hits) for page in cache._pages.values()) <= 5


async def test_pages_without_runs_are_bounded_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "MAX_BYTES", 20_000)
    async with opened(SqliteRunStore(tmp_path / "fabro.db")) as store:
        await store.append(batch(row(A)))
        for number in range(100):
            query = RunQuery(
                buckets=frozenset({row(A).bucket}), limit=4, facets=("x" * 1_000 + str(number),), now_ms=NOW_MS
            )
            assert (await store.list_runs(query)).hits == ()
        cache = store._open().readers._pages  # type: ignore[attr-defined]  # as above
        assert 0 < len(cache._pages) < 20


async def test_lists_beside_writers_of_two_instances_are_never_older_than_the_last_answer(tmp_path: Path) -> None:
    path = tmp_path / "fabro.db"
    chance = random.Random(7)
    async with opened(SqliteRunStore(path)) as one, opened(SqliteRunStore(path)) as other:
        for n in range(1, 60):
            writer, reader = chance.sample([one, other], 2)
            await asyncio.gather(list_all(reader), writer.append(batch(row(run_id(n)))), list_all(writer))
            for store in (writer, reader):
                page = await list_all(store)
                assert (len(page.hits), page.total) == (min(n, len(page.hits)), n)
                assert page.hits[0].id == run_id(n)

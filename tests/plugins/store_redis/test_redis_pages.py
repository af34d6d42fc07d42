"""Pages of the Redis store: what they cost inside the server, deep ones, and a feed that is cut off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Literal

import pytest

from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import AppendBatch, EventRecord, FeedQuery, RunIdQuery, RunQuery, RunRow, RunSort
from fabro_core.testing.store.case import NOW_MS, batch, ids, row, run_id
from fabro_core.testing.store.model import expected_page
from tests.plugins.store_redis.valkey import Valkey, open_redis, running

pytestmark = pytest.mark.anyio

SHOWN = frozenset(Bucket) - {Bucket.ARCHIVED, Bucket.REMOVING}
FEED_EVENTS = 100_000


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with running(tmp_path, "--appendonly", "no") as server:
        yield server


@pytest.fixture
async def store(valkey: Valkey, anyio_backend: str) -> AsyncIterator[RunStore]:
    async with open_redis(valkey.url, "test") as store:
        yield store


def some_row(number: int) -> RunRow:
    """Runs of all buckets, with ties under every key, a third of them in one automation."""
    return row(
        run_id(number),
        bucket=Bucket(number % 9),
        created_ms=NOW_MS + number,
        updated_ms=NOW_MS + number * 7 % 1_000,
        begun_ms=NOW_MS - number % 300,
        elapsed_ms=None if number % 2 else number % 200,
        repo_key=f"acme/{number % 5}",
        title_key=f"title {number % 97}",
        workflow_key=f"workflow {number % 3}",
        changes=number % 50,
        size=number % 5,
        facets=("nightly",) if number % 3 == 0 else (),
    )


async def store_runs(store: RunStore, numbers: range) -> list[RunRow]:
    rows = [some_row(number) for number in numbers]
    for at in range(0, len(rows), 100):
        await asyncio.gather(*(store.append(batch(each)) for each in rows[at : at + 100]))
    return rows


def commands(valkey: Valkey) -> int:
    """How many commands the server has carried out, those of scripts included, since they were last counted."""
    lines = valkey.ask(b"INFO commandstats").decode().splitlines()
    valkey.ask(b"CONFIG RESETSTAT")
    return sum(int(line.partition("calls=")[2].partition(",")[0]) for line in lines if line.startswith("cmdstat_"))


async def cost(store: RunStore, valkey: Valkey, query: RunQuery) -> int:
    commands(valkey)
    await store.list_runs(query)
    return commands(valkey)


@pytest.mark.parametrize("facets", [(), ("nightly",)])
async def test_the_cost_of_a_first_page_does_not_grow_with_the_number_of_runs(
    store: RunStore, valkey: Valkey, facets: tuple[str, ...]
) -> None:
    queries = [
        RunQuery(buckets=SHOWN, sort=sort, direction=direction, limit=20, now_ms=NOW_MS, facets=facets)
        for sort in (RunSort if not facets else (RunSort.CREATED_AT, RunSort.STATUS))
        for direction in ("asc", "desc")
    ]
    await store_runs(store, range(600))
    few = [await cost(store, valkey, query) for query in queries]
    await store_runs(store, range(600, 3_000))
    many = [await cost(store, valkey, query) for query in queries]
    for query, before, after in zip(queries, few, many, strict=True):
        assert after <= before * 1.2, f"{query.sort} {query.direction}"
        assert after < 150


async def test_the_cost_of_a_prefix_that_all_ids_start_with_is_that_of_the_ids_that_are_asked_for(
    store: RunStore, valkey: Valkey
) -> None:
    await store_runs(store, range(1_000))
    commands(valkey)
    page = await store.list_run_ids(RunIdQuery(prefix="0", limit=2))
    assert (page.ids, page.has_more) == ((run_id(0), run_id(1)), True)
    assert commands(valkey) < 20


@pytest.mark.parametrize("sort", list(RunSort))
@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_a_deep_page_is_the_right_one_and_costs_logarithms(
    store: RunStore, valkey: Valkey, sort: RunSort, direction: Literal["asc", "desc"]
) -> None:
    rows = await store_runs(store, range(1_000))
    for offset in (1, 19, 300, 555, 760, 777, 999):
        query = RunQuery(buckets=SHOWN, sort=sort, direction=direction, limit=10, offset=offset, now_ms=NOW_MS + 100)
        commands(valkey)
        page = await store.list_runs(query)
        assert commands(valkey) < 1_200
        assert (ids(page), page.total) == expected_page(rows, query)


async def test_a_page_may_be_longer_than_one_command(store: RunStore) -> None:
    rows = await store_runs(store, range(1_200))
    query = RunQuery(buckets=frozenset(Bucket), limit=2_000, now_ms=NOW_MS)
    page = await store.list_runs(query)
    assert (ids(page), page.total) == expected_page(rows, query)


async def test_who_follows_a_feed_that_was_cut_off_is_told_of_the_gap(store: RunStore) -> None:
    many = 5_000
    for start in range(0, FEED_EVENTS + 2 * many, many):
        events = tuple(EventRecord(seq=start + n, kind="run.note", body=b"") for n in range(1, many + 1))
        newest = row(run_id(1), start + many)
        await store.append(AppendBatch(run_id=run_id(1), expected_seq=start, events=events, row=newest))
    first = await store.read_feed(FeedQuery(after=0, limit=10))
    assert first.gap, "the oldest events are no longer there"
    assert len(first.events) == 10
    oldest = first.events[0].position
    present = (await store.read_feed(FeedQuery(after=None, limit=1))).position
    assert present - oldest >= FEED_EVENTS - 1
    assert not (await store.read_feed(FeedQuery(after=oldest - 1, limit=10))).gap, "nothing is missing after it"
    assert not (await store.read_feed(FeedQuery(after=present, limit=10))).gap

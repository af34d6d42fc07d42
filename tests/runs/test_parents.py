"""Links to parents never close a ring, whoever makes them at the same time (runs.md R10)."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabro_core.clock import epoch_ms
from fabro_core.errors import Conflict, NotFound, Refusal
from fabro_core.models.ids import RunId
from fabro_core.runs.service import Runs
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import Doc, DocRef, DocWrite
from fabro_core.testing.clock import ManualClock
from tests.api.seeding import Seed, put
from tests.replicas import InterleavingStore
from tests.runs.conftest import ANN, projection_of, service

pytestmark = pytest.mark.anyio

Replicas = tuple[RunStore, RunStore]


async def runs_in(store: RunStore, count: int) -> list[RunId]:
    seeds = [Seed(entropy=entropy) for entropy in range(count)]
    await put(store, *seeds)
    return [RunId(seed.id) for seed in seeds]


async def link(runs: Runs, child: RunId, parent: RunId) -> bool:
    """Whether the link was made."""
    try:
        await runs.link_parent(child, parent, actor=ANN)
    except Refusal:
        return False
    return True


async def ring_in(store: RunStore, ids: list[RunId]) -> bool:
    """Whether somebody is their own ancestor."""
    parents = {run_id: (await projection_of(store, run_id)).parent_id for run_id in ids}
    for run_id in ids:
        above = parents[run_id]
        for _ in ids:
            above = parents[RunId(above)] if above is not None else None
        if above is not None:
            return True
    return False


@pytest.mark.parametrize("length", [2, 3, 4])
async def test_of_the_links_of_a_ring_made_at_once_some_are_made_and_one_is_not(
    replicas: Replicas, length: int
) -> None:
    services = [service(store) for store in replicas]
    ids = await runs_in(replicas[0], length)
    made = await asyncio.gather(*(link(services[n % 2], ids[n], ids[(n + 1) % length]) for n in range(length)))
    assert made.count(False) >= 1
    assert not await ring_in(replicas[0], ids)


async def test_twenty_random_links_at_once_make_no_ring(replicas: Replicas) -> None:
    services = [service(store) for store in replicas]
    ids = await runs_in(replicas[0], 5)
    chance = Random(7)
    pairs = [chance.sample(ids, 2) for _ in range(20)]
    made = await asyncio.gather(*(link(services[n % 2], child, parent) for n, (child, parent) in enumerate(pairs)))
    assert any(made)
    assert not await ring_in(replicas[0], ids)


async def test_the_same_link_made_at_once_is_made_once(replicas: Replicas) -> None:
    services = [service(store) for store in replicas]
    child, parent = await runs_in(replicas[0], 2)
    assert all(await asyncio.gather(*(link(services[n % 2], child, parent) for n in range(6))))
    run = await projection_of(replicas[0], child)
    assert (run.parent_id, run.seq) == (parent, 2)


Edit = tuple[int, int | None]
"""Of a run by its number: link to another one, or leave the parent (None)."""


@settings(max_examples=150)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, 2), st.none() | st.integers(0, 2)).filter(lambda edit: edit[0] != edit[1]),
        min_size=2,
        max_size=8,
    ),
    seed=st.integers(0, 2**32),
)
async def test_no_interleaving_of_links_and_unlinks_makes_a_ring(edits: list[Edit], seed: int) -> None:
    data, chance = MemoryData(), Random(seed)
    async with AsyncExitStack() as stack:
        stores = [InterleavingStore(data, chance) for _ in range(2)]
        for store in stores:
            await stack.enter_async_context(store.lifespan())
        ids = await runs_in(stores[0], 3)

        async def make(number: int, edit: Edit) -> None:
            runs, (child, parent) = service(stores[number % 2]), edit
            for _ in range(chance.randrange(30)):
                await asyncio.sleep(0)
            if parent is None:
                await runs.unlink_parent(ids[child], actor=ANN)
            else:
                await link(runs, ids[child], ids[parent])

        await asyncio.gather(*(make(number, edit) for number, edit in enumerate(edits)))
        assert not await ring_in(stores[0], ids)


class HeldStore(MemoryRunStore):
    """Stops after writing a document until it is told to go on, as a slow server would."""

    def __init__(self, data: MemoryData) -> None:
        super().__init__(data)
        self.held, self.go = asyncio.Event(), asyncio.Event()

    async def put_doc(self, write: DocWrite, /) -> Doc:
        doc = await super().put_doc(write)
        self.held.set()
        await self.go.wait()
        return doc


async def test_an_edit_under_way_counts_although_another_made_and_removed_its_link(anyio_backend: str) -> None:
    data = MemoryData()
    slow, store = HeldStore(data), MemoryRunStore(data)
    async with slow.lifespan(), store.lifespan():
        child, parent = ids = await runs_in(store, 2)
        runs = service(store)
        under_way = asyncio.create_task(service(slow).link_parent(child, parent, actor=ANN))
        await slow.held.wait()
        assert await link(runs, child, parent)
        await runs.unlink_parent(child, actor=ANN)
        assert not await link(runs, parent, child)
        slow.go.set()
        await under_way
        assert not await ring_in(store, ids)


async def test_nothing_is_in_flight_after_the_last_link(replicas: Replicas) -> None:
    runs = service(replicas[0])
    first, second, third = await runs_in(replicas[0], 3)
    assert await link(runs, first, second)
    assert not await link(runs, second, first)
    now_ms = epoch_ms(ManualClock().now())
    doc = await replicas[1].get_doc(DocRef(collection="runs.parent-links", key="in-flight", now_ms=now_ms))
    assert doc is not None
    assert first not in doc.body.decode()
    assert await link(runs, third, first)


async def test_an_edit_that_never_ends_counts_for_a_minute_and_can_do_no_harm_afterwards(anyio_backend: str) -> None:
    data, clock = MemoryData(), ManualClock()
    slow, store = HeldStore(data), MemoryRunStore(data)
    async with slow.lifespan(), store.lifespan():
        child, parent = ids = await runs_in(store, 2)
        runs = Runs(store, clock, web_url=None)
        hung = asyncio.create_task(Runs(slow, clock, web_url=None).link_parent(child, parent, actor=ANN))
        await slow.held.wait()
        clock.advance(timedelta(seconds=59))
        assert not await link(runs, parent, child)
        clock.advance(timedelta(seconds=1))
        assert await link(runs, parent, child)
        slow.go.set()
        with pytest.raises(Conflict):
            await hung
        assert not await ring_in(store, ids)


async def test_a_parent_that_is_deleted_meanwhile_is_not_found(replicas: Replicas) -> None:
    runs = service(replicas[0])
    child, parent = await runs_in(replicas[0], 2)
    await runs.delete_by_force(parent, actor=ANN)
    with pytest.raises(NotFound, match=parent):
        await runs.link_parent(child, parent, actor=ANN)

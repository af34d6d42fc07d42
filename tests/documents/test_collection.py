"""Collections of documents: changes that meet, expiry, owners and walks, on two instances of one store."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from random import Random

import msgspec
import pytest

from fabro_core.documents import collection
from fabro_core.documents.collection import DELETE, LEAVE, MAX_ATTEMPTS, PAGE, Documents, Verdict
from fabro_core.errors import Contended, RevisionConflict
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import ABSENT, Doc, DocWrite
from fabro_core.testing.clock import ManualClock
from tests.replicas import InterleavingStore

pytestmark = pytest.mark.anyio

Replicas = tuple[RunStore, RunStore]

LIFETIME = timedelta(seconds=90)


class Tally(msgspec.Struct, frozen=True):
    count: int
    owner: str = "ann"


def expires(tally: Tally, now: datetime) -> datetime:
    return now + LIFETIME


def tallies(store: RunStore, clock: ManualClock) -> Documents[Tally]:
    return Documents(store, clock, "test.tally", Tally, owner=lambda _, tally: tally.owner, expires=expires)


async def one_more(tally: Tally | None) -> Tally:
    return Tally(1 if tally is None else tally.count + 1)


async def count_of(documents: Documents[Tally], key: str) -> int | None:
    stored = await documents.get(key)
    return None if stored is None else stored.body.count


# -- changes that meet ---------------------------------------------------------------------------------------------


async def test_changes_of_two_servers_at_once_are_all_made(replicas: Replicas, clock: ManualClock) -> None:
    servers = [tallies(store, clock) for store in replicas]
    results = await asyncio.gather(*(servers[n % 2].update("k", one_more) for n in range(40)))
    assert sorted(tally.count for tally in results) == list(range(1, 41))
    assert await count_of(servers[0], "k") == 40


async def test_writers_of_one_process_never_decide_in_vain(clock: ManualClock, anyio_backend: str) -> None:
    store, decisions = InterleavingStore(MemoryData(), Random(1)), 0

    async def counted(tally: Tally | None) -> Tally:
        nonlocal decisions
        decisions += 1
        return await one_more(tally)

    async with store.lifespan():
        documents = tallies(store, clock)
        await asyncio.gather(*(documents.update("k", counted) for _ in range(30)))
        assert await count_of(documents, "k") == decisions == 30


async def test_a_change_is_decided_anew_when_another_server_was_first(replicas: Replicas, clock: ManualClock) -> None:
    mine, others = (tallies(store, clock) for store in replicas)
    seen: list[int | None] = []

    async def slowly(tally: Tally | None) -> Tally:
        seen.append(None if tally is None else tally.count)
        if len(seen) == 1:
            await others.update("k", one_more)
        return await one_more(tally)

    assert await mine.update("k", slowly) == Tally(2)
    assert seen == [None, 1]


class BusyStore(MemoryRunStore):
    """Another server is always first."""

    async def put_doc(self, write: DocWrite, /) -> Doc:
        raise RevisionConflict


async def test_a_change_that_others_are_always_before_is_refused(clock: ManualClock, anyio_backend: str) -> None:
    decisions = 0

    async def counted(tally: Tally | None) -> Tally:
        nonlocal decisions
        decisions += 1
        return await one_more(tally)

    store = BusyStore(MemoryData())
    async with store.lifespan():
        documents = tallies(store, clock)
        with pytest.raises(Contended, match="Try again"):
            await documents.update("k", counted)
        assert decisions == MAX_ATTEMPTS
        assert await documents.get("k") is None


async def test_what_a_decision_raises_writes_nothing_and_ends_its_turn(replicas: Replicas, clock: ManualClock) -> None:
    documents = tallies(replicas[0], clock)
    await documents.update("k", one_more)

    async def refuse(tally: Tally | None) -> Tally:
        raise LookupError("no")

    with pytest.raises(LookupError):
        await documents.update("k", refuse)
    assert await documents.update("k", one_more) == Tally(2)


async def test_a_decision_may_leave_and_delete(replicas: Replicas, clock: ManualClock) -> None:
    documents = tallies(replicas[0], clock)

    async def leave(tally: Tally | None) -> Verdict:
        return LEAVE

    async def delete(tally: Tally | None) -> Verdict:
        return DELETE

    assert await documents.update("k", leave) is None
    assert await documents.update("k", delete) is None
    await documents.update("k", one_more)
    before = await documents.get("k")
    assert await documents.update("k", leave) == Tally(1)
    assert await documents.get("k") == before
    assert await documents.update("k", delete) is None
    assert await documents.get("k") is None


async def test_a_deletion_is_decided_anew_when_another_server_was_first(replicas: Replicas, clock: ManualClock) -> None:
    mine, others = (tallies(store, clock) for store in replicas)
    await mine.update("k", one_more)

    async def delete_the_first(tally: Tally | None) -> Verdict:
        if tally == Tally(1):
            await others.update("k", one_more)
            return DELETE
        return LEAVE

    assert await mine.update("k", delete_the_first) == Tally(2)
    assert await count_of(others, "k") == 2


async def test_of_twenty_deletes_at_once_one_was_it(replicas: Replicas, clock: ManualClock) -> None:
    servers = [tallies(store, clock) for store in replicas]
    await servers[0].put("k", Tally(1))
    deleted = await asyncio.gather(*(servers[n % 2].delete("k") for n in range(20)))
    assert deleted.count(True) == 1


async def test_a_write_on_what_is_no_longer_there_writes_nothing(replicas: Replicas, clock: ManualClock) -> None:
    mine, others = (tallies(store, clock) for store in replicas)
    assert await mine.put("k", Tally(1), if_revision=ABSENT)
    assert not await others.put("k", Tally(7), if_revision=ABSENT)
    read = await mine.get("k")
    assert read is not None
    assert await others.put("k", Tally(2), if_revision=read.revision)
    assert not await mine.put("k", Tally(7), if_revision=read.revision)
    assert await count_of(mine, "k") == 2


class HungStore(MemoryRunStore):
    """Keeps its first write hanging."""

    def __init__(self, data: MemoryData) -> None:
        super().__init__(data)
        self.hangs, self.go = asyncio.Event(), asyncio.Event()

    async def put_doc(self, write: DocWrite, /) -> Doc:
        if not self.hangs.is_set():
            self.hangs.set()
            await self.go.wait()
        return await super().put_doc(write)


async def test_nobody_waits_for_long_behind_a_writer_that_hangs(
    clock: ManualClock, anyio_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "PATIENCE_SECONDS", 0)
    store = HungStore(MemoryData())
    async with store.lifespan():
        documents = tallies(store, clock)
        hung = asyncio.create_task(documents.update("k", one_more))
        await store.hangs.wait()
        assert await documents.update("k", one_more) == Tally(1)
        store.go.set()
        assert await hung == Tally(2)


# -- expiry ----------------------------------------------------------------------------------------------------------


async def test_a_document_is_gone_from_the_instant_it_expires_on(replicas: Replicas, clock: ManualClock) -> None:
    documents = tallies(replicas[0], clock)
    await documents.put("k", Tally(3))
    clock.advance(LIFETIME - timedelta(milliseconds=1))
    assert await count_of(documents, "k") == 3
    clock.advance(timedelta(milliseconds=1))
    assert await documents.get("k") is None
    assert [stored async for stored in documents.walk()] == []
    assert not await documents.delete("k")
    assert await documents.update("k", one_more) == Tally(1)


async def test_a_change_puts_the_expiry_off(replicas: Replicas, clock: ManualClock) -> None:
    documents = tallies(replicas[0], clock)
    await documents.update("k", one_more)
    clock.advance(LIFETIME / 2)
    await documents.update("k", one_more)
    clock.advance(LIFETIME / 2)
    assert await count_of(documents, "k") == 2


async def test_a_collection_without_an_expiry_keeps_its_documents(replicas: Replicas, clock: ManualClock) -> None:
    documents = Documents(replicas[0], clock, "test.kept", Tally)
    await documents.put("k", Tally(1))
    clock.advance(timedelta(days=10_000))
    assert await count_of(documents, "k") == 1


# -- walks -----------------------------------------------------------------------------------------------------------


async def test_a_walk_goes_beyond_one_page(replicas: Replicas, clock: ManualClock) -> None:
    documents, keys = tallies(replicas[0], clock), [f"{n:03}" for n in range(2 * PAGE + 1)]
    for n, key in enumerate(keys):
        await documents.put(key, Tally(n, owner="ann" if n % 2 else "bob"))
    assert [stored.key async for stored in documents.walk()] == keys
    assert [stored.body.count async for stored in documents.walk(owner="bob")] == list(range(0, 2 * PAGE + 1, 2))
    assert [stored async for stored in documents.walk(owner="nobody")] == []


async def test_a_walk_that_deletes_what_it_meets_meets_everything(replicas: Replicas, clock: ManualClock) -> None:
    documents = tallies(replicas[0], clock)
    for n in range(2 * PAGE + 1):
        await documents.put(f"{n:03}", Tally(n))
    async for stored in documents.walk(owner="ann"):
        await documents.delete(stored.key)
    assert [stored async for stored in documents.walk()] == []


async def test_collections_do_not_meet(replicas: Replicas, clock: ManualClock) -> None:
    documents, other = tallies(replicas[0], clock), Documents(replicas[0], clock, "test.tally2", Tally)
    await documents.put("k", Tally(1))
    assert await other.get("k") is None
    assert [stored async for stored in other.walk()] == []

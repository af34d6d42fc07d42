"""Whoever waits for a run is served in one turn, and by one append (runs.md R1.7)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from fabro_core.errors import Conflict, IllegalTransition, NotFound, RunArchived, StoreUnavailable
from fabro_core.models.events import Properties, RunTitleUpdated
from fabro_core.models.ids import RunId
from fabro_core.models.status import Bucket
from fabro_core.runs.decide import lifecycle
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.log.batch import FULL_BYTES, FULL_EVENTS
from fabro_core.runs.log.log import MAX_APPEND_ATTEMPTS, Outcome, RunLog
from fabro_core.runs.log.submission import read_submission
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import AppendBatch, StoredRun
from fabro_core.testing.clock import ManualClock
from tests.runs.conftest import ANN, events_of, new_run, service

pytestmark = pytest.mark.anyio

Rival = Callable[[], Awaitable[Any]]


class SlowStore(MemoryRunStore):
    """Appends when it is told to, and keeps count."""

    def __init__(self, data: MemoryData) -> None:
        super().__init__(data)
        self.ready = asyncio.Event()
        self.ready.set()
        self.batches: list[int] = []
        """How many events each append had that was let through."""
        self.reads = 0
        self.meets: deque[Rival | Exception | None] = deque()
        """What each of the next appends meets: somebody who is first, a failure, or nothing."""

    async def append(self, batch: AppendBatch, /) -> int:
        await self.ready.wait()
        met = self.meets.popleft() if self.meets else None
        if isinstance(met, Exception):
            raise met
        if met is not None:
            await met()
        seq = await super().append(batch)
        self.batches.append(len(batch.events))
        return seq

    async def get_run(self, run_id: str, /) -> StoredRun | None:
        self.reads += 1
        return await super().get_run(run_id)


@dataclass
class Site:
    store: SlowStore
    log: RunLog
    elsewhere: RunLog
    """The log as another process has it."""
    run_id: RunId

    async def submit(self, name: str = "acme.note", *, padding: str = "", log: RunLog | None = None) -> int:
        event = {
            "id": name,
            "ts": "2026-03-02T10:20:00Z",
            "run_id": self.run_id,
            "event": name,
            "properties": {"text": padding},
        }
        entry = read_submission(msgspec.json.encode(event), self.run_id)
        return await (log or self.log).submit(self.run_id, entry)

    async def change(self, decide: Callable[[Projection], Sequence[Properties]], log: RunLog | None = None) -> Any:
        return await (log or self.log).change(self.run_id, decide, actor=ANN)

    async def occupied(self) -> asyncio.Task[int]:
        """Somebody whose append takes until `release`; whoever comes now has to wait."""
        self.store.ready.clear()
        first = asyncio.create_task(self.submit("acme.first"))
        await asyncio.sleep(0)
        return first

    def wait(self, *calls: Awaitable[Any]) -> list[asyncio.Task[Any]]:
        return [asyncio.ensure_future(call) for call in calls]

    async def release(self, *tasks: asyncio.Task[Any]) -> list[Any]:
        await asyncio.sleep(0)
        self.store.ready.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def kinds(self) -> list[str]:
        return [event.kind for event in await events_of(self.store, self.run_id)][2:]


@pytest.fixture
async def site(anyio_backend: str) -> AsyncIterator[Site]:
    data = MemoryData()
    store, other = SlowStore(data), MemoryRunStore(data)
    async with store.lifespan(), other.lifespan():
        run_id = await new_run(service(store))
        store.batches.clear()
        yield Site(store, RunLog(store, ManualClock()), RunLog(other, ManualClock()), run_id)


async def test_who_waits_is_written_in_one_append_in_the_order_of_arrival(site: Site) -> None:
    first = await site.occupied()
    others = site.wait(*(site.submit(f"acme.{number}") for number in range(10)))
    assert await site.release(first, *others) == list(range(3, 14))
    assert site.store.batches == [1, 10]
    assert await site.kinds() == ["acme.first", *(f"acme.{number}" for number in range(10))]


async def test_each_is_decided_on_what_those_before_it_leave(site: Site) -> None:
    first = await site.occupied()
    seen: list[str] = []

    def entitle(title: str) -> Callable[[Projection], Sequence[Properties]]:
        def decide(run: Projection) -> Sequence[Properties]:
            seen.append(run.title)
            return (RunTitleUpdated(title=title),)

        return decide

    before = (await site.log.get(site.run_id)).seq
    outcomes = await site.release(first, *site.wait(*(site.change(entitle(title)) for title in ("one", "two"))))
    assert seen[1:] == ["one"]
    assert [outcome.before.seq for outcome in outcomes[1:]] == [before + 1, before + 2]
    assert outcomes[1].hit == outcomes[2].hit == await site.store.get_run(site.run_id)


async def test_a_refusal_is_its_own_callers_alone(site: Site) -> None:
    first = await site.occupied()

    def stumble(run: Projection) -> Sequence[Properties]:
        raise ZeroDivisionError

    calls = (site.submit("acme.a"), site.submit("run.running"), site.change(stumble), site.submit("acme.b"))
    outcomes = await site.release(first, *site.wait(*calls))
    assert [type(outcome) for outcome in outcomes] == [int, int, IllegalTransition, ZeroDivisionError, int]
    assert await site.kinds() == ["acme.first", "acme.a", "acme.b"]
    assert site.store.batches == [1, 2]


async def test_of_two_that_exclude_each_other_the_second_is_refused(site: Site) -> None:
    first = await site.occupied()
    outcomes = await site.release(first, *site.wait(*(site.change(lifecycle.cancel) for _ in range(2))))
    assert isinstance(outcomes[2], IllegalTransition)
    assert await site.kinds() == ["acme.first", "run.cancel.requested", "run.failed"]


async def test_a_refusal_because_of_what_was_never_written_is_taken_back(site: Site) -> None:
    await site.change(lifecycle.cancel)
    first = await site.occupied()

    def archive(run: Projection) -> Sequence[Properties]:
        if run.title == "Keep":
            raise Conflict("It is to be kept.")
        return lifecycle.archive(run)

    site.store.meets.extend([None, lambda: site.change(lifecycle.retitle("Keep"), site.elsewhere)])
    outcomes = await site.release(first, *site.wait(site.change(archive), site.submit("acme.note")))
    assert [type(outcome) for outcome in outcomes] == [int, Conflict, int]
    assert (await site.kinds())[-2:] == ["run.title.updated", "acme.note"]


async def test_when_another_process_was_first_all_are_decided_anew(site: Site) -> None:
    first = await site.occupied()
    decided: list[int] = []

    def entitle(run: Projection) -> Sequence[Properties]:
        decided.append(run.seq)
        return (RunTitleUpdated(title="New"),)

    site.store.meets.extend([None, lambda: site.change(lifecycle.cancel, site.elsewhere)])
    waiting = site.wait(site.change(entitle), site.submit("acme.note"), site.change(lifecycle.cancel))
    outcomes = await site.release(first, *waiting)
    assert decided == [3, 5]
    assert [type(outcome) for outcome in outcomes] == [int, Outcome, int, IllegalTransition]
    assert (await site.kinds())[1:] == ["run.cancel.requested", "run.failed", "run.title.updated", "acme.note"]


async def test_when_others_are_always_first_all_are_told(site: Site) -> None:
    first = await site.occupied()
    rivals = [lambda: site.submit("acme.rival", log=site.elsewhere)] * MAX_APPEND_ATTEMPTS
    site.store.meets.extend([None, *rivals])
    outcomes = await site.release(first, *site.wait(site.submit("acme.a"), site.submit("acme.b")))
    assert [type(outcome) for outcome in outcomes] == [int, Conflict, Conflict]
    assert await site.kinds() == ["acme.first", *["acme.rival"] * MAX_APPEND_ATTEMPTS]


async def test_a_failure_of_the_store_is_told_to_all_and_ends_with_them(site: Site) -> None:
    first = await site.occupied()
    site.store.meets.extend([None, StoreUnavailable("gone")])
    waiting = site.wait(site.submit("acme.a"), site.submit("run.running"), site.change(lifecycle.cancel))
    outcomes = (await site.release(first, *waiting))[1:]
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 3, "a refusal may have been about the others"
    assert await site.submit("acme.b") == 4
    assert await site.kinds() == ["acme.first", "acme.b"]


async def test_who_gives_up_waiting_is_not_written(site: Site) -> None:
    first = await site.occupied()
    waiting = site.wait(*(site.submit(f"acme.{number}") for number in range(3)))
    await asyncio.sleep(0)
    waiting[1].cancel()
    outcomes = await site.release(first, *waiting)
    assert [type(outcome) for outcome in outcomes] == [int, int, asyncio.CancelledError, int]
    assert await site.kinds() == ["acme.first", "acme.0", "acme.2"]


async def test_who_gives_up_while_it_is_written_disturbs_nobody(site: Site) -> None:
    first = await site.occupied()
    waiting = site.wait(*(site.submit(f"acme.{number}") for number in range(2)))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert [type(outcome) for outcome in await site.release(first, *waiting)][2] is int
    kinds = await site.kinds()
    assert kinds[-2:] == ["acme.0", "acme.1"], "what was under way is written whole"
    assert await site.submit("acme.later") == len(kinds) + 3


async def test_no_batch_has_too_many_events(site: Site) -> None:
    first = await site.occupied()
    many = 2 * FULL_EVENTS + 5
    outcomes = await site.release(first, *site.wait(*(site.submit(f"acme.{number}") for number in range(many))))
    assert outcomes == list(range(3, many + 4))
    assert site.store.batches == [1, FULL_EVENTS, FULL_EVENTS, 5]


async def test_no_batch_has_too_many_bytes(site: Site) -> None:
    first = await site.occupied()
    padding = "x" * (FULL_BYTES // 2)
    await site.release(first, *site.wait(*(site.submit(padding=padding) for _ in range(5))))
    assert site.store.batches == [1, 2, 2, 1]


async def test_runs_do_not_wait_for_each_other(site: Site) -> None:
    other = await new_run(service(site.store))
    first = await site.occupied()
    site.store.ready.set()
    entry = read_submission(
        msgspec.json.encode({"id": "x", "ts": "2026-03-02T10:20:00Z", "run_id": other, "event": "acme.note"}), other
    )
    assert await site.log.submit(other, entry) == 3
    await first


async def test_an_unknown_run_is_not_found_by_anybody(site: Site) -> None:
    unknown = Site(site.store, site.log, site.elsewhere, RunId("01KJQ0QEPA7V9X1B2C4D6F8G0H"))
    outcomes = await asyncio.gather(*(unknown.submit() for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [NotFound] * 3


# -- what is remembered --------------------------------------------------------------------------------------------


async def test_a_lone_writer_reads_its_run_twice_at_most(site: Site) -> None:
    before = site.store.reads
    for number in range(10):
        await site.submit(f"acme.{number}")
    assert site.store.reads - before <= 2


async def test_who_wrote_elsewhere_in_between_is_seen(site: Site) -> None:
    for number in range(4):
        await site.submit(f"acme.{number}")
    await site.submit("acme.rival", log=site.elsewhere)
    assert await site.submit("acme.late") == 8
    await site.change(lifecycle.cancel, site.elsewhere)
    await site.change(lifecycle.archive, site.elsewhere)
    with pytest.raises(RunArchived):
        await site.submit("acme.too-late")


async def test_nothing_is_refused_because_of_what_is_only_remembered(site: Site) -> None:
    for decide in (lifecycle.cancel, lifecycle.archive, lifecycle.unarchive, lifecycle.archive):
        await site.change(decide)
    with pytest.raises(RunArchived):
        await site.submit()
    await site.change(lifecycle.unarchive, site.elsewhere)
    assert await site.submit() > 0


async def test_a_run_that_was_deleted_elsewhere_is_not_found(site: Site) -> None:
    for number in range(4):
        await site.submit(f"acme.{number}")
    await site.store.delete_run(site.run_id)
    with pytest.raises(NotFound):
        await site.submit("acme.late")


async def test_a_changed_run_is_told_as_it_is_stored(site: Site) -> None:
    """Without being read back, where the store knows no more of it than was written."""
    await service(site.store).link_parent(await new_run(service(site.store)), site.run_id, actor=ANN)
    outcome = await site.change(lifecycle.retitle("Other"))
    assert outcome.hit == await site.store.get_run(site.run_id)
    assert outcome.hit.children_count == 1
    started = await site.change(lambda _: lifecycle.start(ANN)(outcome.before))
    assert (started.hit.bucket, started.hit.queue_position) == (Bucket.RUNNABLE, 1)
    assert started.hit == await site.store.get_run(site.run_id)

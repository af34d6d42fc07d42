"""Changes of a run are decided on what is stored, one writer at a time (runs.md R1.7)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from fabro_core.errors import Conflict, IllegalTransition, NotFound, SeqConflict, StoreUnavailable
from fabro_core.models.events import Properties, RunArchived, RunCreated, RunEvent, RunTitleUpdated
from fabro_core.models.ids import RunId
from fabro_core.runs.decide import lifecycle
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.log.log import MAX_APPEND_ATTEMPTS, RunLog
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import AppendBatch
from fabro_core.testing.clock import ManualClock
from tests.runs.conftest import ANN, events_of, new_run, projection_of, service

pytestmark = pytest.mark.anyio

Replicas = tuple[RunStore, RunStore]
UNKNOWN = RunId("01KJQ0QEPA7V9X1B2C4D6F8G0H")


def logs_of(replicas: Replicas) -> list[RunLog]:
    return [RunLog(store, ManualClock()) for store in replicas]


async def test_changes_at_once_are_all_made_one_after_another(replicas: Replicas) -> None:
    run_id = await new_run(service(replicas[0]))
    logs = logs_of(replicas)
    titles = [f"title {number}" for number in range(12)]
    await asyncio.gather(
        *(logs[n % 2].change(run_id, lifecycle.retitle(title), actor=ANN) for n, title in enumerate(titles))
    )
    events = [msgspec.json.decode(event.body, type=RunEvent) for event in await events_of(replicas[1], run_id)]
    assert [event.seq for event in events] == list(range(1, 15))
    given = [msgspec.json.decode(event.properties, type=RunTitleUpdated).title for event in events[2:]]
    assert sorted(given) == sorted(titles)
    assert (await projection_of(replicas[0], run_id)).title == given[-1]


async def test_of_two_cancels_at_once_one_is_refused_by_what_the_other_did(replicas: Replicas) -> None:
    run_id = await new_run(service(replicas[0]))
    results = await asyncio.gather(
        *(log.change(run_id, lifecycle.cancel, actor=ANN) for log in logs_of(replicas)), return_exceptions=True
    )
    assert [isinstance(result, IllegalTransition) for result in results].count(True) == 1
    kinds = [event.kind for event in await events_of(replicas[0], run_id)]
    assert kinds == ["run.created", "run.submitted", "run.cancel.requested", "run.failed"]


async def test_of_several_archives_at_once_one_changes_the_run(replicas: Replicas) -> None:
    runs = service(replicas[0])
    run_id = await new_run(runs)
    await runs.cancel(run_id, actor=ANN)
    logs = logs_of(replicas)
    outcomes = await asyncio.gather(*(logs[n % 2].change(run_id, lifecycle.archive, actor=ANN) for n in range(6)))
    assert [outcome.changed for outcome in outcomes].count(True) == 1
    assert len({outcome.hit.seq for outcome in outcomes}) == 1


async def test_an_outcome_without_change_is_the_stored_run(replicas: Replicas) -> None:
    run_id = await new_run(service(replicas[0]))
    outcome = await logs_of(replicas)[1].change(run_id, lambda run: (), actor=ANN)
    assert (outcome.changed, outcome.hit) == (False, await replicas[0].get_run(run_id))


async def test_an_unknown_run_is_not_found(replicas: Replicas) -> None:
    log = logs_of(replicas)[0]
    with pytest.raises(NotFound):
        await log.change(UNKNOWN, lifecycle.archive, actor=ANN)
    with pytest.raises(NotFound):
        await log.get(UNKNOWN)


async def test_a_batch_with_one_illegal_event_writes_nothing(replicas: Replicas) -> None:
    run_id = await new_run(service(replicas[0]))
    before = await events_of(replicas[0], run_id)
    (created, _) = before
    again = msgspec.json.decode(msgspec.json.decode(created.body, type=RunEvent).properties, type=RunCreated)

    def decide(run: Projection) -> Sequence[Properties]:
        return (RunTitleUpdated(title="Never"), again)

    with pytest.raises(IllegalTransition):
        await logs_of(replicas)[0].change(run_id, decide, actor=ANN)
    assert await events_of(replicas[0], run_id) == before


# -- how long a change is tried ------------------------------------------------------------------------------------


class LosingStore(MemoryRunStore):
    """Somebody else is first, `rivals` times."""

    def __init__(self, data: MemoryData) -> None:
        super().__init__(data)
        self.rivals = 0
        self.failure: Exception | None = None

    async def append(self, batch: AppendBatch, /) -> int:
        if self.failure is not None:
            raise self.failure
        if self.rivals:
            self.rivals -= 1
            raise SeqConflict(batch.expected_seq, batch.expected_seq + 1)
        return await super().append(batch)


async def test_a_change_is_tried_again_until_it_is_the_first(anyio_backend: str) -> None:
    store = LosingStore(MemoryData())
    async with store.lifespan():
        run_id = await new_run(service(store))
        store.rivals = MAX_APPEND_ATTEMPTS - 1
        decided: list[int] = []

        def decide(run: Projection) -> Sequence[Properties]:
            decided.append(run.seq)
            return (RunArchived(),)

        outcome = await RunLog(store, ManualClock()).change(run_id, decide, actor=ANN)
        assert (outcome.changed, outcome.hit.seq, len(decided)) == (True, 3, MAX_APPEND_ATTEMPTS)


async def test_a_change_that_is_never_the_first_is_a_conflict_in_the_end(anyio_backend: str) -> None:
    store = LosingStore(MemoryData())
    async with store.lifespan():
        run_id = await new_run(service(store))
        store.rivals = MAX_APPEND_ATTEMPTS
        with pytest.raises(Conflict):
            await RunLog(store, ManualClock()).change(run_id, lifecycle.retitle("Never"), actor=ANN)
        assert (store.rivals, len(await events_of(store, run_id))) == (0, 2)


async def test_an_unavailable_store_is_not_asked_again(anyio_backend: str) -> None:
    store = LosingStore(MemoryData())
    async with store.lifespan():
        run_id = await new_run(service(store))
        store.failure = StoreUnavailable("gone")
        with pytest.raises(StoreUnavailable):
            await RunLog(store, ManualClock()).change(run_id, lifecycle.retitle("Never"), actor=ANN)

"""A run is a fold of its log: replaying it from scratch gives what is stored (runs.md R5, R6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fabro_core.errors import IllegalTransition, Refusal
from fabro_core.models import events
from fabro_core.models.events import FailureDetail, RunEvent, RunFailure
from fabro_core.models.run import RunTiming
from fabro_core.models.status import FailureReason, RunStatusFailed
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.wire import row_of
from fabro_core.runs.service import Runs
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import EventRecord
from fabro_core.testing.clock import ManualClock
from tests.runs.conftest import ANN, events_of, new_run, service
from tests.runs.folding import fold_logged

pytestmark = pytest.mark.anyio

NO_TIME = RunTiming(wall_time_ms=0, inference_time_ms=0, tool_time_ms=0, active_time_ms=0)


def replayed(log: Sequence[EventRecord]) -> Projection:
    run: Projection | None = None
    for record in log:
        run = fold_logged(run, msgspec.json.decode(record.body, type=RunEvent))
    assert run is not None
    return run


# -- random lives --------------------------------------------------------------------------------------------------

Step = tuple[str, int, int]
"""What is done, to which of three runs, with which other one."""

STEPS = ("retitle", "cancel", "archive", "unarchive", "link", "unlink", "wait", "delete")


async def take(runs: Runs, clock: ManualClock, step: Step, ids: list[Any]) -> None:
    name, number, other = step
    run_id = ids[number]
    actions: dict[str, Callable[[], Awaitable[object]]] = {
        "retitle": lambda: runs.retitle(run_id, f"Title {other}", actor=ANN),
        "cancel": lambda: runs.cancel(run_id, actor=ANN),
        "archive": lambda: runs.archive(run_id, actor=ANN),
        "unarchive": lambda: runs.unarchive(run_id, actor=ANN),
        "link": lambda: runs.link_parent(run_id, ids[other], actor=ANN),
        "unlink": lambda: runs.unlink_parent(run_id, actor=ANN),
        "delete": lambda: runs.delete(run_id, actor=ANN),
    }
    if name == "wait":
        clock.advance(timedelta(milliseconds=1 + 700 * other))
        return
    with suppress(Refusal):
        await actions[name]()


@settings(max_examples=60)
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2), st.integers(0, 2)), max_size=25))
async def test_replaying_the_log_gives_the_stored_row_after_every_step(steps: list[Step]) -> None:
    data, clock = MemoryData(), ManualClock()
    store = MemoryRunStore(data)
    async with store.lifespan():
        runs = Runs(store, clock, web_url="https://fabro.example.com")
        ids = [await new_run(runs) for _ in range(3)]
        for step in steps:
            await take(runs, clock, step, ids)
            assert set(data.rows) == set(data.logs)
            for run_id, row in data.rows.items():
                log = await events_of(store, run_id)
                assert [record.seq for record in log] == list(range(1, len(log) + 1))
                assert row_of(replayed(log)) == row


# -- single events -------------------------------------------------------------------------------------------------


@pytest.fixture
async def submitted(anyio_backend: str) -> Projection:
    store = MemoryRunStore(MemoryData())
    async with store.lifespan():
        return replayed(await events_of(store, await new_run(service(store))))


def event(before: Projection, name: str, properties: object, seconds: int = 1) -> RunEvent:
    return RunEvent(
        seq=before.seq + 1,
        id="e",
        ts=f"2026-03-02T11:00:{seconds:02}Z",
        run_id=before.id,
        event=name,
        properties=msgspec.Raw(msgspec.json.encode(properties)),
    )


def failed(before: Projection, reason: FailureReason, message: str = "gone", seconds: int = 1) -> RunEvent:
    failure = RunFailure(reason=reason, detail=FailureDetail(message=message, category="canceled"))
    return event(before, "run.failed", events.RunFailed(failure=failure, timing=NO_TIME), seconds)


def test_a_log_begins_with_run_created_and_has_it_once(submitted: Projection) -> None:
    with pytest.raises(IllegalTransition):
        fold_logged(None, event(submitted, "run.submitted", {}))
    created = {
        "title": "Again",
        "settings": {},
        "graph": {"name": "G"},
        "provenance": {"subject": {"kind": "system", "system_kind": "engine"}},
    }
    with pytest.raises(IllegalTransition):
        fold_logged(submitted, event(submitted, "run.created", created))


def test_an_event_of_an_unknown_name_counts_and_changes_nothing_else(submitted: Projection) -> None:
    after = fold_logged(submitted, event(submitted, "stage.invented", {"any": ["thing"]}))
    assert after == replace(submitted, seq=3, last_event_at="2026-03-02T11:00:01Z")


def test_the_same_failure_again_changes_neither_status_nor_conclusion(submitted: Projection) -> None:
    first = fold_logged(submitted, failed(submitted, "cancelled"))
    again = fold_logged(first, failed(first, "cancelled", message="other", seconds=9))
    assert again == replace(first, seq=4, last_event_at="2026-03-02T11:00:09Z")
    assert (first.status, first.failure_message) == (RunStatusFailed("cancelled"), "gone")
    assert first.completed_at == first.status_updated_at == "2026-03-02T11:00:01Z"


def test_a_failure_for_another_reason_is_illegal(submitted: Projection) -> None:
    with pytest.raises(IllegalTransition):
        fold_logged(submitted, failed(submitted, "workflow_error"))
    first = fold_logged(submitted, failed(submitted, "cancelled"))
    with pytest.raises(IllegalTransition):
        fold_logged(first, failed(first, "terminated"))


def test_a_failure_clears_a_pending_control(submitted: Projection) -> None:
    asked = fold_logged(submitted, event(submitted, "run.cancel.requested", {"action": "cancel"}))
    assert asked.pending_control == "cancel"
    assert fold_logged(asked, failed(asked, "cancelled")).pending_control is None


def test_archiving_an_active_run_has_no_effect(submitted: Projection) -> None:
    assert not fold_logged(submitted, event(submitted, "run.archived", {})).archived

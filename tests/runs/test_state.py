"""The state of a run beyond its projection (events.md E10.1): every stage effect of E22, and any sequence of events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabro_core.errors import Conflict, NotFound
from fabro_core.models.events import RunEvent
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.wire import row_of
from fabro_core.runs.views.state import run_state
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import AppendBatch, EventRecord
from tests.runs.folding import CREATED, DRAFT, RUN_ID, RUNNING, event, fold_logged
from tests.runs.samples import SAMPLES
from tests.runs.stage_effects import BEGUN_TODO, EFFECTS, Step

pytestmark = pytest.mark.anyio


def batch_of(log: Sequence[RunEvent], run: Projection) -> AppendBatch:
    """A whole log, and the run after it."""
    records = tuple(EventRecord(seq=each.seq, kind=each.event, body=msgspec.json.encode(each)) for each in log)
    return AppendBatch(run_id=RUN_ID, expected_seq=0, events=records, row=row_of(run))


async def state_of(log: Sequence[RunEvent]) -> Any:
    """The JSON of the state of a run with this log."""
    store = MemoryRunStore(MemoryData())
    run: Projection | None = None
    for each in log:
        run = fold_logged(run, each)
    assert run is not None
    async with store.lifespan():
        await store.append(batch_of(log, run))
        return json.loads(msgspec.json.encode(await run_state(store, run)))


def log_of(*steps: Step) -> list[RunEvent]:
    """A log; what happens in it is one second apart, the first step at 10:00:02."""
    log = [event(1, "run.created", CREATED)]
    for step in steps:
        name, changes, scope = (step, None, DRAFT) if isinstance(step, str) else (*step, DRAFT)[:3]
        log.append(event(len(log) + 1, name, {**SAMPLES[name], **(changes or {})}, **scope))
    return log


async def stage_after(*steps: Step) -> Any:
    return (await state_of(log_of(*steps)))["stages"]["draft@1"]


# -- every effect on a stage (E22, column P) ------------------------------------------------------------------------


@pytest.mark.parametrize("happens", EFFECTS)
async def test_a_stage_says_what_its_events_have_told(happens: str) -> None:
    steps, expected = EFFECTS[happens]
    shown = await stage_after(*steps)
    assert {key: shown.get(key, ...) for key in expected} == expected


SILENT = sorted(
    name
    for name in SAMPLES
    if name.split(".")[0] in ("stage", "prompt", "parallel", "checkpoint", "agent", "command", "todo")
    and not any(each.split(" ")[0] == name for each in EFFECTS)
)


@pytest.mark.parametrize("name", SILENT)
async def test_every_other_event_makes_no_stage(name: str) -> None:
    assert (await state_of(log_of(name)))["stages"] == {}


# -- open properties ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [{"status": "done"}, {"order": -1}, {"order": "2"}, {"subject": None}, {"blocks": [1]}, {"metadata": []}],
)
async def test_what_an_open_property_may_not_be_leaves_a_todo_as_it_was(wrong: dict[str, Any]) -> None:
    stage = await stage_after(("todo.created", BEGUN_TODO), ("todo.updated", wrong))
    assert stage["todos"]["items"] == [BEGUN_TODO]


# -- which stage ----------------------------------------------------------------------------------------------------


async def test_a_text_without_a_visit_is_of_the_highest_one_known_at_its_time() -> None:
    node = {"node_id": "draft"}
    state = await state_of(
        log_of(
            ("command.completed", {"output": "first"}, node),
            ("stage.started", None, {**node, "stage_id": "draft@2"}),
            ("command.completed", {"output": "second"}, node),
            ("stage.started", None, {**node, "stage_id": "draft@3"}),
        )
    )
    assert {key: stage["output"] for key, stage in state["stages"].items()} == {
        "draft@1": "first",
        "draft@2": "second",
        "draft@3": None,
    }


# -- any log --------------------------------------------------------------------------------------------------------

STAGES = st.sampled_from([None, "draft@1", "draft@2", "review@1"])
NODES = st.sampled_from([None, "draft", "review"])
STEPS = st.tuples(st.sampled_from(sorted(SAMPLES.keys() - {"run.created"})), STAGES, NODES, st.booleans())


@settings(max_examples=120)
@given(begun=st.booleans(), steps=st.lists(STEPS, max_size=30))
async def test_any_log_that_may_be_written_has_a_state_that_agrees_with_the_projection(
    begun: bool, steps: Sequence[tuple[str, str | None, str | None, bool]]
) -> None:
    log = [event(1, "run.created", CREATED)]
    run = fold_logged(None, log[0])
    for name, stage_id, node_id, in_session in [*((each, None, None, False) for each in RUNNING if begun), *steps]:
        session = "s" if in_session else None
        following = event(run.seq + 1, name, stage_id=stage_id, node_id=node_id, session_id=session)
        try:
            run = fold_logged(run, following)
        except Conflict:
            continue
        log.append(following)
    state = await state_of(log)
    assert state["last_event_at"] == log[-1].ts
    assert (state["conclusion"] is not None) == (run.completed_at is not None)
    assert [each["seq"] for each in state["checkpoints"]] == [each.seq for each in run.checkpoints]
    assert state["pending_interviews"].keys() == run.questions.keys()
    assert {key: stage["state"] for key, stage in state["stages"].items()} == {
        key: stage.state for key, stage in run.stages.items()
    }


async def test_a_log_longer_than_a_page_is_read_to_its_end() -> None:
    outputs = [("command.completed", {"output": str(number)}) for number in range(1_200)]
    assert (await stage_after(*outputs))["output"] == "1199"


async def test_what_is_written_after_the_projection_was_read_is_not_mixed_in() -> None:
    log = log_of("stage.started", ("stage.prompt", {"text": "later"}))
    before = fold_logged(fold_logged(None, log[0]), log[1])
    after = fold_logged(before, log[2])
    store = MemoryRunStore(MemoryData())
    async with store.lifespan():
        await store.append(batch_of(log, after))
        state = await run_state(store, before)
    assert state.stages["draft@1"].prompt is None


async def test_a_run_that_is_deleted_while_its_log_is_read_is_missing() -> None:
    store = MemoryRunStore(MemoryData())
    async with store.lifespan():
        with pytest.raises(NotFound):
            await run_state(store, fold_logged(None, event(1, "run.created", CREATED)))

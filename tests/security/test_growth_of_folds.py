"""What is read out of a log takes time in proportion to the log, whatever a worker has written into it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import msgspec
import pytest

from fabro_core.clock import SystemClock
from fabro_core.errors import InvalidRequest
from fabro_core.models.events import RunEvent, typed
from fabro_core.models.ids import RunId
from fabro_core.models.stage import StageId
from fabro_core.runs.create.fork import fork_point
from fabro_core.runs.fold.projection import Projection, counted
from fabro_core.runs.fold.wire import row_of, run_body
from fabro_core.runs.follow.frames import Frame, Window, frame
from fabro_core.runs.log.batch import Batch
from fabro_core.runs.log.entry import Entry
from fabro_core.runs.log.log import RunLog
from fabro_core.runs.log.reading import event_detail, page_json
from fabro_core.runs.off_loop import OffLoop
from fabro_core.runs.pictures.pictures import Pictures
from fabro_core.runs.views.billing import contribution, run_billing
from fabro_core.runs.views.billing_ledger import BillingLedger
from fabro_core.runs.views.files import RunFiles
from fabro_core.runs.views.output_log import StageOutputs
from fabro_core.runs.views.read_models import ReadModels
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import AppendBatch, EventPage, EventQuery, EventRecord
from tests.growth import MOST_GROWTH, growth
from tests.runs.folding import CREATED, RUN_ID, RUNNING, event
from tests.runs.samples import SAMPLES, TODO

pytestmark = pytest.mark.slow

# -- logs -----------------------------------------------------------------------------------------------------------

Step = tuple[str, dict[str, Any], dict[str, Any]]
"""Name, what differs from its sample, and scope."""
Nth = Callable[[int, int], Step]
"""The event with this number, of so many."""

TOOL = {"category": "read", "invoked": False}
GRAPH = {"name": "G", "attrs": {}, "nodes": {}, "edges": []}
DRAFT = {"node_id": "draft", "stage_id": "draft@1"}


def of_node(number: int, visit: int = 1) -> dict[str, Any]:
    return {"node_id": f"n{number}", "stage_id": f"n{number}@{visit}"}


def in_session(number: int) -> dict[str, Any]:
    return {**DRAFT, "session_id": f"s{number}"}


def first_half(each: Nth, then: Nth) -> Nth:
    """`each` for one half of the log, `then` with the same numbers for the other."""
    return lambda number, count: each(number, count) if 2 * number < count else then(number - (count + 1) // 2, count)


def taking_turns(*each: Nth) -> Nth:
    return lambda number, count: each[number % len(each)](number // len(each), count)


STARTED: Nth = lambda number, count: ("stage.started", {}, of_node(number))  # noqa: E731
"""A stage of its own."""
CALLED: Nth = lambda number, count: ("agent.tool.started", {"tool_call_id": f"c{number}"}, in_session(0))  # noqa: E731
ASKED: Nth = lambda number, count: ("interview.started", {"question_id": f"q{number}"}, DRAFT)  # noqa: E731
THOUGHT: Nth = lambda number, count: ("agent.llm.started", {}, in_session(number))  # noqa: E731
REACHED: Nth = lambda number, count: (  # noqa: E731
    "checkpoint.completed",
    {"current_node": f"n{number}", "node_outcomes": {f"m{number}": "skipped"}},
    {},
)

LOGS: dict[str, Nth] = {
    "names that nobody knows": lambda number, count: ("acme.happened", {"number": number}, {}),
    "notices": lambda number, count: ("run.notice", {}, {}),
    "stages": STARTED,
    "stages that end": taking_turns(STARTED, lambda number, count: ("stage.completed", {}, of_node(number))),
    "visits": lambda number, count: ("stage.started", {}, of_node(0, number + 1)),
    "events that tell no visit": taking_turns(
        STARTED, lambda number, count: ("command.completed", {}, {"node_id": f"n{number}"})
    ),
    "branches": lambda number, count: (
        "parallel.branch.started",
        {},
        {**of_node(number), "parallel_group_id": "fan@1", "parallel_branch_id": f"fan@1:{number}"},
    ),
    "retries": lambda number, count: ("stage.retrying", {}, DRAFT),
    "attempts": lambda number, count: ("stage.started", {}, DRAFT),
    "checkpoints": REACHED,
    "checkpoints of many stages": taking_turns(STARTED, REACHED),
    "questions": ASKED,
    "questions that are answered": first_half(
        ASKED, lambda number, count: ("interview.timeout", {"question_id": f"q{number}"}, DRAFT)
    ),
    "agent sessions": lambda number, count: ("agent.session.activated", {}, in_session(number)),
    "agent sessions that end": taking_turns(
        lambda number, count: ("agent.session.activated", {}, in_session(number)),
        lambda number, count: ("agent.session.ended", {}, in_session(number)),
    ),
    "ends of sessions in many stages": taking_turns(
        STARTED, lambda number, count: ("agent.session.ended", {}, {"session_id": "s"})
    ),
    "tool calls": CALLED,
    "tool calls that end": first_half(
        CALLED, lambda number, count: ("agent.tool.completed", {"tool_call_id": f"c{number}"}, in_session(0))
    ),
    "tools": lambda number, count: ("agent.tool.started", {"tool_name": f"t{number}"}, in_session(number)),
    "model calls": THOUGHT,
    "model calls that end": first_half(THOUGHT, lambda number, count: ("agent.message", {}, in_session(number))),
    "retries of model calls": lambda number, count: ("agent.llm.retry", {}, in_session(0)),
    "todo list": lambda number, count: ("todo.created", {**TODO, "todo_id": f"t{number}"}, DRAFT),
    "todo list backwards": lambda number, count: (
        "todo.created",
        {**TODO, "todo_id": f"t{number}", "order": count - number},
        DRAFT,
    ),
    "todo lists": lambda number, count: ("todo.created", {**TODO, "list_id": f"l{number}"}, DRAFT),
    "todo list that is struck out": first_half(
        lambda number, count: ("todo.created", {**TODO, "todo_id": f"t{number}"}, DRAFT),
        lambda number, count: ("todo.deleted", {**TODO, "todo_id": f"t{number}"}, DRAFT),
    ),
    "subagents": lambda number, count: ("agent.sub.spawned", {"agent_id": f"a{number}"}, DRAFT),
    "skills": lambda number, count: ("agent.skill.activated", {"skill_name": f"s{number}"}, DRAFT),
    "servers": lambda number, count: ("agent.mcp.ready", {"server_name": f"s{number}"}, DRAFT),
    "commands": lambda number, count: ("command.completed", {"output": f"blob://sha256/{number:064}"}, DRAFT),
    "titles": lambda number, count: ("run.interrupt", {}, {}),
    "branches that end": lambda number, count: ("parallel.completed", {"results": []}, of_node(number)),
}

LARGE_EVENTS: dict[str, Callable[[int], Step]] = {
    "one prompt": lambda size: ("stage.prompt", {"text": "x" * size}, DRAFT),
    "one output": lambda size: ("command.completed", {"output": "\x1b[31mé\n" * (size // 8)}, DRAFT),
    "one checkpoint": lambda size: (
        "checkpoint.completed",
        {
            "node_outcomes": {f"n{number}": {"status": "skipped"} for number in range(size // 45)},
            "node_visits": {f"n{number}": 2 for number in range(size // 45)},
        },
        {},
    ),
    "one list of tools": lambda size: (
        "agent.tools.available",
        {
            "tools": [
                {"name": f"t{number}", "description": "d", "source": {"kind": "native"}, **TOOL}
                for number in range(size // 50)
            ]
        },
        DRAFT,
    ),
    "one question": lambda size: (
        "interview.started",
        {"options": [{"key": f"k{number}", "label": "l"} for number in range(size // 30)]},
        DRAFT,
    ),
    "one call": lambda size: ("agent.tool.completed", {"output": "é" * (size // 2)}, in_session(0)),
}


class Log(NamedTuple):
    """A run's log, and what it adds up to."""

    events: Sequence[RunEvent]
    records: tuple[EventRecord, ...]
    run: Projection


def written(steps: Sequence[Step]) -> Log:
    events = [event(1, "run.created", {**CREATED, "graph": GRAPH})]
    for name, changes, scope in [*((name, {}, {}) for name in RUNNING), *steps]:
        events.append(event(len(events) + 1, name, {**SAMPLES.get(name, {}), **changes}, **scope))
    records = tuple(EventRecord(seq=each.seq, kind=each.event, body=msgspec.json.encode(each)) for each in events)
    return Log(events, records, folded(events))


def folded(events: Sequence[RunEvent]) -> Projection:
    """As a log is written by many writers at once: batch upon batch, each with a row."""
    batch = Batch(None)
    for each in events:
        if batch.full:
            run = counted(batch.run)
            batch = Batch(run, state_bytes=len(row_of(run).state))
        batch.add([Entry(typed(each), bytes(each.properties))])
    run = counted(batch.run)
    row_of(run)
    return run


def log_of(nth: Nth) -> Callable[[int], Log]:
    def make(size: int) -> Log:
        count = size // len(msgspec.json.encode(event(1, *_sampled(nth(1, 100)))))
        return written([nth(number, count) for number in range(count)])

    return make


def log_of_one(make: Callable[[int], Step]) -> Callable[[int], Log]:
    return lambda size: written([make(size)])


def _sampled(step: Step) -> tuple[str, dict[str, Any]]:
    return step[0], {**SAMPLES.get(step[0], {}), **step[1], **step[2]}


ALL_LOGS: dict[str, Callable[[int], Log]] = {
    **{name: log_of(nth) for name, nth in LOGS.items()},
    **{name: log_of_one(make) for name, make in LARGE_EVENTS.items()},
}


@cache
def made(log: str, size: int) -> Log:
    return ALL_LOGS[log](size)


# -- what is read out of them ---------------------------------------------------------------------------------------


def folding(log: Log) -> None:
    folded(log.events)


def from_a_store(read: Callable[[MemoryRunStore], Awaitable[object]]) -> Callable[[Log], None]:
    """What is read from a store that has the log; filling it is measured, too."""

    async def reading(log: Log) -> None:
        store = MemoryRunStore(MemoryData())
        async with store.lifespan():
            await store.append(AppendBatch(run_id=RUN_ID, expected_seq=0, events=log.records, row=row_of(log.run)))
            await read(store)

    return lambda log: asyncio.run(reading(log))


async def reading_models(store: MemoryRunStore) -> None:
    off_loop, clock = OffLoop(), SystemClock()
    models = ReadModels(store, RunLog(store, clock), off_loop, Pictures(off_loop), clock)
    run_id = RunId(RUN_ID)
    msgspec.json.encode(await models.state(run_id))
    msgspec.json.encode(await models.stages(run_id))
    msgspec.json.encode(await models.checkpoint(run_id))
    msgspec.json.encode(await models.billing(run_id))


async def reading_events(store: MemoryRunStore) -> None:
    page = await store.read(EventQuery(run_id=RUN_ID, limit=1_000))
    page_json(page)
    for each in page.events[-5:]:
        await event_detail(store, RUN_ID, each.seq, max_content_bytes=20_000)


async def reading_outputs(store: MemoryRunStore) -> None:
    log = RunLog(store, SystemClock())
    await RunFiles(store, log, OffLoop()).changed(RunId(RUN_ID))
    run = msgspec.json.decode((await log.get(RUN_ID)).state, type=Projection)
    if "draft@1" in run.stages and run.stages["draft@1"].output_seq == run.seq and len(run.stages) < 2:
        told = msgspec.json.decode((await store.read(EventQuery(run_id=RUN_ID, limit=1_000))).events[-1].body)
        if not told["properties"]["output"].startswith("blob:"):
            await StageOutputs(store, log).read(RunId(RUN_ID), StageId("draft", 1), offset=0, limit=1_000)


async def billing(store: MemoryRunStore) -> None:
    await BillingLedger(store).bill()


def reading_projection(log: Log) -> None:
    run = msgspec.json.decode(msgspec.json.encode(log.run), type=Projection)
    run_body(run)
    run_billing(run.stages, 0)
    contribution(run.stages, 0)
    for target in (None, "@1", "draft", "draft@1"):
        try:
            fork_point(run, target)
        except InvalidRequest:
            continue


def following(log: Log) -> None:
    window, position = Window(0), 0
    for each in log.records:
        window.extend([Frame(each.seq, RUN_ID, frame(each.seq, each.body))], each.seq)
    while window.start <= position < window.end:
        position = window.since(position).position
    EventPage(events=log.records, has_more=False)


FOLDS: dict[str, Callable[[Log], None]] = {
    "projection": folding,
    "read models": from_a_store(reading_models),
    "pages and details": from_a_store(reading_events),
    "outputs and files": from_a_store(reading_outputs),
    "the bill of all runs": from_a_store(billing),
    "what a projection is asked": reading_projection,
    "frames of a stream": following,
}


EVERYTHING = {"projection", "read models"}
"""What is tried with every log; the others look at few things."""
SOME_LOGS = {"stages", "checkpoints of many stages", "questions", "commands", *LARGE_EVENTS}


@pytest.mark.parametrize(
    ("fold", "log"), [(fold, log) for fold in FOLDS for log in ALL_LOGS if fold in EVERYTHING or log in SOME_LOGS]
)
def test_reading_a_log_takes_time_in_proportion_to_it(fold: str, log: str) -> None:
    assert growth(FOLDS[fold], partial(made, log)) <= MOST_GROWTH
